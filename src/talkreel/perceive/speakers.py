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
from talkreel.perceive.clustering import Voices, group_voices, membership
from talkreel.perceive.voiceprint import (
    CHUNK_SECONDS,
    Voiceprint,
    load_voiceprint,
)

VERSION = 1
# Up to here every piece is embedded, and chunks overlap by half.
_THOROUGH_SECONDS = 300.0
# Sound that is embedded on a closer look where speakers change.
_CLOSER_SECONDS = 400.0
_PIECE_SECONDS = 2.4
# The middle of a piece is enough where there are many.
_SAMPLED_SECONDS = 1.6
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
    shares = _who(audio, pieces, voiceprint, lambda share: progress(0.4 + 0.6 * share))
    progress(1.0)
    if shares is None:
        return tuple(replace(word, speaker=None) for word in words)
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


def _who(
    audio: Audio, pieces: list[_Piece], voiceprint: Voiceprint, progress: Progress
) -> FloatArray | None:
    """[pieces, groups] probability that each group says each piece; None without voice."""
    usable = [i for i, p in enumerate(pieces) if p.alone and p.span.duration >= _MIN_PIECE_SECONDS]
    if not usable:
        return None
    vectors: dict[int, FloatArray] = {}
    thorough = audio.duration <= _THOROUGH_SECONDS
    heard = CHUNK_SECONDS if thorough else _SAMPLED_SECONDS

    def listen(index: int) -> FloatArray:
        span = pieces[index].span
        spare = max(0.0, span.duration - heard)
        return voiceprint.embed(audio.samples(span.pad(-spare / 2, -spare / 2)))

    def embed(wanted: list[int], low: float, high: float) -> None:
        # The networks run on one thread each and let go of the interpreter's lock.
        with ThreadPoolExecutor(_WORKERS) as pool:
            for done, (i, vector) in enumerate(zip(wanted, pool.map(listen, wanted), strict=True)):
                vectors[i] = vector
                progress(low + (high - low) * (done + 1) / len(wanted))

    embed(usable if thorough else _samples_of(pieces, usable), 0.0, 0.7)
    shares = _group(pieces, vectors, heard)
    if not thorough and shares.shape[1] > 1:
        embed(_near_changes(pieces, usable, shares, set(vectors)), 0.7, 1.0)
        shares = _group(pieces, vectors, heard)
    return shares


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
) -> FloatArray:
    """[pieces, groups]; a piece without embedding takes that of the nearest of its speaker."""
    known = sorted(vectors)
    seconds = np.array([min(pieces[i].span.duration, heard_seconds) for i in known])
    voices = Voices(np.stack([vectors[i] for i in known]), seconds)
    probabilities = dict(zip(known, membership(voices, group_voices(voices)), strict=True))
    middles = np.array([pieces[i].span.middle for i in known])
    places = np.array([(pieces[i].chunk, pieces[i].local) for i in known])
    rows = []
    for i, piece in enumerate(pieces):
        if i not in probabilities:
            apart = np.abs(middles - piece.span.middle)
            apart += 3.0 * np.any(places != (piece.chunk, piece.local), axis=1)
            rows.append(probabilities[known[int(apart.argmin())]])
        else:
            rows.append(probabilities[i])
    return np.stack(rows)


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
