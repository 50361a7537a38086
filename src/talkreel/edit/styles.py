"""The caption styles that can be asked for by name.

Sizes are em heights as shares of the height of a 9:16 canvas; ``captions.fit_style`` adapts
them to other shapes. Fonts are the ones ``fonts.font_folders`` finds in installed packages.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from talkreel.core.edits import CaptionStyle

_ALL = (
    CaptionStyle(
        name="bold",
        font="Roboto Black",
        font_file="Roboto-Black.ttf",
        size=0.036,
        outline=0.0036,
        words_per_cue=6,
        shadow=0.0012,
    ),
    CaptionStyle(
        name="clean",
        font="Roboto Medium",
        font_file="Roboto-Medium.ttf",
        size=0.030,
        active_colour="#7FE3FF",
        outline=0.0,
        plate_colour="#101014",
        plate_opacity=0.72,
        words_per_cue=8,
    ),
    CaptionStyle(
        name="pop",
        font="Roboto Black",
        font_file="Roboto-Black.ttf",
        size=0.047,
        active_colour="#3DF27C",
        outline=0.0048,
        uppercase=True,
        words_per_cue=3,
        shadow=0.0018,
    ),
    CaptionStyle(
        name="minimal",
        font="Roboto Medium",
        font_file="Roboto-Medium.ttf",
        size=0.028,
        colour="#E6E6E6",
        active_colour="#FFFFFF",
        outline=0.0016,
        words_per_cue=8,
        shadow=0.001,
    ),
)

STYLES: Mapping[str, CaptionStyle] = MappingProxyType({style.name: style for style in _ALL})


def find_style(name: str) -> CaptionStyle:
    """The style called ``name``.

    Raises:
        ValueError: there is none; the message lists the names.
    """
    if name not in STYLES:
        raise ValueError(f"no caption style {name!r}: choose one of {', '.join(STYLES)}")
    return STYLES[name]
