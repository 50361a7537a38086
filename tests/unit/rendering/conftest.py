"""A source whose every frame carries its own number and whose every second beeps."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.edits import (
    Box,
    Canvas,
    CaptionCue,
    Captions,
    CaptionStyle,
    CaptionWord,
    CropKey,
    CropPath,
    Edit,
    Encoding,
    Layout,
    LayoutKind,
)
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe

WIDTH, HEIGHT, BITS = 320, 180, 10
FULL: Box = (0.0, 0.0, 1.0, 1.0)
FAST = Encoding(x264_preset="ultrafast")


def numbered_frames(count: int) -> NDArray[np.uint8]:
    """[N, H, W] luma: the frame's number in binary as bars across the upper half."""
    numbers = np.arange(count)[:, None] >> np.arange(BITS) & 1
    bars = np.repeat(16 + 219 * numbers, WIDTH // BITS, axis=1)
    frames = np.full((count, HEIGHT, WIDTH), 90, dtype=np.uint8)
    frames[:, : HEIGHT // 2] = bars[:, None, :]
    # A patch that wanders below, so that there is motion and colour blocks differ.
    for i, frame in enumerate(frames):
        frame[120:150, (3 * i) % 280 : (3 * i) % 280 + 40] = 180
    return frames


def numbers_in(frames: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The numbers in [N, H, W] frames of any size."""
    height, width = frames.shape[1:]
    middles = (np.arange(BITS) * width // BITS) + width // (2 * BITS)
    bits = frames[:, height // 4, :][:, middles] > 125
    return np.asarray((bits * (1 << np.arange(BITS))).sum(axis=1))


def beeps(seconds: float, rate: int, every: float = 1.0, level: float = 0.4) -> NDArray[np.int16]:
    t = np.arange(round(seconds * rate)) / rate
    tone = level * np.sin(2 * np.pi * 997 * t) * (np.mod(t, every) < 0.1)
    return np.asarray(32767 * tone, dtype=np.int16)


@dataclass
class Workshop:
    """Makes sources and reads clips."""

    folder: Path

    def source(
        self,
        name: str = "numbered.mp4",
        *,
        rate: str = "30",
        seconds: float = 12.0,
        sound: NDArray[np.int16] | None = None,
        arguments: Sequence[str] = (),
    ) -> Media:
        """A numbered video; ``sound`` is [N] or [N, 2] at 48 kHz (default: beeps)."""
        target = self.folder / name
        if target.exists():
            return probe(target)
        raw, wav = self.folder / f"{name}.yuv", self.folder / f"{name}.wav"
        luma = numbered_frames(round(seconds * Fraction(rate)))
        with open(raw, "wb") as file:
            chroma = np.full(HEIGHT * WIDTH // 2, 128, dtype=np.uint8).tobytes()
            for frame in luma:
                file.write(frame.tobytes() + chroma)
        samples = beeps(seconds, 48_000) if sound is None else sound
        with wave.open(str(wav), "wb") as out:
            out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
            out.setsampwidth(2)
            out.setframerate(48_000)
            out.writeframes(samples.tobytes())
        run_ffmpeg(
            [
                *("-f", "rawvideo", "-pixel_format", "yuv420p", "-framerate", rate),
                *("-video_size", f"{WIDTH}x{HEIGHT}", "-i", str(raw), "-i", str(wav)),
                *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-g", "60"),
                *("-colorspace", "bt709", "-color_range", "tv", "-c:a", "aac", "-b:a", "160k"),
                *(*arguments, str(target)),
            ],
            timeout_seconds=120,
        )
        raw.unlink()
        return probe(target)

    def edit(self, media: Media, kept: Sequence[Span], **changes: object) -> Edit:
        """The whole picture on a canvas of its own size, unless changed."""
        hull = Span(kept[0].start, kept[-1].end)
        rate = media.video.frame_rate if media.video else Fraction(30)
        fields: dict[str, object] = {
            "id": "clip",
            "title": "A title",
            "media_uri": media.uri,
            "media_digest": media.digest,
            "kept": tuple(kept),
            "canvas": Canvas(WIDTH, HEIGHT, rate),
            "layouts": (Layout(hull, LayoutKind.CROP, (CropPath((CropKey(0.0, FULL),)),)),),
            "encoding": FAST,
        }
        return Edit(**{**fields, **changes})  # type: ignore[arg-type]

    def luma(self, clip: Path, width: int = WIDTH) -> NDArray[np.uint8]:
        """[N, H, W] of every frame."""
        media = probe(clip)
        with FrameReader(media, width=width, gray=True) as reader:
            return np.stack([frame.image for frame in reader.every(media.span)])

    def rgb(self, clip: Path, seconds: float) -> NDArray[np.uint8]:
        """[H, W, 3] at full size."""
        media = probe(clip)
        assert media.video is not None
        with FrameReader(media, width=media.video.width) as reader:
            return reader.at([seconds])[0].image

    def sound(self, clip: Path) -> NDArray[np.float32]:
        """[N, 2] at 48 kHz."""
        raw = self.folder / "read.f32"
        arguments = ["-i", str(clip), "-map", "0:a:0", "-ac", "2", "-ar", "48000"]
        run_ffmpeg([*arguments, "-f", "f32le", str(raw)], timeout_seconds=60)
        return np.fromfile(raw, dtype=np.float32).reshape(-1, 2)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("render"))


@pytest.fixture(scope="session")
def numbered(workshop: Workshop) -> Media:
    return workshop.source()


@pytest.fixture(scope="session")
def read_numbers() -> Callable[[NDArray[np.uint8]], NDArray[np.int64]]:
    return numbers_in


STYLE = CaptionStyle("test", "Roboto Black", "Roboto-Black.ttf", 0.08)


def make_captions(
    cues: Sequence[tuple[float, str]], style: CaptionStyle = STYLE, *, top: float = 0.6
) -> Captions:
    """Cues of one second from (start, text); ``/`` breaks the line."""
    made = []
    for start, text in cues:
        words = text.replace("/", " ").split()
        step = 1.0 / len(words)
        spoken = [
            CaptionWord(word, Span(start + i * step, start + (i + 1) * step))
            for i, word in enumerate(words)
        ]
        lines, at = [], 0
        for part in text.split("/"):
            count = len(part.split())
            lines.append(tuple(spoken[at : at + count]))
            at += count
        made.append(CaptionCue(Span(start, start + 1.0), tuple(lines), top))
    return Captions(style, tuple(made))


@pytest.fixture(scope="session")
def captions() -> Callable[..., Captions]:
    return make_captions
