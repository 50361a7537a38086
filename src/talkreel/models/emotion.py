"""Emotions of text, voice and face in one space, and what they say together.

A linear opinion pool (Stone 1961): each channel counts by its measured reliability, so the shares
are exactly how much each one counted, and a channel that knows no surprise cannot veto it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.emotions import CHANNELS, EMOTIONS, Emotion
from talkreel.core.errors import SchemaError
from talkreel.core.signals import Signal
from talkreel.models.bundle import BundleSpec

# Labels of the data sets in the common space. Boredom and calm stir as little as neutral does;
# contempt is nearest to disgust (Rozin et al. 1999).
EMOTION_OF: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in EMOTIONS},
        "angry": "anger",
        "fearful": "fear",
        "happiness": "joy",
        "happy": "joy",
        "sad": "sadness",
        "surprised": "surprise",
        "boredom": "neutral",
        "calm": "neutral",
        "contempt": "disgust",
    }
)
# The figures that say how far a channel can be trusted on people it does not know, the best known
# one first: the voice's on another corpus counts, since that is what it meets in use.
_FIGURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "voice": ("uar ravdess", "uar unknown speaker", "uar"),
        "face": ("accuracy fer+ majority deduplicated", "accuracy fer+ majority"),
        "text": ("macro-F1 Ekman deduplicated", "macro-F1 Ekman"),
    }
)
_LEAST = 0.05  # a channel that is no better than chance still counts when it alone speaks


@dataclass(frozen=True, slots=True)
class Fused:
    """What the channels say together.

    Attributes:
        emotion: with the channels that spoke.
        shares: of each of them in it, > 0, sum 1.
    """

    emotion: Emotion
    shares: Mapping[str, float]


def to_emotions(probabilities: FloatArray, labels: Sequence[str]) -> FloatArray:
    """[N, 7] in the order of ``EMOTIONS`` from [N, L] of a data set's labels.

    Raises:
        ValueError: a label that is not in the common space, or another number of columns.
    """
    unknown = [label for label in labels if label not in EMOTION_OF]
    if unknown:
        raise ValueError(f"no place for {', '.join(unknown)} among {', '.join(EMOTIONS)}")
    if probabilities.ndim != 2 or probabilities.shape[1] != len(labels):
        raise ValueError(f"expected [N, {len(labels)}] probabilities, got {probabilities.shape}")
    where = [[EMOTION_OF[label] == name for name in EMOTIONS] for label in labels]
    return np.asarray(probabilities @ np.asarray(where, dtype=probabilities.dtype))


def reliability(channel: str, spec: BundleSpec) -> float:
    """How far above chance the bundle of a channel was measured, 0.05..1; 1 is never wrong.

    Raises:
        ValueError: an unknown channel.
        SchemaError: the bundle has none of the figures that say so.
    """
    if channel not in CHANNELS:
        raise ValueError(f"unknown channel {channel!r}; known are {', '.join(CHANNELS)}")
    values = {metric.name: metric.value for metric in spec.metrics}
    for name in _FIGURES[channel]:
        if name in values:
            chance = 1 / len(EMOTIONS)
            return float(np.clip((values[name] - chance) / (1 - chance), _LEAST, 1.0))
    raise SchemaError(
        f"the bundle {spec.name!r} states none of {', '.join(_FIGURES[channel])}: evaluate and "
        "export it again"
    )


def fuse(spoken: Sequence[Emotion], reliabilities: Mapping[str, float]) -> Fused:
    """What several channels say together.

    Args:
        spoken: what each channel says, one channel each, in any order.
        reliabilities: of the channels, > 0; those that did not speak are ignored.

    Raises:
        ValueError: nobody spoke, one spoke twice or for several channels, or a reliability is
            missing or not positive.
    """
    names = [emotion.channels for emotion in spoken]
    if not names or any(len(name) != 1 for name in names) or len(set(names)) != len(names):
        raise ValueError(f"one or more channels must speak, each once and for itself, got {names}")
    channels = [name[0] for name in names]
    weights = np.array([reliabilities.get(channel, 0.0) for channel in channels])
    if not (weights > 0).all() or not np.isfinite(weights).all():
        raise ValueError(f"each of {channels} needs a reliability > 0, got {weights.tolist()}")
    weights = weights / weights.sum()
    mixed = weights @ np.stack([emotion.probabilities for emotion in spoken])
    order = sorted(range(len(channels)), key=lambda i: CHANNELS.index(channels[i]))
    return Fused(
        Emotion(np.asarray(mixed / mixed.sum()), tuple(channels[i] for i in order)),
        MappingProxyType({channels[i]: float(weights[i]) for i in order}),
    )


def fuse_signals(
    signals: Mapping[str, Signal], reliabilities: Mapping[str, float]
) -> tuple[Signal, Signal]:
    """The fused emotion over time, and how much each channel counted.

    Args:
        signals: of channels, 7 columns each, NaN where a channel is silent; steps may differ.
        reliabilities: of the channels.

    Returns:
        ``emotion`` with the 7 columns, NaN where nobody spoke, and ``emotion_channels`` with one
        column per channel given, 0 where it is silent. Both have the finest step.

    Raises:
        ValueError: no signals, unknown channels, other columns, or a reliability missing.
    """
    if not signals or not set(signals) <= set(CHANNELS):
        raise ValueError(f"expected signals of {', '.join(CHANNELS)}, got {sorted(signals)}")
    for name, signal in signals.items():
        if signal.channels != EMOTIONS:
            raise ValueError(f"the signal of the {name} must have the columns {EMOTIONS}")
        if not reliabilities.get(name, 0.0) > 0:
            raise ValueError(f"the {name} needs a reliability > 0")
    names = [name for name in CHANNELS if name in signals]
    step = min(signal.step for signal in signals.values())
    start = min(signal.span.start for signal in signals.values())
    count = max(0, round((max(s.span.end for s in signals.values()) - start) / step))
    times = start + (np.arange(count) + 0.5) * step
    rows = np.stack([_at(signals[name], times) for name in names])
    known = np.asarray(~np.isnan(rows).any(axis=2))
    weights = known * np.array([reliabilities[name] for name in names])[:, None]
    total = weights.sum(axis=0)
    shares = weights / np.where(total > 0, total, 1)
    mixed = (np.where(known[:, :, None], rows, 0) * shares[:, :, None]).sum(axis=0)
    mixed[total == 0] = np.nan
    return (
        Signal("emotion", mixed.astype(np.float32), "probability", start, step, EMOTIONS),
        Signal("emotion_channels", shares.T.astype(np.float32), "share", start, step, tuple(names)),
    )


def _at(signal: Signal, times: FloatArray) -> FloatArray:
    """[T, 7] values at ``times``, NaN beyond the ends."""
    index = np.floor((times - signal.start) / signal.step + 1e-9).astype(np.int64)
    inside = (index >= 0) & (index < len(signal.values))
    rows = np.full((len(times), len(EMOTIONS)), np.nan)
    rows[inside] = signal.values[index[inside]]
    return rows
