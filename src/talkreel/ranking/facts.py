"""What is known about every unit before any span is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.signals import Signal
from talkreel.ranking import hook_words
from talkreel.ranking.edges import Edges
from talkreel.ranking.emotion_words import FEELING
from talkreel.ranking.hooks import Cue, hook_cues, hook_strength
from talkreel.ranking.repeats import earlier_twin
from talkreel.ranking.talk import Talk, Unit
from talkreel.ranking.topics import segment, similarity_drop, topic_of
from talkreel.ranking.weights import HookWeights
from talkreel.ranking.wording import content, is_name, is_number

IntArray = np.ndarray[tuple[int], np.dtype[np.int64]]
REACTION_TAIL_SECONDS = 2.5  # a room reacts after the line that earns it


@dataclass(frozen=True, eq=False)
class Facts:
    """Per-unit measurements; arrays are [U].

    Attributes:
        edges: how good each unit is as a start and as an end.
        cues: opening devices in each unit.
        hook: their strength 0..1.
        words: number of words.
        names: proper names.
        numbers: counting words.
        rare: sum over content words of their rarity in the talk (0..1 each).
        feeling: sum of arousal of charged words.
        twin: index of the earliest unit that says the same, else the unit's own index.
        topic: number of the topic segment.
        drop: change of meaning at the start of the unit, 0..1.
        loudness: dB against the talk's median while speaking; NaN without the signal.
        pitch_range: semitones between the 10th and 90th percentile; NaN likewise.
        pace: words per second; NaN without words.
        reaction: strongest laughter or applause during or right after, 0..1; NaN likewise.
        music: share of music, 0..1; NaN likewise.
    """

    edges: Edges
    cues: tuple[tuple[Cue, ...], ...]
    hook: FloatArray
    words: FloatArray
    names: FloatArray
    numbers: FloatArray
    rare: FloatArray
    feeling: FloatArray
    twin: IntArray
    topic: IntArray
    drop: FloatArray
    loudness: FloatArray
    pitch_range: FloatArray
    pace: FloatArray
    reaction: FloatArray
    music: FloatArray


def gather(talk: Talk, hook_weights: HookWeights) -> Facts:
    """Measure every unit of a talk."""
    units = talk.units
    cues = tuple(hook_cues(unit, hook_weights) for unit in units)
    embeddings = talk.embeddings
    return Facts(
        edges=Edges.of(talk),
        cues=cues,
        hook=_array(hook_strength(found) for found in cues),
        words=_array(len(unit.words) for unit in units),
        names=_array(_count_names(unit) for unit in units),
        numbers=_array(_count_numbers(unit) for unit in units),
        rare=_rarity(units),
        feeling=_array(_feeling(unit) for unit in units),
        twin=earlier_twin(units, embeddings),
        topic=topic_of(segment(embeddings), len(units)),
        drop=similarity_drop(embeddings) if talk.has_words else np.zeros(len(units)),
        loudness=_loudness(units, talk.signals),
        pitch_range=_array(_pitch_range(unit, talk.signals.get("pitch")) for unit in units),
        pace=_array(_pace(unit) for unit in units),
        reaction=_array(_peak(unit, talk.signals.get("reaction")) for unit in units),
        music=_array(_mean(unit, talk.signals.get("music")) for unit in units),
    )


def _array(values: Iterable[float]) -> FloatArray:
    return np.fromiter(values, dtype=np.float64)


def _count_names(unit: Unit) -> int:
    return sum(
        is_name(word.text, i == 0 or unit.words[i - 1].ends_sentence)
        for i, word in enumerate(unit.words)
    )


def _count_numbers(unit: Unit) -> int:
    pairs = zip(unit.words, unit.bare, strict=True)
    return sum(is_number(word.text, plain, hook_words.NUMBERS) for word, plain in pairs)


def _rarity(units: tuple[Unit, ...]) -> FloatArray:
    """Sum over content words of log(U / units that use it) / log U (inverse document frequency)."""
    used = Counter(word for unit in units for word in set(content(unit.bare)))
    scale = np.log(len(units) + 1)
    return _array(
        sum(np.log((len(units) + 1) / used[word]) / scale for word in set(content(unit.bare)))
        for unit in units
    )


def _feeling(unit: Unit) -> float:
    return float(sum(FEELING[word][1] for word in unit.bare if word in FEELING))


def _loudness(units: tuple[Unit, ...], signals: Mapping[str, Signal]) -> FloatArray:
    signal = signals.get("loudness") or signals.get("energy")
    values = _array(_mean(unit, signal) for unit in units)
    known = values[np.isfinite(values) & (values > -70)]
    return values - float(np.median(known)) if known.size else np.full(len(units), np.nan)


def _mean(unit: Unit, signal: Signal | None) -> float:
    if signal is None or not len(signal.values):
        return float("nan")
    value = signal.mean_over(unit.span)
    return value if np.isfinite(value) else float("nan")


def _pitch_range(unit: Unit, signal: Signal | None) -> float:
    if signal is None:
        return float("nan")
    values = np.asarray(signal.over(unit.span), dtype=np.float64)
    voiced = values[np.isfinite(values) & (values > 0)]
    if voiced.size < 8:
        return float("nan")
    low, high = np.percentile(voiced, [10, 90])
    return float(12 * np.log2(high / low))


def _pace(unit: Unit) -> float:
    return len(unit.words) / unit.span.duration if len(unit.words) >= 3 else float("nan")


def _peak(unit: Unit, signal: Signal | None) -> float:
    if signal is None:
        return float("nan")
    after = unit.span.pad(0, REACTION_TAIL_SECONDS)
    values = np.asarray(signal.over(after), dtype=np.float64)
    known = values[np.isfinite(values)]
    return float(np.clip(known.max(), 0, 1)) if known.size else float("nan")
