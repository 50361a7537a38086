"""Which of the voices says each word.

Chunks of ten seconds are cut into local speakers, their runs into pieces of two seconds; pieces
are turned into embeddings, these are grouped over the whole talk, and words take the label of
the group that is active while they are spoken. A long talk is sampled first and looked at
closely only where speakers change, so that an hour costs little more than ten minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive.clustering import Voices, centres_of, group_voices, membership
from talkreel.perceive.voiceprint import (
    CHUNK_SECONDS,
    Voiceprint,
    load_voiceprint,
)

VERSION = 2
# Up to here every piece is embedded, and chunks overlap by half.
_THOROUGH_SECONDS = 300.0
# Sound that is embedded on a closer look where speakers change.
_CLOSER_SECONDS = 400.0
_PIECE_SECONDS = 2.4
# The middle of a piece is enough where there are many.
_SAMPLED_SECONDS = 1.6
# Beside a change of voice, pieces are heard again through windows of this length.
_WINDOW_SECONDS = 1.0
_CHANGE_REACH_SECONDS = 1.0
_MOST_REFINED = 90
# A piece too short to embed follows the nearest one; what the segmentation calls another voice
# counts as this much further away, another chunk (whose voices have other numbers) as this.
_OTHER_LOCAL_SECONDS = 3.0
_OTHER_CHUNK_SECONDS = 0.1
_WORKERS = 2
_MIN_PIECE_SECONDS = 0.5
_VOICED = 0.5
_WORD_REACH_SECONDS = 0.35


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch in which one local speaker talks.

    Attributes:
        span: source clock.
        alone: whether nobody else talks in it.
        chunk: index of its chunk.
        local: speaker within the chunk.
    """

    span: Span
    alone: bool
    chunk: int
    local: int


def diarize(
    audio: Audio, voice: Signal, words: Sequence[Word], *, progress: Progress = silent
) -> tuple[Word, ...]:
    """The words with speaker labels "A", "B", … in order of first appearance.

    Words without any voice around them take the label of their neighbours. All labels are None
    when the sound holds no voice at all, or when this build of moonshine-voice carries no
    speaker networks.
    """
    voiceprint = load_voiceprint() if words else None
    if voiceprint is None:
        progress(1.0)
        return tuple(replace(word, speaker=None) for word in words)
    pieces = _find_pieces(audio, voice, voiceprint, lambda share: progress(0.4 * share))
    thorough = audio.duration <= _THOROUGH_SECONDS
    ear = _Ear(audio, voiceprint)
    heard = _who(ear, pieces, thorough, lambda share: progress(0.4 + 0.6 * share))
    progress(1.0)
    if heard is None:
        return tuple(replace(word, speaker=None) for word in words)
    pieces, shares = heard
    labels = _steady(_votes(words, pieces, shares), words)
    names = {group: _letters(i) for i, group in enumerate(dict.fromkeys(labels.tolist()))}
    return tuple(
        replace(word, speaker=names[int(label)]) for word, label in zip(words, labels, strict=True)
    )


def _find_pieces(
    audio: Audio, voice: Signal, voiceprint: Voiceprint, progress: Progress
) -> list[_Piece]:
    step = CHUNK_SECONDS / 2 if audio.duration <= _THOROUGH_SECONDS else CHUNK_SECONDS
    starts = np.arange(0.0, max(audio.duration - CHUNK_SECONDS + step, step), step).tolist()
    margin = (CHUNK_SECONDS - step) / 2

    def search(index: int) -> list[_Piece]:
        chunk = Span(starts[index], starts[index] + CHUNK_SECONDS)
        last = index == len(starts) - 1
        trusted = Span(chunk.start + margin * (index > 0), chunk.end - margin * (not last))
        values = voice.over(trusted)
        if not values.size or float(np.nanmax(values)) < _VOICED:
            return []
        return _cut(voiceprint.segment(audio.samples(chunk)), chunk, trusted, index)

    pieces: list[_Piece] = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        for done, found in enumerate(pool.map(search, range(len(starts)))):
            pieces += found
            progress((done + 1) / len(starts))
    return sorted(pieces, key=lambda piece: (piece.span.start, piece.local))


def _cut(activity: FloatArray, chunk: Span, trusted: Span, index: int) -> list[_Piece]:
    """Runs of each local speaker inside ``trusted``, cut where others join in and when long."""
    rate = len(activity) / chunk.duration
    crowd = activity.sum(axis=1) > 1
    pieces = []
    for local in range(activity.shape[1]):
        state = (activity[:, local] > 0) * (1 + crowd)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], state, [0]])))
        for first, last in pairwise(edges.tolist()):
            span = Span(chunk.start + first / rate, chunk.start + last / rate).intersect(trusted)
            if state[first] == 0 or span is None:
                continue
            count = max(1, round(span.duration / _PIECE_SECONDS))
            bounds = np.linspace(span.start, span.end, count + 1).tolist()
            alone = bool(state[first] == 1)
            pieces += [_Piece(Span(a, b), alone, index, local) for a, b in pairwise(bounds)]
    return pieces


class _Ear:
    """Embeds spans of one recording on two threads.

    The networks run on one thread each and let go of the interpreter's lock.
    """

    def __init__(self, audio: Audio, voiceprint: Voiceprint) -> None:
        self._audio, self._voiceprint = audio, voiceprint

    def listen(self, spans: Sequence[Span], progress: Progress = silent) -> list[FloatArray]:
        """[D] vector of each span."""
        vectors = []
        with ThreadPoolExecutor(_WORKERS) as pool:
            for vector in pool.map(self._embed, spans):
                vectors.append(vector)
                progress(len(vectors) / len(spans))
        return vectors

    def _embed(self, span: Span) -> FloatArray:
        return self._voiceprint.embed(self._audio.samples(span))


def _who(
    ear: _Ear, pieces: list[_Piece], thorough: bool, progress: Progress
) -> tuple[list[_Piece], FloatArray] | None:
    """Pieces, finer where voices change, and [pieces, groups] probabilities; None if silent."""
    usable = [i for i, p in enumerate(pieces) if p.alone and p.span.duration >= _MIN_PIECE_SECONDS]
    if not usable:
        return None
    heard = CHUNK_SECONDS if thorough else _SAMPLED_SECONDS
    vectors: dict[int, FloatArray] = {}

    def embed(wanted: list[int], low: float, high: float) -> None:
        spans = [_middle(pieces[i].span, heard) for i in wanted]
        found = ear.listen(spans, lambda share: progress(low + (high - low) * share))
        vectors.update(zip(wanted, found, strict=True))

    embed(usable if thorough else _samples_of(pieces, usable), 0.0, 0.6)
    shares, centres = _group(pieces, vectors, heard)
    if not thorough and len(centres) > 1:
        embed(_near_changes(pieces, usable, shares, set(vectors)), 0.6, 0.8)
        shares, centres = _group(pieces, vectors, heard)
    return _refined(ear, pieces, shares, centres)


def _middle(span: Span, seconds: float) -> Span:
    spare = max(0.0, span.duration - seconds) / 2
    return span.pad(-spare, -spare)


def _refined(
    ear: _Ear, pieces: list[_Piece], shares: FloatArray, centres: FloatArray
) -> tuple[list[_Piece], FloatArray]:
    """Long pieces beside a change of voice, heard again through windows of a second.

    A change without a pause can lie anywhere inside either piece.
    """
    winners = shares.argmax(axis=1)
    beside = {
        i
        for first, second in pairwise(range(len(pieces)))
        if winners[first] != winners[second]
        and pieces[first].span.gap(pieces[second].span) < _CHANGE_REACH_SECONDS
        for i in (first, second)
        if pieces[i].alone and pieces[i].span.duration >= 1.5 * _WINDOW_SECONDS
    }
    flagged = sorted(beside)[:: max(1, -(-len(beside) // _MOST_REFINED))]
    rows: list[tuple[_Piece, FloatArray]] = list(zip(pieces, shares, strict=True))
    fine: list[tuple[_Piece, FloatArray]] = []
    for i in flagged:
        fine += _cells(ear, pieces[i], centres)
    rows = [row for i, row in enumerate(rows) if i not in set(flagged)] + fine
    rows.sort(key=lambda row: (row[0].span.start, row[0].local))
    return [piece for piece, _ in rows], np.stack([share for _, share in rows])


def _cells(ear: _Ear, piece: _Piece, centres: FloatArray) -> list[tuple[_Piece, FloatArray]]:
    """The piece in cells of about half a window, each judged by the windows that cover it."""
    count = max(3, round(piece.span.duration / (_WINDOW_SECONDS / 2)))
    edges = np.linspace(piece.span.start, piece.span.end, count + 1).tolist()
    windows = [Span(edges[k], edges[k + 2]) for k in range(count - 1)]
    seconds = np.array([window.duration for window in windows])
    odds = np.log(membership(Voices(np.stack(ear.listen(windows)), seconds), centres))
    cells = []
    for k, (start, end) in enumerate(pairwise(edges)):
        mean = odds[max(0, k - 1) : k + 1].mean(axis=0)
        share = np.exp(mean - mean.max())
        cells.append((replace(piece, span=Span(start, end)), share / share.sum()))
    return cells


def _samples_of(pieces: list[_Piece], usable: list[int]) -> list[int]:
    """The longest piece of each local speaker of each chunk."""
    best: dict[tuple[int, int], int] = {}
    for i in usable:
        key = (pieces[i].chunk, pieces[i].local)
        if key not in best or pieces[i].span.duration > pieces[best[key]].span.duration:
            best[key] = i
    return sorted(best.values())


def _near_changes(
    pieces: list[_Piece], usable: list[int], shares: FloatArray, known: set[int]
) -> list[int]:
    """Pieces of chunks that differ inside or from a neighbour, thinned out to the budget."""
    said: dict[int, set[int]] = {}
    for i in known:
        said.setdefault(pieces[i].chunk, set()).add(int(shares[i].argmax()))
    mixed = {
        chunk
        for chunk, groups in said.items()
        if len(groups | said.get(chunk - 1, groups) | said.get(chunk + 1, groups)) > 1
    }
    wanted = [i for i in usable if i not in known and pieces[i].chunk in mixed]
    total = sum(pieces[i].span.duration for i in wanted)
    return wanted[:: max(1, int(np.ceil(total / _CLOSER_SECONDS)))]


def _group(
    pieces: list[_Piece], vectors: dict[int, FloatArray], heard_seconds: float
) -> tuple[FloatArray, FloatArray]:
    """[pieces, groups] and the groups' [G, D] centres; unheard pieces follow the nearest heard."""
    known = sorted(vectors)
    seconds = np.array([min(pieces[i].span.duration, heard_seconds) for i in known])
    voices = Voices(np.stack([vectors[i] for i in known]), seconds)
    centres = centres_of(voices, group_voices(voices))
    judged = dict(zip(known, membership(voices, centres), strict=True))
    spans = np.array([(pieces[i].span.start, pieces[i].span.end) for i in known])
    places = np.array([(pieces[i].chunk, pieces[i].local) for i in known])
    rows = []
    for i, piece in enumerate(pieces):
        if i not in judged:
            after, before = spans[:, 0] - piece.span.end, piece.span.start - spans[:, 1]
            apart = np.maximum(0.0, np.maximum(after, before))
            same_chunk = places[:, 0] == piece.chunk
            other = places[:, 1] != piece.local
            apart += np.where(same_chunk, _OTHER_LOCAL_SECONDS * other, _OTHER_CHUNK_SECONDS)
            rows.append(judged[known[int(apart.argmin())]])
        else:
            rows.append(judged[i])
    return np.stack(rows), centres


def _votes(words: Sequence[Word], pieces: list[_Piece], shares: FloatArray) -> FloatArray:
    """[words, groups] seconds for which a group is active during (or right around) each word."""
    starts = np.array([piece.span.start for piece in pieces])
    ends = np.array([piece.span.end for piece in pieces])
    longest = float((ends - starts).max())
    votes = np.zeros((len(words), shares.shape[1]))
    for row, word in enumerate(words):
        for reach in (0.0, _WORD_REACH_SECONDS):
            low, high = word.span.start - reach, word.span.end + reach + 0.02
            first, last = np.searchsorted(starts, (low - longest, high))
            shared = np.minimum(ends[first:last], high) - np.maximum(starts[first:last], low)
            if (shared > 0).any():
                votes[row] = np.maximum(shared, 0.0) @ shares[first:last]
                break
    return votes


def _steady(votes: FloatArray, words: Sequence[Word]) -> NDArray[np.int_]:
    """One label per word by dynamic programming: changing speakers costs more without a pause."""
    share = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1e-9)
    gain = np.log(np.maximum(share, 0.02))
    best, back = gain[0], np.zeros(votes.shape, int)
    for i in range(1, len(words)):
        pause = words[i].span.start - words[i - 1].span.end
        cost = 2.5 if pause < 0.15 and not words[i - 1].ends_sentence else 1.0
        stay, move = best, float(best.max()) - cost
        back[i] = np.where(stay >= move, np.arange(len(best)), int(best.argmax()))
        best = np.maximum(stay, move) + gain[i]
    labels = np.zeros(len(words), int)
    labels[-1] = int(best.argmax())
    for i in range(len(words) - 1, 0, -1):
        labels[i - 1] = back[i, labels[i]]
    return labels


def _letters(index: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
