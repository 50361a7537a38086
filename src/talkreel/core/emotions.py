"""The one space in which text, voice and face say what is felt: Ekman's six and neutral."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from talkreel.core.arrays import FloatArray, check_shape, frozen

# Ekman 1992, "An argument for basic emotions", and neutral. This order is that of every array.
EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
CHANNELS = ("text", "voice", "face")

# Pleasure and arousal of each word as rated by people: Russell & Mehrabian 1977, "Evidence for a
# three-factor theory of emotions" (angry, disgusted, fearful, joyful, sad, surprised). They lie
# where the circumplex of Russell 1980 puts them; neutral is its origin.
_CIRCUMPLEX: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "anger": (-0.51, 0.59),
        "disgust": (-0.60, 0.35),
        "fear": (-0.64, 0.60),
        "joy": (0.76, 0.48),
        "sadness": (-0.63, -0.27),
        "surprise": (0.40, 0.67),
        "neutral": (0.0, 0.0),
    }
)
VALENCE = frozen([_CIRCUMPLEX[name][0] for name in EMOTIONS])
AROUSAL = frozen([_CIRCUMPLEX[name][1] for name in EMOTIONS])

# The 28 labels of GoEmotions (Demszky et al. 2020) in the order of its files.
GOEMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion",
    "curiosity", "desire", "disappointment", "disapproval", "disgust", "embarrassment",
    "excitement", "fear", "gratitude", "grief", "joy", "love", "nervousness", "optimism", "pride",
    "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip

# How its authors fold the 28 into Ekman's classes (table in their appendix, ekman_mapping.json).
_EKMAN: Mapping[str, str] = MappingProxyType(
    {
        "anger": "anger annoyance disapproval",
        "disgust": "disgust",
        "fear": "fear nervousness",
        "joy": "admiration amusement approval caring desire excitement gratitude joy love "
        "optimism pride relief",
        "sadness": "disappointment embarrassment grief remorse sadness",
        "surprise": "confusion curiosity realization surprise",
        "neutral": "neutral",
    }
)
# And into groups: all of one sign, with Ekman's surprise as "ambiguous".
GROUPS = ("ambiguous", "negative", "positive", "neutral")
_GROUP_OF_EKMAN: Mapping[str, str] = MappingProxyType(
    {
        "anger": "negative",
        "disgust": "negative",
        "fear": "negative",
        "joy": "positive",
        "sadness": "negative",
        "surprise": "ambiguous",
        "neutral": "neutral",
    }
)

EKMAN_OF: Mapping[str, str] = MappingProxyType(
    {fine: name for name, words in _EKMAN.items() for fine in words.split()}
)
GROUP_OF: Mapping[str, str] = MappingProxyType(
    {fine: _GROUP_OF_EKMAN[name] for fine, name in EKMAN_OF.items()}
)
# [28, 7] and [28, 4] of 0 and 1: labels @ matrix counts the labels of each class.
TO_EKMAN = frozen([[EKMAN_OF[fine] == name for name in EMOTIONS] for fine in GOEMOTIONS])
TO_GROUP = frozen([[GROUP_OF[fine] == name for name in GROUPS] for fine in GOEMOTIONS])

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Emotion:
    """What is felt at one moment, and who says so.

    Attributes:
        probabilities: [7] in the order of ``EMOTIONS``, >= 0, sum 1.
        channels: those of ``CHANNELS`` that spoke; none of them twice, at least one.
    """

    probabilities: FloatArray
    channels: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "probabilities", frozen(self.probabilities))
        check_shape("probabilities", self.probabilities, (len(EMOTIONS),))
        total = float(self.probabilities.sum())
        if not (self.probabilities >= 0).all() or abs(total - 1) > _SUM_TOLERANCE:
            raise ValueError(f"probabilities of emotions are >= 0 and sum to 1, got {total:.4f}")
        unknown = set(self.channels) - set(CHANNELS)
        if unknown or not self.channels or len(set(self.channels)) != len(self.channels):
            raise ValueError(
                f"channels are one or more of {', '.join(CHANNELS)}, each once, "
                f"got {self.channels!r}"
            )

    @property
    def name(self) -> str:
        """The most probable of ``EMOTIONS``."""
        return EMOTIONS[int(self.probabilities.argmax())]

    @property
    def valence(self) -> float:
        """Unpleasant -1 .. pleasant 1: the mean place on the circumplex, so 0 when neutral."""
        return float(self.probabilities @ VALENCE)

    @property
    def arousal(self) -> float:
        """Calm -1 .. stirred 1, as ``valence``."""
        return float(self.probabilities @ AROUSAL)

    @property
    def strength(self) -> float:
        """Probability that anything but neutral is felt, 0..1."""
        return float(1 - self.probabilities[EMOTIONS.index("neutral")])
