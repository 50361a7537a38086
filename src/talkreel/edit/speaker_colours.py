"""A caption colour for each speaker, told apart also by people who see colours differently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.edits import CaptionStyle
from talkreel.core.transcript import Word
from talkreel.edit.contrast import luminance, rgb_of

# After Okabe & Ito's palette (Color Universal Design, 2008), lightened for dark outlines and
# plates, and darkened for light ones, until each has 4.5:1 there.
_LIGHT = ("#FFFFFF", "#6FC3F2", "#F5B041", "#5FE0B4", "#F3A6D0", "#F5EC6B", "#FFA87D", "#B9C2FF")
_DARK = ("#141414", "#004E7C", "#7A4A00", "#005A41", "#84295F", "#5A5300", "#8A2E00", "#2E3A9E")
# Closer than this (of a possible 441 in sRGB) two colours are taken for one.
_APART = 70.0


def speaker_colours(
    words: Iterable[Word], style: CaptionStyle, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Label to colour for everybody who speaks in a talk, most talkative first.

    The same talk gives the same colours in each of its clips. The colour that lights a word up
    is nobody's own.

    Args:
        words: of the whole talk.
        style: decides between light and dark colours.
        given: colours that are fixed, e.g. by a brand kit.
    """
    counts = Counter(word.speaker for word in words if word.speaker is not None)
    fixed = dict(given or {})
    dark_text = float(luminance(rgb_of(style.colour))) < 0.18
    taken = [style.active_colour, *fixed.values()]
    free = [c for c in (_DARK if dark_text else _LIGHT) if _distant(c, taken)]
    order = sorted(counts, key=lambda label: (-counts[label], label))
    unfixed = [label for label in order if label not in fixed]
    chosen = {label: free[i % len(free)] for i, label in enumerate(unfixed)} if free else {}
    return {label: fixed.get(label) or chosen.get(label, style.colour) for label in order}


def _distant(colour: str, others: Sequence[str]) -> bool:
    return all(_distance(rgb_of(colour), rgb_of(other)) >= _APART for other in others)


def _distance(first: FloatArray, second: FloatArray) -> float:
    return float(np.linalg.norm(first - second))
