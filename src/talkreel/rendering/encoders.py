"""Arguments that make ffmpeg write the file an edit wants."""

from __future__ import annotations

from talkreel.core.delivery import AudioCodec, Container, Delivery, LightLevels, VideoCodec
from talkreel.core.edits import Canvas, Edit
from talkreel.core.media import Colour
from talkreel.rendering.pixels import Pixels

# Encoders' output depends on their thread counts: fixed, so that a clip is the same everywhere.
X264_THREADS = 4
# A keyframe at least this often, so that players and editors can seek.
_KEYFRAME_SECONDS = 2.0
_FORMATS = {Container.MP4: "mp4", Container.MOV: "mov", Container.M4A: "ipod", Container.MP3: "mp3"}
# Samples an AAC stream begins before its sound; players skip them where an edit list says so.
_AAC_PRIMING = 1024
_H265_TRANSFER = {Colour.HDR10: "smpte2084", Colour.HLG: "arib-std-b67"}
# x264's and x265's names of effort as SVT-AV1's numbers.
_AV1_EFFORT = {"ultrafast": 12, "superfast": 11, "veryfast": 10, "medium": 7, "slow": 5}


def timescale(canvas: Canvas) -> str:
    """A clock in which every frame time is a whole number."""
    ticks = canvas.frame_rate.numerator
    return str(ticks * max(1, -(-10_000 // ticks)))


def file_options(container: Container) -> list[str]:
    """What every file of that kind is written with."""
    plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
    return [*plain, "-f", _FORMATS[container]]


def movie_options(edit: Edit) -> list[str]:
    """Of the file that joins picture and sound."""
    delivery = edit.encoding.delivery
    flags = "+faststart" if delivery.edit_lists else "+faststart+negative_cts_offsets"
    options = ["-video_track_timescale", timescale(edit.canvas), "-movflags", flags]
    if delivery.video is VideoCodec.HEVC:
        options += ["-tag:v", "hvc1"]
    return options if delivery.edit_lists else [*options, "-use_editlist", "0"]


def picture_container(delivery: Delivery) -> Container:
    """The container that holds the picture before it is joined with the sound."""
    return Container.MOV if delivery.container is Container.MOV else Container.MP4


def sound_container(delivery: Delivery) -> Container:
    """The container that holds the sound before it is joined with the picture."""
    if delivery.audio is AudioCodec.PCM:
        return Container.MOV
    if delivery.audio is AudioCodec.MP3:
        return Container.MP3
    alone = delivery.video is VideoCodec.NONE
    return Container.M4A if alone else Container.MP4


def audio_options(edit: Edit) -> list[str]:
    """Of the sound."""
    common = ["-ar", "48000", "-ac", "2", "-flags:a", "+bitexact"]
    rate = f"{edit.encoding.audio_bitrate_kbps}k"
    match edit.encoding.delivery.audio:
        case AudioCodec.AAC:
            return ["-c:a", "aac", "-b:a", rate, *common]
        case AudioCodec.MP3:
            return ["-c:a", "libmp3lame", "-b:a", rate, *common]
        case AudioCodec.PCM:
            return ["-c:a", "pcm_s24le", *common]


def sound_range(edit: Edit, samples: int) -> str:
    """The filter that cuts the sound to ``samples``.

    Without edit lists nothing tells players to skip the run-up of AAC, so that it is heard in
    place of as much of the sound: 21 ms of the fade at the clip's beginning.
    """
    delivery = edit.encoding.delivery
    skipped = 0 if delivery.edit_lists or delivery.audio is not AudioCodec.AAC else _AAC_PRIMING
    begin = f"start_sample={skipped}:" if skipped else ""
    return f"atrim={begin}end_sample={samples}"


def video_options(edit: Edit, pixels: Pixels) -> list[str]:
    """Of the picture."""
    rate = edit.canvas.frame_rate
    interval = max(1, round(_KEYFRAME_SECONDS * rate))
    clock = ["-flags:v", "+bitexact", "-r", str(rate), *pixels.stream_tags]
    clock += ["-video_track_timescale", timescale(edit.canvas)]
    return [*_codec_options(edit, pixels, interval), *clock]


def _codec_options(edit: Edit, pixels: Pixels, interval: int) -> list[str]:
    delivery = edit.encoding.delivery
    if delivery.hardware:
        return _nvenc(edit, interval)
    match delivery.video:
        case VideoCodec.HEVC:
            return _x265(edit, pixels, interval)
        case VideoCodec.AV1:
            return _av1(edit, pixels, interval)
        case VideoCodec.PRORES_422_HQ:
            return ["-c:v", "prores_ks", "-profile:v", "hq", "-pix_fmt", "yuv422p10le"]
        case VideoCodec.PRORES_4444:
            kind = ["-profile:v", "4444", "-alpha_bits", "16", "-pix_fmt", "yuva444p10le"]
            return ["-c:v", "prores_ks", *kind]
        case VideoCodec.DNXHR_HQ:
            return ["-c:v", "dnxhd", "-profile:v", "dnxhr_hq", "-pix_fmt", "yuv422p"]
        case VideoCodec.DNXHR_HQX:
            return ["-c:v", "dnxhd", "-profile:v", "dnxhr_hqx", "-pix_fmt", "yuv422p10le"]
        case _:
            return _x264(edit, interval)


def _x264(edit: Edit, interval: int) -> list[str]:
    encoding = edit.encoding
    return [
        *("-c:v", "libx264", "-preset", encoding.x264_preset, "-crf", str(encoding.crf)),
        *("-profile:v", "high", "-pix_fmt", "yuv420p", "-threads:v", str(X264_THREADS)),
        *("-g", str(interval), *_capped(encoding.delivery)),
    ]


def _capped(delivery: Delivery) -> list[str]:
    if delivery.max_bitrate_kbps is None:
        return []
    rate = f"{delivery.max_bitrate_kbps}k"
    return ["-maxrate", rate, "-bufsize", rate]


def _x265(edit: Edit, pixels: Pixels, interval: int) -> list[str]:
    encoding, delivery = edit.encoding, edit.encoding.delivery
    # More frame threads make a capped rate differ from run to run.
    frame_threads = 1 if delivery.max_bitrate_kbps else 2
    parameters = [f"keyint={interval}", "open-gop=0", f"pools={X264_THREADS}"]
    parameters += [f"frame-threads={frame_threads}", "log-level=error"]
    if delivery.keep_hdr:
        parameters += ["colorprim=bt2020", f"transfer={_H265_TRANSFER[pixels.colour]}"]
        parameters += ["colormatrix=bt2020nc", "range=limited", "repeat-headers=1"]
        parameters += ["hdr10-opt=1"] if pixels.colour is Colour.HDR10 else ["atc-sei=18"]
    if delivery.light is not None:
        parameters += _x265_light(delivery.light)
    return [
        *("-c:v", "libx265", "-preset", encoding.x264_preset, "-crf", str(encoding.crf)),
        *("-pix_fmt", "yuv420p10le" if delivery.bit_depth == 10 else "yuv420p"),
        *("-x265-params", ":".join(parameters), "-tag:v", "hvc1", *_capped(delivery)),
    ]


def _x265_light(light: LightLevels) -> list[str]:
    parts = []
    if light.primaries:
        rx, ry, gx, gy, bx, by, wx, wy = light.primaries
        dark, bright = light.display_nits
        display = f"G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({bright},{dark})"
        parts.append(f"master-display={display}")
    if light.max_cll or light.max_fall:
        parts.append(f"max-cll={light.max_cll},{light.max_fall}")
    return parts


def _av1(edit: Edit, pixels: Pixels, interval: int) -> list[str]:
    encoding, delivery = edit.encoding, edit.encoding.delivery
    parameters = [f"lp={X264_THREADS}"]
    light = delivery.light
    if light is not None and light.primaries:
        rx, ry, gx, gy, bx, by, wx, wy = (value / 50_000 for value in light.primaries)
        dark, bright = (value / 10_000 for value in light.display_nits)
        parameters.append(
            f"mastering-display=G({gx:.5f},{gy:.5f})B({bx:.5f},{by:.5f})R({rx:.5f},{ry:.5f})"
            f"WP({wx:.5f},{wy:.5f})L({bright:.4f},{dark:.4f})"
        )
    if light is not None and (light.max_cll or light.max_fall):
        parameters.append(f"content-light={light.max_cll},{light.max_fall}")
    return [
        *("-c:v", "libsvtav1", "-preset", str(_AV1_EFFORT.get(encoding.x264_preset, 8))),
        *("-crf", str(encoding.crf), "-g", str(interval)),
        *("-pix_fmt", "yuv420p10le" if delivery.bit_depth == 10 else "yuv420p"),
        *("-svtav1-params", ":".join(parameters)),
    ]


def _nvenc(edit: Edit, interval: int) -> list[str]:
    encoding, delivery = edit.encoding, edit.encoding.delivery
    hevc = delivery.video is VideoCodec.HEVC
    options = ["-c:v", "hevc_nvenc" if hevc else "h264_nvenc", "-preset", "p5", "-rc", "vbr"]
    options += ["-cq", str(encoding.crf), "-b:v", "0", "-g", str(interval), *_capped(delivery)]
    if hevc:
        options += ["-tag:v", "hvc1"]
    ten = delivery.bit_depth == 10
    return [*options, "-pix_fmt", "p010le" if ten else "yuv420p"]
