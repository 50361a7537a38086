"""What trained models read in a talk, sentence by sentence, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray, frozen

_LEAST = 1e-4  # keeps the log odds finite


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Predictions for the S sentences of a transcript; what no model read is None.

    Attributes:
        reaction: [S] probability that an audience reacts after the sentence.
        hook: [S] log odds as an opening; only differences mean something.
        emotions: [S, E] probabilities, fused over the channels that spoke.
        emotion_names: of the E columns; one of them is ``neutral``.
        channels: what the emotions come from, e.g. ``text``, ``voice``.
        sources: name and version of each model that read.
    """

    reaction: FloatArray | None = None
    hook: FloatArray | None = None
    emotions: FloatArray | None = None
    emotion_names: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("reaction", "hook", "emotions"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, frozen(np.asarray(values, dtype=np.float64)))
        if self.emotions is not None and self.emotions.shape[1:] != (len(self.emotion_names),):
            raise ValueError(
                f"emotions {self.emotions.shape} do not fit {len(self.emotion_names)} names"
            )
        if self.emotions is not None and "neutral" not in self.emotion_names:
            raise ValueError("the emotions need a neutral column")
        lengths = {
            len(values)
            for values in (self.reaction, self.hook, self.emotions)
            if values is not None
        }
        if len(lengths) > 1:
            raise ValueError(f"readings of different numbers of sentences: {sorted(lengths)}")

    @property
    def feeling(self) -> FloatArray | None:
        """[S] 0..1: how far each sentence is from neutral."""
        if self.emotions is None:
            return None
        return np.asarray(1 - self.emotions[:, self.emotion_names.index("neutral")])

    @property
    def engaging(self) -> FloatArray | None:
        """[S] 0..1: odds of a reaction against those of this talk's median sentence.

        What a room does depends on the occasion more than on the sentence, so only the
        differences within a talk are used; its median sentence has 0.5.
        """
        if self.reaction is None:
            return None
        sure = np.clip(self.reaction, _LEAST, 1 - _LEAST)
        return _against_median(np.log(sure / (1 - sure)))

    @property
    def catching(self) -> FloatArray | None:
        """[S] 0..1: chance to beat this talk's median sentence as an opening."""
        return None if self.hook is None else _against_median(self.hook)


def _against_median(odds: FloatArray) -> FloatArray:
    middle = np.median(odds) if len(odds) else 0.0
    return np.asarray(1 / (1 + np.exp(-(odds - middle))))
