"""The picture's filter graph: frames of the kept spans, laid out, captioned, in BT.709."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from talkreel.core.edits import Edit, LayoutKind
from talkreel.core.media import Media
from talkreel.rendering.broll import broll_chains, places
from talkreel.rendering.colour import Conversion, SourceColour, conversion, matrix_of
from talkreel.rendering.enlarge import Enlarged, Region, cutting, read_enlarged
from talkreel.rendering.logo import logo_chain
from talkreel.rendering.picture import finding_shake, mending, steadying
from talkreel.rendering.pieces import Piece, even, make_pieces
from talkreel.rendering.pixels import PLAIN, Pixels
from talkreel.rendering.schedule import Schedule, Stretch, picture_times
from talkreel.rendering.stickers import sticker_chains
from talkreel.rendering.waveform import waveform_filters
from talkreel.rendering.windows import Picture, Window, cut_filters

CAPTIONS_NAME = "captions.ass"
FONTS_NAME = "fonts"
# The fill behind a fitted picture: blurred at 1/16 size, where a small blur is a wide one.
_FILL_SHRINK = 16
_FILL_BLUR = 2.2
_FILL_LIGHT = 0.55


def picture_graph(
    edit: Edit,
    media: Media,
    schedule: Schedule,
    found: SourceColour,
    *,
    waveform_input: int | None = None,
    broll_input: int = 0,
    logo_input: int = 0,
    drawn: bool,
    enlarged: Enlarged | None = None,
) -> str:
    """The graph from the stretches' inputs to ``[picture]``.

    Args:
        edit: what is made.
        media: input ``i`` of ffmpeg is stretch ``i`` of it, unless there are enlarged frames.
        schedule: frames of the clip.
        found: the source's colours.
        waveform_input: number of the input that carries the drawn waveform, if there is one.
        broll_input: number of the first input that carries b-roll, if there is any.
        logo_input: number of the first input of graphics: the logo, if there is one, then stickers.
        drawn: whether the caption script draws anything.
        enlarged: input 0 where a network enlarged the picture.
    """
    rate, pixels = schedule.rate, Pixels.of(edit, media)
    chains: list[str] = []
    pieces = make_pieces(edit, media, schedule, enlarged)
    if enlarged is not None and media.video is not None:
        chains += read_enlarged(schedule, matrix_of(media.video, found))
    elif any(piece.kind is not LayoutKind.WAVEFORM for piece in pieces):
        chains += _read_stretches(schedule, media, found, steady=edit.picture.steady)
    names = [f"p{i}" for i in range(len(pieces))]
    chains += _distribute(pieces, names, waveform_input)
    for piece, name in zip(pieces, names, strict=True):
        # Enlarged frames were mended before.
        mended = "" if enlarged else _mended(piece, edit, media, schedule, found)
        chains += _piece_chains(piece, name, edit, media, found, pixels, mended, enlarged)
    whole = "".join(f"[{name}o]" for name in names)
    joined = f"concat=n={len(pieces)}:v=1:a=0" if len(pieces) > 1 else "null"
    counted = f"{whole}{joined},settb=1/{rate.numerator},setpts=N*{rate.denominator}"
    chains.append(f"{counted}[bare]")
    covers, name = _overlays(edit, schedule, pixels, broll_input, logo_input)
    chains += covers
    text = f",ass={CAPTIONS_NAME}:fontsdir={FONTS_NAME}" if drawn else ""
    ending = f"setparams={pixels.tags}{text},format={pixels.name},setsar=1"
    chains.append(f"[{name}]{ending}[picture]")
    return ";\n".join(chains)


def _overlays(
    edit: Edit, schedule: Schedule, pixels: Pixels, broll_input: int, logo_input: int
) -> tuple[list[str], str]:
    """Chains that lay b-roll, logo and stickers over ``bare``, and the name of what comes out."""
    chains: list[str] = []
    name = "bare"
    if places(edit, schedule):
        chains += broll_chains(edit, schedule, pixels, broll_input, name, "covered")
        name = "covered"
    logo = edit.graphics.logo
    if logo is not None:
        chains.append(logo_chain(logo, edit.canvas, pixels, logo_input, name, "marked"))
        name = "marked"
    if edit.graphics.stickers:
        first = logo_input + (logo is not None)
        chains += sticker_chains(edit, schedule, pixels, first, name, "stuck")
        name = "stuck"
    return chains, name


def shake_graph(media: Media, schedule: Schedule, found: SourceColour) -> str:
    """The graph of the pass before, which writes down how the camera shakes."""
    chains = _read_stretches(schedule, media, found, steady=False)
    return ";\n".join([*chains, f"[frames]{finding_shake()}[picture]"])


def plain_graph(
    edit: Edit, media: Media, schedule: Schedule, found: SourceColour, region: Region
) -> str:
    """The graph to the clip's frames as the source has them, mended, for a network to enlarge."""
    assert media.video is not None
    matrix = matrix_of(media.video, found)
    chains = _read_stretches(schedule, media, found, steady=edit.picture.steady)
    mended = mending(edit.picture, schedule.shown, matrix)
    return ";\n".join([*chains, f"[frames]{cutting(region, mended, matrix)}[picture]"])


def _read_stretches(
    schedule: Schedule, media: Media, found: SourceColour, *, steady: bool
) -> Iterator[str]:
    assert media.video is not None
    rate, picture = schedule.rate, Picture.of(media.video)
    for i, stretch in enumerate(schedule.stretches):
        yield (
            f"[{i}:{media.video.index}]{_whole_frames(found)}"
            # Costs nothing unless the size changes within the file.
            f"scale={picture.width}:{picture.height},settb=AVTB,"
            f"setpts='{picture_times(stretch, schedule, media)}',"
            f"fps={rate}:start_time=0:round=near,{_exactly(stretch)}[r{i}]"
        )
    parts = "".join(f"[r{i}]" for i in range(len(schedule.stretches)))
    count = len(schedule.stretches)
    steadied = f",{steadying()}" if steady else ""
    yield f"{parts}{f'concat=n={count}:v=1:a=0' if count > 1 else 'null'}{steadied}[frames]"


def _whole_frames(found: SourceColour) -> str:
    return "bwdif=mode=send_frame:deint=interlaced," if found.interlaced else ""


def _exactly(stretch: Stretch) -> str:
    """As many frames as the stretch has, the last one held where the source ends early."""
    return f"tpad=stop=-1:stop_mode=clone,trim=end_frame={stretch.frames}"


def _distribute(
    pieces: Sequence[Piece], names: Sequence[str], waveform_input: int | None
) -> Iterator[str]:
    """Each piece's frames from the stream it is made of."""
    for source, wave in (("frames", False), (f"{waveform_input}:v", True)):
        mine = [
            (piece, name)
            for piece, name in zip(pieces, names, strict=True)
            if (piece.kind is LayoutKind.WAVEFORM) is wave
        ]
        if not mine:
            continue
        loop = "loop=loop=-1:size=1," if wave else ""
        outs = "".join(f"[{name}s]" for _, name in mine)
        yield f"[{source}]{loop}{f'split={len(mine)}' if len(mine) > 1 else 'null'}{outs}"
        for piece, name in mine:
            yield (
                f"[{name}s]trim=start_frame={piece.first}:end_frame={piece.last},"
                f"setpts=PTS-STARTPTS[{name}i]"
            )


def _mended(piece: Piece, edit: Edit, media: Media, schedule: Schedule, found: SourceColour) -> str:
    """Filters that mend the frames of ``piece``."""
    if media.video is None or piece.kind is LayoutKind.WAVEFORM:
        return ""
    return mending(
        edit.picture, schedule.shown[piece.first : piece.last], matrix_of(media.video, found)
    )


def _piece_chains(
    piece: Piece,
    name: str,
    edit: Edit,
    media: Media,
    found: SourceColour,
    pixels: Pixels,
    mended: str,
    enlarged: Enlarged | None,
) -> Iterator[str]:
    """From ``[<name>i]`` to ``[<name>o]``, canvas-sized, in ``pixels``."""
    width, height = edit.canvas.width, edit.canvas.height
    if piece.kind is LayoutKind.WAVEFORM:
        deeper = "" if pixels == PLAIN else f",format={pixels.name}"
        yield f"[{name}i]{waveform_filters(edit.canvas, piece.first, name)}{deeper}[{name}o]"
        return
    assert media.video is not None
    picture = Picture.of(media.video)
    if enlarged is not None:
        picture = enlarged.picture(picture)
    colour = conversion(media.video, found, pixels)
    if edit.picture.lanczos:
        colour = replace(colour, kernel="lanczos")
    first = piece.windows[0]
    if piece.kind is LayoutKind.CROP:
        cut = cut_filters(first, picture, width, height, colour, pixels, mended)
        yield f"[{name}i]{cut}[{name}o]"
    elif piece.kind is LayoutKind.SPLIT:
        upper = even(height / 2)
        top = cut_filters(first, picture, width, upper, colour, pixels, mended)
        second, lower = piece.windows[1], height - upper
        below = cut_filters(second, picture, width, lower, colour, pixels, mended)
        yield f"[{name}i]split[{name}a][{name}b]"
        yield f"[{name}a]{top}[{name}t]"
        yield f"[{name}b]{below}[{name}u]"
        yield f"[{name}t][{name}u]vstack[{name}o]"
    else:
        yield from _fit_chains(first, name, picture, colour, (width, height), pixels, mended)


def _fit_chains(
    window: Window,
    name: str,
    picture: Picture,
    colour: Conversion,
    size: tuple[int, int],
    pixels: Pixels,
    mended: str,
) -> Iterator[str]:
    width, height = size
    aspect = window.width * picture.sample_aspect / window.height
    wide, tall = min(width, even(height * aspect)), min(height, even(width / aspect))
    inside = cut_filters(window, picture, wide, tall, colour, pixels, mended)
    if (wide, tall) == (width, height):
        yield f"[{name}i]{inside}[{name}o]"
        return
    # The fill covers the canvas with the same picture, so it is cut from the middle of it.
    scale = max(width / wide, height / tall)
    small_w, small_h = (max(2, even(v / _FILL_SHRINK)) for v in (wide * scale, tall * scale))
    black = pixels.black
    fill_w, fill_h = (max(2, even(v / _FILL_SHRINK)) for v in (width, height))
    yield f"[{name}i]{inside},split[{name}f][{name}g]"
    yield (
        f"[{name}g]scale={small_w}:{small_h}:flags=area,crop={fill_w}:{fill_h},"
        f"gblur=sigma={_FILL_BLUR},lutyuv=y='{black}+(val-{black})*{_FILL_LIGHT}',"
        f"scale={width}:{height}:flags=bicubic,setsar=1[{name}b]"
    )
    left, top = (width - wide) // 4 * 2, (height - tall) // 4 * 2
    yield f"[{name}b][{name}f]overlay={left}:{top}:format={pixels.overlaid}[{name}o]"
