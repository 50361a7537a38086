"""B-roll over the picture: stills and videos cut to their place, shown for exactly their frames."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from talkreel.core.craft import Broll, Placement
from talkreel.core.edits import Canvas, Edit
from talkreel.core.errors import MediaError, RenderError
from talkreel.core.media import Colour
from talkreel.media.ffmpeg import input_options
from talkreel.media.probe import probe
from talkreel.rendering.pixels import Pixels
from talkreel.rendering.schedule import Schedule
from talkreel.store.library import PICTURES, file_digest

# Light of SDR white in an HDR picture (ITU-R BT.2408: graphics white).
_WHITE_NITS = 203
_FRAME_SHARE = 0.004  # of the canvas height: the white frame around an inset
_HDR_TRANSFER = {Colour.HDR10: "smpte2084", Colour.HLG: "arib-std-b67"}


@dataclass(frozen=True, slots=True)
class Place:
    """Pixels and frames of one b-roll picture.

    Attributes:
        left: pixels from the left, even.
        top: pixels from the top, even.
        width: even.
        height: even.
        first: first delivered frame.
        last: one past the last.
    """

    left: int
    top: int
    width: int
    height: int
    first: int
    last: int

    @property
    def enabled(self) -> str:
        """An overlay's ``enable``."""
        return f"enable='between(n,{self.first},{self.last - 1})'"


def places(edit: Edit, schedule: Schedule) -> list[tuple[Broll, Place]]:
    """Where and when every picture of ``edit`` is shown; what is cut away is left out."""
    found = []
    for broll in edit.broll:
        at = edit.time_map.span_to_clip(broll.span)
        if at is None:
            continue
        first = math.ceil(at.start * schedule.rate - 1e-3)
        last = min(math.ceil(at.end * schedule.rate - 1e-3), schedule.frames)
        if last > first:
            found.append((broll, Place(*_pixels(broll, edit.canvas), first, last)))
    return found


def broll_inputs(edit: Edit, schedule: Schedule, folder: Path) -> list[str]:
    """Arguments that open the pictures of ``edit``, one input each; stills are cut in ``folder``.

    Raises:
        RenderError: a file is gone, was changed, or cannot be shown.
    """
    arguments: list[str] = []
    for number, (broll, place) in enumerate(places(edit, schedule)):
        path = Path(broll.asset.path)
        if not path.is_file():
            raise RenderError(f"the b-roll {path} is gone: put it back or take it out of the edit")
        if file_digest(path) != broll.asset.digest:
            raise RenderError(
                f"the b-roll {path} was changed since the edit was made: make it anew"
            )
        if path.suffix.lower() in PICTURES:
            still = folder / f"still{number}.png"
            _cut_still(path, place, still)
            seconds = float((place.last - place.first) / schedule.rate)
            arguments += ["-f", "image2", "-loop", "1", "-framerate", str(schedule.rate)]
            arguments += ["-t", f"{seconds + 1:.3f}", "-i", still.name]
        else:
            arguments += _video_options(broll, path)
    return arguments


def broll_chains(
    edit: Edit, schedule: Schedule, pixels: Pixels, first_input: int, before: str, after: str
) -> Iterator[str]:
    """Filters from ``[before]`` to ``[after]`` with the pictures on it.

    Args:
        edit: what is made.
        schedule: its frames.
        pixels: of the graph.
        first_input: number of the first b-roll input of ffmpeg.
        before: label of the picture without b-roll, in frames of the clip.
        after: label of the result.
    """
    rate = schedule.rate
    placed = places(edit, schedule)
    for i, (broll, place) in enumerate(placed):
        out = after if i == len(placed) - 1 else f"{after}{i}"
        base = before
        if broll.placement is Placement.SPLIT:
            base = f"{after}{i}b"
            yield from _moved_below(broll, place, edit.canvas, pixels, before, base)
        frame = _frame(broll, edit.canvas)
        inner_w, inner_h = place.width - 2 * frame, place.height - 2 * frame
        border = f",pad={place.width}:{place.height}:{frame}:{frame}:white" if frame else ""
        yield (
            f"[{first_input + i}:v]fps={rate}:start_time=0,"
            f"tpad=stop=-1:stop_mode=clone,trim=end_frame={place.last - place.first},"
            f"scale={inner_w}:{inner_h}:force_original_aspect_ratio=increase:flags=bicubic"
            f":out_color_matrix=bt709:out_range=tv,crop={inner_w}:{inner_h},setsar=1{border},"
            f"{_colours(pixels)}format={pixels.name},settb=1/{rate.numerator},"
            f"setpts=(N+{place.first})*{rate.denominator}[{after}{i}s]"
        )
        yield (
            f"[{base}][{after}{i}s]overlay={place.left}:{place.top}:format={pixels.overlaid}"
            f":eof_action=pass:{place.enabled}[{out}]"
        )
        before = out


def _moved_below(
    broll: Broll, place: Place, canvas: Canvas, pixels: Pixels, before: str, after: str
) -> Iterator[str]:
    """The middle of the canvas in its lower half."""
    tall = canvas.height - place.height
    top = min(round(broll.below * canvas.height / 2) * 2, place.height)
    yield f"[{before}]split[{after}k][{after}m]"
    yield f"[{after}m]crop={canvas.width}:{tall}:0:{top}[{after}l]"
    yield (
        f"[{after}k][{after}l]overlay=0:{place.height}:format={pixels.overlaid}:{place.enabled}"
        f"[{after}]"
    )


def _colours(pixels: Pixels) -> str:
    """SDR pictures as the graph's colours."""
    if pixels.colour is Colour.SDR:
        return ""
    return (
        "zscale=pin=709:tin=709:min=709:rin=tv:p=2020:m=2020_ncl:r=tv"
        f":t={_HDR_TRANSFER[pixels.colour]}:npl={_WHITE_NITS},"
    )


def _video_options(broll: Broll, path: Path) -> list[str]:
    try:
        media = probe(path)
    except MediaError as error:
        raise RenderError(f"the b-roll {path} cannot be shown: {error}") from error
    if media.video is None or media.video.colour is not Colour.SDR:
        what = "has no picture" if media.video is None else "is HDR"
        raise RenderError(f"the b-roll {path} {what}: b-roll is SDR video or a still")
    return input_options(media, seek_seconds=broll.start or None)


def _cut_still(path: Path, place: Place, out: Path) -> None:
    """Cut a still to its place at the side that is too long, so that ffmpeg decodes it once."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * place.width, 2 * place.height))
            upright = ImageOps.exif_transpose(image).convert("RGB")
        fitted = ImageOps.fit(upright, (place.width, place.height), Image.Resampling.LANCZOS)
        fitted.save(out, compress_level=1)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise RenderError(f"the b-roll {path} cannot be shown: {error}") from error


def _pixels(broll: Broll, canvas: Canvas) -> tuple[int, int, int, int]:
    left, top, right, bottom = broll.box
    x, y = _even(left * canvas.width), _even(top * canvas.height)
    width = max(2, _even(right * canvas.width) - x)
    height = max(2, _even(bottom * canvas.height) - y)
    return x, y, width, height


def _frame(broll: Broll, canvas: Canvas) -> int:
    if broll.placement is not Placement.INSET:
        return 0
    return max(2, _even(_FRAME_SHARE * canvas.height))


def _even(value: float) -> int:
    return 2 * round(value / 2)
