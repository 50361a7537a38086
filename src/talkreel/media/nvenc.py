"""Whether NVIDIA's encoder is present: asked by encoding a picture, not by looking for a driver."""

from __future__ import annotations

from functools import lru_cache

from talkreel.core.delivery import VideoCodec
from talkreel.core.errors import OutputError, RenderError
from talkreel.media.ffmpeg import run_ffmpeg

_ENCODERS = {VideoCodec.H264: "h264_nvenc", VideoCodec.HEVC: "hevc_nvenc"}
_TIMEOUT_SECONDS = 30.0


@lru_cache(maxsize=4)
def nvenc_works(codec: VideoCodec) -> tuple[bool, str]:
    """Whether NVENC encodes ``codec`` here, and why not where it does not."""
    encoder = _ENCODERS.get(codec)
    if encoder is None:
        return False, f"NVENC makes h264 and hevc, not {codec.value}"
    picture = ["-f", "lavfi", "-i", "color=c=black:s=256x256:r=30:d=0.1", "-frames:v", "1"]
    try:
        run_ffmpeg([*picture, "-c:v", encoder, "-f", "null", "-"], timeout_seconds=_TIMEOUT_SECONDS)
    except (RenderError, OutputError):
        return False, f"{encoder} encodes nothing on this machine"
    return True, ""
