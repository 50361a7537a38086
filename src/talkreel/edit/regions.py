"""What of the source an edit shows, and where on the canvas."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.edits import Box, Canvas, Layout, LayoutKind
from talkreel.edit.geometry import WHOLE


@dataclass(frozen=True, slots=True)
class Region:
    """A box of the source (shares) and the box of the canvas it fills (shares)."""

    source: Box
    canvas: Box

    def place(self, box: Box) -> Box | None:
        """A source box on the canvas, cut to what is visible; None when nothing is."""
        left, top, right, bottom = self.source
        across = (self.canvas[2] - self.canvas[0]) / (right - left)
        down = (self.canvas[3] - self.canvas[1]) / (bottom - top)
        x0 = self.canvas[0] + (max(box[0], left) - left) * across
        x1 = self.canvas[0] + (min(box[2], right) - left) * across
        y0 = self.canvas[1] + (max(box[1], top) - top) * down
        y1 = self.canvas[1] + (min(box[3], bottom) - top) * down
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def regions_at(
    layout: Layout, time: float, canvas: Canvas, source_aspect: float
) -> tuple[Region, ...]:
    """What ``layout`` shows at a source second; empty for a waveform.

    Args:
        layout: of an edit.
        time: source second.
        canvas: of the edit.
        source_aspect: width over height of the displayed source.
    """
    boxes = [path.box_at(time) for path in layout.paths]
    match layout.kind:
        case LayoutKind.CROP:
            return (Region(boxes[0], WHOLE),)
        case LayoutKind.SPLIT:
            return (
                Region(boxes[0], (0.0, 0.0, 1.0, 0.5)),
                Region(boxes[1], (0.0, 0.5, 1.0, 1.0)),
            )
        case LayoutKind.FIT:
            return (Region(boxes[0], _fitted(boxes[0], canvas, source_aspect)),)
        case LayoutKind.WAVEFORM:
            return ()


def _fitted(box: Box, canvas: Canvas, source_aspect: float) -> Box:
    """Where a region stands when it is shown whole in the middle of the canvas."""
    aspect = (box[2] - box[0]) / (box[3] - box[1]) * source_aspect
    shape = canvas.width / canvas.height
    width, height = min(1.0, aspect / shape), min(1.0, shape / aspect)
    return ((1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2)
