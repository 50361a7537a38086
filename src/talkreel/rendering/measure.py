"""Reading a delivered clip back: what it is, how loud, and whether it shows anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import MediaError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import input_options
from talkreel.media.frames import FrameReader
from talkreel.media.packets import packet_index
from talkreel.media.probe import probe
from talkreel.rendering import loudness

_LOOK_WIDTH = 64
LOOKS = 24
# Encoders set keyframes at cuts, so this many alike say that nothing moved.
ENOUGH_KEYFRAMES = 8
# Mean luma (0..255) under which a picture shows nothing.
_BLACK_LUMA = 8.0
# Mean luma change between two looks under which they are the same picture.
_SAME_LUMA = 0.35


@dataclass(frozen=True, slots=True)
class ClipMeasurement:
    """Read back from a file.

    Attributes:
        duration: seconds of picture.
        width: pixels.
        height: pixels.
        frame_rate: frames per second.
        frames: pictures in the file.
        size_bytes: of the file.
        has_audio: whether there is a sound stream.
        integrated_lufs: EBU R128; None when silent.
        true_peak_dbtp: 4x oversampled; None when silent.
        av_offset: seconds by which sound ends after (+) or before (-) the picture.
        av_start: seconds by which sound starts after (+) or before (-) the picture.
        black_share: share of the pictures looked at that are black.
        still: whether all pictures looked at are one and the same.
    """

    duration: float
    width: int
    height: int
    frame_rate: Fraction
    frames: int
    size_bytes: int
    has_audio: bool
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    av_offset: float
    av_start: float
    black_share: float
    still: bool


def measure_clip(path: Path) -> ClipMeasurement:
    """Measure a clip: all of its sound, every packet, and a picture at each keyframe.

    Raises:
        MediaError: it is not a clip with a picture.
        RenderError: its sound does not decode.
    """
    path = Path(path)
    media = probe(path)
    if media.video is None:
        raise MediaError(f"{path.name!r} has no picture: only clips can be measured")
    index = packet_index(media)
    frames = len(index)
    gaps = np.diff(index.times)
    step = float(np.median(gaps)) if gaps.size else float(1 / media.video.frame_rate)
    picture_end = float(index.times[-1]) + step
    duration = picture_end - float(index.times[0])
    with ThreadPoolExecutor(1, thread_name_prefix="listen") as beside:
        listening = beside.submit(_listen, media, duration, path.absolute().parent)
        black, still, looked = look(media, media.span, keyframes_only=True)
        if (black > 0 or still) and looked < ENOUGH_KEYFRAMES:
            # Too few keyframes to judge by (a fade-in): look closer.
            black, still, _ = look(media, media.span, keyframes_only=False)
        heard = listening.result()
    start = media.audio.start if media.audio else 0.0
    sound_end = picture_end
    if media.audio and heard.samples is not None:
        sound_end = start + heard.samples / media.audio.sample_rate
    return ClipMeasurement(
        duration=duration,
        width=media.video.width,
        height=media.video.height,
        frame_rate=media.video.frame_rate,
        frames=frames,
        size_bytes=os.path.getsize(path),
        has_audio=media.audio is not None,
        integrated_lufs=heard.integrated_lufs,
        true_peak_dbtp=heard.true_peak_dbtp,
        av_offset=sound_end - picture_end,
        av_start=start - media.video.start if media.audio else 0.0,
        black_share=black,
        still=still,
    )


def measure_sound(path: Path) -> ClipMeasurement:
    """Measure a file of sound alone; what a picture would have is 0.

    Raises:
        MediaError: there is no sound in it.
        RenderError: it does not decode.
    """
    path = Path(path)
    media = probe(path)
    if media.audio is None:
        raise MediaError(f"{path.name!r} has no sound to measure")
    heard = _listen(media, media.duration, path.absolute().parent)
    return ClipMeasurement(
        duration=(heard.samples or 0) / media.audio.sample_rate,
        width=0,
        height=0,
        frame_rate=Fraction(0),
        frames=0,
        size_bytes=os.path.getsize(path),
        has_audio=True,
        integrated_lufs=heard.integrated_lufs,
        true_peak_dbtp=heard.true_peak_dbtp,
        av_offset=0.0,
        av_start=0.0,
        black_share=0.0,
        still=False,
    )


def _listen(media: Media, duration: float, folder: Path) -> loudness.Loudness:
    if media.audio is None:
        return loudness.Loudness(None, None)
    return loudness.measure(input_options(media), duration, cwd=folder)


def look(media: Media, span: Span, *, keyframes_only: bool) -> tuple[float, bool, int]:
    """(share of black pictures, whether all are the same, how many were looked at) over ``span``.

    Args:
        media: with a picture.
        span: source clock.
        keyframes_only: look at keyframes; otherwise at ``LOOKS`` pictures spread evenly.
    """
    with FrameReader(media, width=_LOOK_WIDTH, gray=True) as reader:
        if keyframes_only:
            images = [frame.image for frame in reader.keyframes(span)]
        else:
            times = np.linspace(span.start, span.end, LOOKS, endpoint=False)
            images = [frame.image for frame in reader.at([float(t) for t in times])]
    return *judge(images), len(images)


def judge(images: Sequence[NDArray[np.uint8]]) -> tuple[float, bool]:
    """(share of black pictures, whether all are the same picture) of gray pictures."""
    if not images:
        return 0.0, False
    black = sum(float(image.mean()) < _BLACK_LUMA for image in images) / len(images)
    first = images[0].astype(np.int16)
    if len(images) == 1 or any(image.shape != first.shape for image in images):
        return black, False
    changes = [float(np.abs(image.astype(np.int16) - first).mean()) for image in images[1:]]
    return black, max(changes) < _SAME_LUMA
