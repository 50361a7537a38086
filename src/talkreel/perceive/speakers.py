"""Which of the voices says each word.

Chunks of ten seconds are cut into local speakers, a stretch of each is turned into an
embedding, the embeddings are grouped over the whole talk, and words take the label of the
group that is active while they are spoken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive.clustering import Voices, group_voices
from talkreel.perceive.voiceprint import (
    CHUNK_SECONDS,
    SAMPLE_RATE_HZ,
    Voiceprint,
    load_voiceprint,
)

VERSION = 1
# Chunks overlap by half where the talk is short enough to afford twice the work.
_OVERLAP_BELOW_SECONDS = 900.0
# Sound per local speaker that is embedded: more costs more and says little more.
_EMBED_SECONDS = 2.0
_MIN_EMBED_SECONDS = 0.4
_VOICED = 0.5
_WORD_REACH_SECONDS = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """One local speaker of one chunk.

    Attributes:
        start: source second of the chunk.
        activity: [frames] 0..1 over the chunk.
        trusted: span of the chunk that no other chunk covers better.
        vector: embedding.
        seconds: how much sound the embedding saw.
    """

    start: float
    activity: FloatArray
    trusted: Span
    vector: FloatArray
    seconds: float


def diarize(
    audio: Audio, voice: Signal, words: Sequence[Word], *, progress: Progress = silent
) -> tuple[Word, ...]:
    """The words with speaker labels "A", "B", … in order of first appearance.

    Words without any voice around them take the label of the word before them. All labels are
    None when the sound holds no voice at all.
    """
    if not words:
        progress(1.0)
        return ()
    stretches = _listen(audio, voice, load_voiceprint(), progress)
    if not stretches:
        progress(1.0)
        return tuple(replace(word, speaker=None) for word in words)
    voices = Voices(
        np.stack([s.vector for s in stretches]), np.array([s.seconds for s in stretches])
    )
    groups = group_voices(voices)
    votes = np.array([_votes(word, stretches, groups) for word in words])
    labels = _steady(votes, words)
    progress(1.0)
    names = {group: _letters(i) for i, group in enumerate(dict.fromkeys(labels.tolist()))}
    return tuple(
        replace(word, speaker=names[int(label)]) for word, label in zip(words, labels, strict=True)
    )


def _listen(
    audio: Audio, voice: Signal, voiceprint: Voiceprint, progress: Progress
) -> list[_Stretch]:
    step = CHUNK_SECONDS / 2 if audio.duration <= _OVERLAP_BELOW_SECONDS else CHUNK_SECONDS
    starts = np.arange(0.0, max(audio.duration - CHUNK_SECONDS + step, step), step)
    stretches: list[_Stretch] = []
    for index, start in enumerate(starts):
        chunk = Span(float(start), float(start) + CHUNK_SECONDS)
        values = voice.over(chunk)
        if values.size and float(np.nanmax(values)) >= _VOICED:
            stretches += _local_speakers(audio.samples(chunk), chunk, step, voiceprint)
        progress(0.95 * (index + 1) / len(starts))
    return stretches


def _local_speakers(
    samples: NDArray[np.float32], chunk: Span, step: float, voiceprint: Voiceprint
) -> list[_Stretch]:
    activity = voiceprint.segment(samples)
    alone = activity * (activity.sum(axis=1, keepdims=True) == 1)
    margin = (CHUNK_SECONDS - step) / 2
    trusted = Span(chunk.start + margin * (chunk.start > 0), chunk.end - margin)
    result = []
    for column in range(activity.shape[1]):
        clip = _longest_runs(samples, alone[:, column] > 0)
        seconds = len(clip) / SAMPLE_RATE_HZ
        if seconds >= _MIN_EMBED_SECONDS:
            vector = voiceprint.embed(clip)
            result.append(_Stretch(chunk.start, activity[:, column], trusted, vector, seconds))
    return result


def _longest_runs(samples: NDArray[np.float32], active: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The longest active runs joined, up to the wanted length."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(int), [0]])))
    runs = sorted(edges.reshape(-1, 2).tolist(), key=lambda run: run[0] - run[1])
    per_frame = len(samples) / len(active)
    wanted = round(_EMBED_SECONDS * SAMPLE_RATE_HZ)
    parts: list[NDArray[np.float32]] = []
    for first, last in runs:
        low, high = round(first * per_frame), round(last * per_frame)
        part = samples[low : min(high, low + wanted)]
        parts.append(part)
        wanted -= len(part)
        if wanted <= 0:
            break
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _votes(word: Word, stretches: list[_Stretch], groups: NDArray[np.int_]) -> FloatArray:
    """[groups] seconds for which each group is active during (or else right around) the word."""
    votes = np.zeros(int(groups.max()) + 1)
    for reach in (0.0, _WORD_REACH_SECONDS):
        span = word.span.pad(reach, reach + 0.02)
        for stretch, group in zip(stretches, groups, strict=True):
            votes[group] += _active_seconds(stretch, span)
        if votes.any():
            break
    return votes


def _active_seconds(stretch: _Stretch, span: Span) -> float:
    inside = span.intersect(stretch.trusted)
    if inside is None:
        return 0.0
    rate = len(stretch.activity) / CHUNK_SECONDS
    first = int((inside.start - stretch.start) * rate)
    last = max(first + 1, int((inside.end - stretch.start) * rate))
    return float(stretch.activity[first:last].sum() / rate)


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
