"""What trained models read in a talk, sentence by sentence, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray, frozen

# Share of sentences after which a room reacts, in the speeches that the model learned from: a
# sentence at this probability is ordinary.
USUAL_REACTION = 0.13


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Predictions for the S sentences of a transcript; what no model read is None.

    Attributes:
        reaction: [S] probability that an audience reacts after the sentence.
        hook: [S] 0..1, how likely the sentence beats an ordinary opening.
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
        """[S] 0..1: the reaction's odds against the usual ones; 0.5 for an ordinary sentence."""
        if self.reaction is None:
            return None
        up = self.reaction * (1 - USUAL_REACTION)
        return np.asarray(up / np.maximum(up + (1 - self.reaction) * USUAL_REACTION, 1e-9))
