"""Whether a delivered file is what its place takes, read back from the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from talkreel.core.delivery import DeliveryPreset, VideoCodec
from talkreel.core.digests import file_sha256
from talkreel.core.edits import Edit
from talkreel.core.exports import ExportFile
from talkreel.core.media import Colour, Media
from talkreel.media.probe import probe
from talkreel.rendering.measure import ClipMeasurement
from talkreel.rendering.verify import LOUDNESS_TOLERANCE_LU

# Names that PyAV's decoders give.
_DECODERS = {
    VideoCodec.H264: "h264",
    VideoCodec.HEVC: "hevc",
    VideoCodec.AV1: "av1",
    VideoCodec.PRORES_422_HQ: "prores",
    VideoCodec.PRORES_4444: "prores",
    VideoCodec.DNXHR_HQ: "dnxhd",
    VideoCodec.DNXHR_HQX: "dnxhd",
}
_PEAK_STEP_DB = 0.1


def read_back(
    path: Path,
    got: ClipMeasurement,
    edit: Edit,
    source: Media,
    preset: DeliveryPreset,
    warnings: tuple[str, ...] = (),
) -> ExportFile:
    """What ``path`` is, and where that is not what ``preset`` states.

    Args:
        path: the file.
        got: measured on it.
        edit: as fitted to the preset.
        source: of the clip.
        preset: the place.
        warnings: to pass on.

    Raises:
        MediaError: the file does not open.
    """
    media = probe(path)
    video = media.video
    return ExportFile(
        name=preset.name,
        file=path.name,
        sha256=file_sha256(path),
        source=preset.source,
        codec=video.codec if video else "",
        pixel_format=video.pixel_format if video else "",
        colour=video.colour.value if video else "",
        width=got.width,
        height=got.height,
        frame_rate=f"{got.frame_rate.numerator}/{got.frame_rate.denominator}",
        frames=got.frames,
        duration=got.duration,
        size_bytes=got.size_bytes,
        kbps=got.size_bytes * 8 / 1000 / got.duration,
        integrated_lufs=got.integrated_lufs,
        true_peak_dbtp=got.true_peak_dbtp,
        problems=tuple(_problems(media, got, edit, source, preset)),
        warnings=warnings,
    )


def _problems(
    media: Media, got: ClipMeasurement, edit: Edit, source: Media, preset: DeliveryPreset
) -> Iterator[str]:
    if preset.pictured:
        yield from _picture_problems(media, got, edit, source, preset)
    if preset.max_bytes is not None and got.size_bytes > preset.max_bytes:
        yield f"{got.size_bytes} bytes, at most {preset.max_bytes} allowed"
    if not preset.min_seconds <= got.duration <= preset.max_seconds + 0.05:
        yield f"{got.duration:.2f} s long"
    if edit.audio is None or got.integrated_lufs is None or got.true_peak_dbtp is None:
        return
    if abs(got.integrated_lufs - edit.audio.target_lufs) > LOUDNESS_TOLERANCE_LU:
        yield f"{got.integrated_lufs:.1f} LUFS, not {edit.audio.target_lufs:.1f}"
    if got.true_peak_dbtp > edit.audio.true_peak_dbtp + _PEAK_STEP_DB:
        yield f"true peak {got.true_peak_dbtp:.1f} dBTP, above {edit.audio.true_peak_dbtp:.1f}"


def _picture_problems(
    media: Media, got: ClipMeasurement, edit: Edit, source: Media, preset: DeliveryPreset
) -> Iterator[str]:
    video, wanted = media.video, edit.encoding.delivery
    if video is None or (source.video is None and wanted.keep_hdr):
        yield "no picture"
        return
    if video.codec != _DECODERS[wanted.video]:
        yield f"codec {video.codec}, not {_DECODERS[wanted.video]}"
    if video.bit_depth < wanted.bit_depth:
        yield f"{video.bit_depth} bits, not {wanted.bit_depth}"
    colour = source.video.colour if source.video and wanted.keep_hdr else Colour.SDR
    if video.colour is not colour:
        yield f"{video.colour.value}, not {colour.value}"
    longest, shortest = max(got.width, got.height), min(got.width, got.height)
    if preset.long_side and longest > preset.long_side:
        yield f"{longest} pixels long, at most {preset.long_side} allowed"
    if preset.short_side and shortest > preset.short_side:
        yield f"{shortest} pixels across, at most {preset.short_side} allowed"
    if not preset.min_fps - 0.1 <= float(got.frame_rate) <= preset.max_fps + 0.1:
        yield f"{float(got.frame_rate):.3f} frames/s"
    most = wanted.max_bitrate_kbps
    if most is not None and got.size_bytes * 8 / 1000 / got.duration > most + preset.audio_kbps * 2:
        yield f"more than {most} kbit/s"
