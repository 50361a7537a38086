"""Crop boxes: a region of the source that fills a place of the canvas."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.edits import Box
from talkreel.core.media import VideoStream

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class View:
    """A source picture and the place on the canvas that a crop of it fills, in pixels.

    Attributes:
        source_width: of the displayed picture.
        source_height: of the displayed picture.
        place_width: of the place (the canvas, or one half of it).
        place_height: of the place.
        upscale_limit: how far a crop may be enlarged.
    """

    source_width: int
    source_height: int
    place_width: int
    place_height: int
    upscale_limit: float

    @classmethod
    def of(cls, video: VideoStream, place: tuple[int, int], upscale_limit: float) -> View:
        """The view of a stream in a place of (width, height) pixels."""
        return cls(video.width, video.height, *place, upscale_limit)

    @property
    def width_per_height(self) -> float:
        """Share of the width that belongs to one share of the height, in a crop."""
        return self.place_width / self.place_height * self.source_height / self.source_width

    @property
    def largest(self) -> float:
        """Height share of the largest crop that fits into the picture."""
        return min(1.0, 1.0 / self.width_per_height)

    @property
    def smallest(self) -> float:
        """Height share of the smallest crop that the upscale limit allows."""
        share = self.place_height / self.upscale_limit / self.source_height
        return min(self.largest, share)

    @property
    def lost(self) -> float:
        """Share of the picture's area outside the largest crop."""
        return 1.0 - self.largest * self.largest * self.width_per_height

    def size(self, height: float) -> tuple[float, float]:
        """(width, height) shares of the crop of height share ``height``, within its bounds."""
        height = min(max(height, self.smallest), self.largest)
        return min(1.0, height * self.width_per_height), height

    def box(self, centre_x: float, top: float, height: float) -> Box:
        """The crop of ``height`` around ``centre_x`` from ``top`` down, moved into the picture."""
        width, height = self.size(height)
        left = min(max(0.0, centre_x - width / 2), 1.0 - width)
        top = min(max(0.0, top), 1.0 - height)
        return (left, top, left + width, top + height)

    def centre_box(self, centre_x: float = 0.5, centre_y: float = 0.5) -> Box:
        """The largest crop around a point."""
        return self.box(centre_x, centre_y - self.largest / 2, self.largest)


def visible_share(face: Box, region: Box) -> float:
    """Share of ``face``'s area inside ``region``."""
    area = (face[2] - face[0]) * (face[3] - face[1])
    if area <= 0:
        return 0.0
    across = min(face[2], region[2]) - max(face[0], region[0])
    down = min(face[3], region[3]) - max(face[1], region[1])
    return max(0.0, across) * max(0.0, down) / area


def centre_inside(face: Box, region: Box) -> bool:
    """Whether the middle of ``face`` lies in ``region``."""
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    return region[0] <= x <= region[2] and region[1] <= y <= region[3]
