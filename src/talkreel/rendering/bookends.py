"""Videos played before and after a clip, brought to its shape, rate and loudness."""

from __future__ import annotations

from pathlib import Path

from talkreel.core.edits import AudioChain, Canvas, Edit
from talkreel.core.errors import RenderError
from talkreel.core.graphics import Bookend
from talkreel.core.media import Colour, Media
from talkreel.media.ffmpeg import input_options, run_ffmpeg
from talkreel.media.probe import probe
from talkreel.rendering.logo import check_asset
from talkreel.rendering.loudness import find_mastering, measure
from talkreel.rendering.pixels import Pixels
from talkreel.rendering.sound import RATE, raw_input

LIST_NAME = "parts.txt"


def bookends(edit: Edit) -> list[tuple[str, Bookend]]:
    """(name, video) before and after the clip, those that there are."""
    named = (("intro", edit.graphics.intro), ("outro", edit.graphics.outro))
    return [(name, end) for name, end in named if end is not None]


def frames_around(edit: Edit) -> tuple[int, int]:
    """Frames of the intro and of the outro."""
    intro, outro = edit.graphics.intro, edit.graphics.outro
    return (intro.frames if intro else 0, outro.frames if outro else 0)


def lead_seconds(edit: Edit) -> float:
    """How much later everything is for the intro."""
    return float(frames_around(edit)[0] / edit.canvas.frame_rate)


def open_bookend(name: str, end: Bookend) -> Media:
    """The video itself.

    Raises:
        RenderError: it is gone, was changed, or cannot be played.
    """
    media = probe(check_asset(end.asset, name))
    if media.video is None or media.video.colour is not Colour.SDR:
        raise RenderError(f"the {name} {end.asset.path} must be a video in standard range (SDR)")
    return media


def bookend_picture_arguments(
    end: Bookend, media: Media, canvas: Canvas, pixels: Pixels
) -> list[str]:
    """Input and filter arguments that fit a video into ``canvas`` on black, frame for frame."""
    assert media.video is not None
    width, height = canvas.width, canvas.height
    rate = canvas.frame_rate
    graph = (
        f"[0:{media.video.index}]fps={rate}:start_time=0:round=near,"
        f"tpad=stop=-1:stop_mode=clone,trim=end_frame={end.frames},"
        f"scale=w='min({width},trunc({height}*dar/2)*2)':h='min({height},trunc({width}/dar/2)*2)'"
        ":flags=bicubic:out_color_matrix=bt709:out_range=tv,"
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:black,setsar=1,"
        f"settb=1/{rate.numerator},setpts=N*{rate.denominator},"
        f"setparams={pixels.tags},format={pixels.name}[picture]"
    )
    return [*input_options(media), "-filter_complex", graph, "-map", "[picture]"]


def write_bookend_sound(
    name: str, end: Bookend, media: Media, edit: Edit, folder: Path, timeout_seconds: float
) -> str:
    """Write the sound of a bookend, as loud as the clip, as raw floats; returns the file's name.

    A video without sound is silent.
    """
    seconds = float(end.frames / edit.canvas.frame_rate)
    samples = round(seconds * RATE)
    raw, plain = f"{name}.f32", f"{name}-plain.f32"
    if media.audio is None:
        (folder / raw).write_bytes(bytes(8 * samples))
        return raw
    fit = f"aresample={RATE},apad,atrim=end_sample={samples}"
    _write_raw([*input_options(media), "-map", f"0:{media.audio.index}"], fit, folder / plain)
    source = tuple(raw_input(plain))
    chain = edit.audio or AudioChain()
    heard = measure(source, seconds, "", cwd=folder, peaks=True)
    filters = "anull"
    if heard.integrated_lufs is not None:
        filters = find_mastering(
            heard,
            chain.target_lufs,
            chain.true_peak_dbtp,
            lambda tried: measure(source, seconds, tried, cwd=folder, peaks=False),
        ).filters
    _write_raw(list(source), f"{filters},atrim=end_sample={samples}", folder / raw)
    return raw


def write_list(folder: Path, names: list[str]) -> None:
    """Write the list from which ffmpeg joins pictures without encoding them again."""
    lines = [f"file {name}" for name in names]
    (folder / LIST_NAME).write_text("ffconcat version 1.0\n" + "\n".join(lines) + "\n")


def join_filters(names: list[str], middle: str) -> str:
    """The graph that puts raw sounds before and after the clip's own.

    Args:
        names: of the parts in order; the clip's own is input 0 and called ``clip``.
        middle: filters of the clip's own sound.
    """
    others = iter(range(1, len(names)))
    labels = "".join("[m]" if name == "clip" else f"[{next(others)}:a]" for name in names)
    return f"[0:a]{middle or 'anull'}[m];{labels}concat=n={len(names)}:v=0:a=1[out]"


def _write_raw(source: list[str], filters: str, path: Path) -> None:
    arguments = [*source, "-af", filters, "-ac", "2", "-ar", str(RATE), "-f", "f32le", path.name]
    run_ffmpeg(arguments, timeout_seconds=300, cwd=path.parent)
