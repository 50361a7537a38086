"""Which words of a clip carry its point, by the evidence there is for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from talkreel.core.edits import CaptionWord

# At most one word of so many: emphasis everywhere is emphasis nowhere.
ONE_OF = 6
# Words between two emphasised ones.
_APART = 3
# Weak evidence on one count alone does not make a word the point.
_LEAST = 0.45
# How much each kind of evidence counts. What a score was given for weighs most; the rest tells
# words of equal standing apart.
_WEIGHTS = {"cited": 0.55, "key": 0.45, "charged": 0.35, "named": 0.25, "model": 0.3, "loud": 0.15}


@dataclass(frozen=True, slots=True)
class WordEvidence:
    """What speaks for emphasising one word; every value is 0..1.

    Attributes:
        content: whether it may be emphasised at all (function words and fillers may not).
        cited: whether a score's evidence names it.
        key: how typical it is of this clip against the rest of the talk.
        charged: strength of the feeling it names.
        named: whether it is a name or a number.
        model: what the engagement and emotion models say of its second, within the clip.
        loud: how far it stands out by its sound, within the clip.
    """

    content: bool
    cited: float = 0.0
    key: float = 0.0
    charged: float = 0.0
    named: float = 0.0
    model: float = 0.0
    loud: float = 0.0

    @property
    def score(self) -> float:
        """Weighted sum; 0 for a word that may not be emphasised."""
        if not self.content:
            return 0.0
        return float(sum(weight * getattr(self, name) for name, weight in _WEIGHTS.items()))


def emphasise(
    words: Sequence[CaptionWord], evidence: Sequence[WordEvidence]
) -> tuple[CaptionWord, ...]:
    """``words`` with the emphasis on those with the most evidence.

    At most one of ``ONE_OF``, never two close together, the earlier one of equals; none where
    nothing stands out.

    Args:
        words: of a clip, in order.
        evidence: one for each.
    """
    order = sorted(range(len(words)), key=lambda i: (-evidence[i].score, i))
    chosen: list[int] = []
    for i in order:
        if len(chosen) >= len(words) // ONE_OF or evidence[i].score < _LEAST:
            break
        if all(abs(i - other) > _APART for other in chosen):
            chosen.append(i)
    return tuple(replace(word, emphasis=i in set(chosen)) for i, word in enumerate(words))
