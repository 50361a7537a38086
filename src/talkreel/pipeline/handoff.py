"""A clip handed to other editors: its timeline, the media it links, and its captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from talkreel.core.delivery import AudioCodec, Container, Delivery, VideoCodec
from talkreel.core.edits import Canvas, CropKey, CropPath, Edit, Encoding, Layout, LayoutKind
from talkreel.core.jsonio import write_text
from talkreel.core.media import Colour, Media
from talkreel.core.spans import Span
from talkreel.media.probe import probe
from talkreel.pipeline.deliver import place
from talkreel.pipeline.export_names import FORMATS
from talkreel.pipeline.make import rendered
from talkreel.rendering.sidecars import write_srt
from talkreel.rendering.timeline.build import build_timeline, why_conform
from talkreel.rendering.timeline.edl import to_edl
from talkreel.rendering.timeline.fcpxml import to_fcpxml
from talkreel.rendering.timeline.mlt import to_mlt
from talkreel.rendering.timeline.otio import to_otio
from talkreel.rendering.timeline.premiere import to_premiere
from talkreel.rendering.timeline.records import Timeline
from talkreel.store.cache import StageCache

_WRITERS: Mapping[str, Callable[[Timeline], str]] = {
    "otio": to_otio,
    "fcpxml": to_fcpxml,
    "premiere": to_premiere,
    "edl": to_edl,
    "mlt": to_mlt,
}
# A copy for editors is decoded again: nearly without loss, and no larger than it must be.
_COPY_CRF = 14


@dataclass(frozen=True, slots=True)
class HandedOff:
    """Files for an editor.

    Attributes:
        files: the timeline first.
        text: what was written and what it does not carry.
    """

    files: tuple[Path, ...]
    text: str


def hand_off(cache: StageCache, edit: Edit, media: Media, name: str, target: Path) -> HandedOff:
    """Write the timeline of ``edit`` in the format ``name`` beside its clip.

    Args:
        cache: of renders.
        edit: of the clip.
        media: its source.
        name: one of ``FORMATS``.
        target: the clip's path without its extension.

    Raises:
        RenderError: the source must be conformed and ffmpeg failed.
        OutputError: a file cannot be written.
    """
    files: list[Path] = []
    link = None
    if why_conform(edit, media):
        copy = target.with_name(f"{target.name}.conformed.mov")
        made, _ = rendered(cache, conformed(edit, media), media)
        place(made, copy)
        link = probe(copy)
        files.append(copy)
    if edit.captions is not None:
        srt = target.with_name(f"{target.name}.srt")
        write_srt(edit, srt)
        files.append(srt)
    timeline = build_timeline(edit, media, link)
    path = target.with_name(target.name + FORMATS[name])
    write_text(path, _WRITERS[name](timeline))
    cuts, rate = len(timeline.sounds or timeline.pictures), float(timeline.rate)
    told = f"{path.name}: {cuts} cuts, {timeline.frames} frames at {rate:.3f}"
    return HandedOff((path, *files), "; ".join((told, *timeline.asides)))


def conformed(edit: Edit, media: Media) -> Edit:
    """An edit of the whole picture over the same frames, for editors that count frames."""
    assert media.video is not None
    video = media.video
    hull = Span(edit.kept[0].start, edit.kept[-1].end)
    deep = video.bit_depth > 8
    delivery = Delivery(
        container=Container.MOV,
        video=VideoCodec.HEVC if deep else VideoCodec.H264,
        audio=AudioCodec.PCM,
        bit_depth=10 if deep else 8,
        keep_hdr=deep and video.colour is not Colour.SDR,
    )
    whole = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))
    return replace(
        Edit(
            id=edit.id,
            title=edit.title,
            media_uri=edit.media_uri,
            media_digest=edit.media_digest,
            kept=edit.kept,
            canvas=Canvas(_even(video.width), _even(video.height), edit.canvas.frame_rate),
            layouts=(Layout(hull, LayoutKind.CROP, (whole,)),),
            audio=edit.audio,
        ),
        encoding=Encoding("veryfast", _COPY_CRF, 320, delivery),
    )


def _even(value: int) -> int:
    return value - value % 2
