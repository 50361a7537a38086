"""Where captions may stand: clear of what the platforms draw over a video, and off the face.

The margins of each platform and where they were read are data (``safe_areas.toml``). Without a
platform the widest margins of all short-video platforms hold, so that one clip fits them all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from talkreel.core.edits import Canvas


@dataclass(frozen=True, slots=True)
class SafeArea:
    """Margins that stay free, as shares of the canvas."""

    top: float
    bottom: float
    sides: float

    @property
    def width(self) -> float:
        """Share of the canvas' width that text may take."""
        return 1.0 - 2.0 * self.sides

    @property
    def lowest(self) -> float:
        """Share of the height below which nothing may reach."""
        return 1.0 - self.bottom


@dataclass(frozen=True, slots=True)
class Platform:
    """What one platform draws over tall videos, and where that was read."""

    area: SafeArea
    in_union: bool
    source: str


def _shipped() -> Mapping[str, Platform]:
    text = files("talkreel.edit").joinpath("safe_areas.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return MappingProxyType(
        {
            name: Platform(
                SafeArea(table["top"], table["bottom"], table["sides"]),
                table["in_union"],
                table["source"],
            )
            for name, table in tables.items()
        }
    )


PLATFORMS: Mapping[str, Platform] = _shipped()
_JOINT = [platform.area for platform in PLATFORMS.values() if platform.in_union]
_PHONE = SafeArea(
    top=max(area.top for area in _JOINT),
    bottom=max(area.bottom for area in _JOINT),
    sides=max(area.sides for area in _JOINT),
)
# Feeds show squarer videos with their controls outside; only players draw over the edge.
_FEED = SafeArea(top=0.06, bottom=0.10, sides=0.06)
_TALL = 1.5


def safe_area(canvas: Canvas) -> SafeArea:
    """The margins for a canvas: those of its platform for tall ones, a title-safe frame else.

    Raises:
        ValueError: no platform of that name.
    """
    if canvas.platform and canvas.platform not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise ValueError(f"no platform {canvas.platform!r}: choose one of {known}")
    if not _tall(canvas):
        return _FEED
    return PLATFORMS[canvas.platform].area if canvas.platform else _PHONE


def _tall(canvas: Canvas) -> bool:
    return canvas.height >= _TALL * canvas.width


def caption_bands(canvas: Canvas, block_height: float, edge: float = 0.0) -> tuple[float, ...]:
    """Upper edges (shares of the height) a text block may have, the preferred one first.

    The lower third, the middle, and under the top margin; each keeps a block of
    ``block_height`` with an outline or plate of ``edge`` around it inside the safe area.

    Raises:
        ValueError: the block is higher than the safe area.
    """
    area = safe_area(canvas)
    first, last = area.top + edge, area.lowest - block_height - edge
    if last < first:
        raise ValueError(f"a caption block of {block_height:.2f} does not fit the safe area")
    low = min(last, 0.66) if _tall(canvas) else last
    middle = min(max(first, 0.5 - block_height / 2), last)
    return (low, middle, first)
