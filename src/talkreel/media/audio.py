"""The sound of a file as 16 kHz mono on the source clock, and random access to it."""

from __future__ import annotations

import os
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import MediaError, OutputError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.media.container import open_container, start_seconds
from talkreel.media.ffmpeg import input_options, run_ffmpeg

SAMPLE_RATE = 16_000
# Time stamps off by more than this are a gap (filled) or an overlap (cut), not jitter.
_GAP_SECONDS = 0.04
# ffmpeg needs a start-up and then far less than real time; a file this slow is stuck.
_TIMEOUT_FLOOR_SECONDS = 120.0
_BLOCK_SECONDS = 1.0
_FADE_SAMPLES = SAMPLE_RATE // 100
# A channel this much weaker in power (-30 dB) holds no part of the speech.
_SILENT_CHANNEL = 1e-3
# Channels that correlate below this cancel when added: one of them is wired upside down.
_INVERTED = -0.6


def extract_audio(media: Media, wav: Path, *, progress: Progress = silent) -> None:
    """Write the sound as 16 kHz mono 16 bit WAV whose sample 0 is second 0 of the source.

    A late start and gaps become silence; the length is the media's. Speech on one side only
    keeps its level and an inverted side does not cancel the other. The file appears whole or
    not at all.

    Raises:
        ValueError: the media has no sound.
        RenderError: ffmpeg failed.
        OutputError: the file cannot be written.
    """
    if media.audio is None:
        raise ValueError("this media has no sound to extract")
    wav = Path(wav).absolute()
    with _scratch(wav) as folder:
        channels = 1 if media.audio.channels == 1 else 2
        raw = folder / "decoded.wav"
        _decode(media, raw, channels, progress)
        mono = raw if channels == 1 else folder / "mono.wav"
        if channels == 2:
            _fold(raw, mono)
        os.replace(mono, wav)
    progress(1.0)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` that goes away, so that a rename puts the result in place."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise OutputError(f"cannot write {str(target)!r}: {error.strerror or error}") from error


def _decode(media: Media, wav: Path, channels: int, progress: Progress) -> None:
    assert media.audio is not None
    total = round(media.duration * SAMPLE_RATE)
    with open_container(media.uri, media.container) as opened:
        zero = start_seconds(opened)
    # Left to itself ffmpeg puts 0 at the first stream that is mapped, which in a transport
    # stream is the sound itself however late it starts: keep its time stamps and shift them here.
    chain = (
        f"asetpts=PTS-({zero:.6f})/TB,aresample={SAMPLE_RATE}:async=1:first_pts=0:min_hard_comp={_GAP_SECONDS},"
        f"apad=whole_len={total},atrim=end_sample={total}"
    )
    arguments = [
        "-copyts",
        *input_options(media),
        "-map",
        f"0:{media.audio.index}",
        "-vn",
        "-sn",
        "-dn",
    ]
    arguments += ["-af", chain, "-ac", str(channels), "-c:a", "pcm_s16le", "-f", "wav"]
    run_ffmpeg(
        [*arguments, f"file:{wav}"],
        timeout_seconds=_TIMEOUT_FLOOR_SECONDS + media.duration,
        expected_seconds=media.duration,
        progress=lambda share: progress(0.98 * share),
    )


def _fold(stereo: Path, mono: Path) -> None:
    """Two channels to one, second by second, so that neither side nor polarity loses speech."""
    with wave.open(str(stereo), "rb") as source, wave.open(str(mono), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(SAMPLE_RATE)
        before: NDArray[np.float32] | None = None
        while data := source.readframes(round(_BLOCK_SECONDS * SAMPLE_RATE)):
            block = np.frombuffer(data, dtype="<i2").reshape(-1, 2).astype(np.float32)
            weights = _weights(block, before)
            mixed = block @ weights
            if before is not None and not np.array_equal(before, weights):
                fade = min(_FADE_SAMPLES, len(block))
                share = np.linspace(0.0, 1.0, fade, dtype=np.float32)
                mixed[:fade] = mixed[:fade] * share + block[:fade] @ before * (1 - share)
            before = weights
            target.writeframesraw(np.clip(np.rint(mixed), -32768, 32767).astype("<i2").tobytes())


def _weights(block: NDArray[np.float32], before: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """How much of left and right to take over one block."""
    left, right = (float(power) for power in np.mean(np.square(block), axis=0))
    if max(left, right) < 1.0:  # below one step of 16 bits: nothing to judge by
        return before if before is not None else np.array([0.5, 0.5], np.float32)
    if right < _SILENT_CHANNEL * left:
        return np.array([1.0, 0.0], np.float32)
    if left < _SILENT_CHANNEL * right:
        return np.array([0.0, 1.0], np.float32)
    shared = float(np.mean(block[:, 0] * block[:, 1])) / float(np.sqrt(left * right))
    return np.array([0.5, -0.5 if shared < _INVERTED else 0.5], np.float32)


class Audio:
    """Memory-mapped 16 kHz mono 16 bit WAV; what it holds in memory does not grow with length.

    Attributes:
        sample_rate: Hz.
        duration: seconds.

    Raises:
        MediaError: not such a file.
    """

    sample_rate: int = SAMPLE_RATE

    def __init__(self, wav: Path) -> None:
        try:
            with open(wav, "rb") as file, wave.open(file, "rb") as header:
                layout = (header.getnchannels(), header.getsampwidth(), header.getframerate())
                count = header.getnframes()
                offset = file.tell()  # wave stops reading at the first sample
        except (OSError, EOFError, wave.Error) as error:
            raise MediaError(f"cannot read {str(wav)!r} as WAV: {error}") from error
        if layout != (1, 2, SAMPLE_RATE):
            raise MediaError(
                f"{str(wav)!r} must be 16 kHz mono 16 bit WAV, got {layout[2]} Hz, "
                f"{layout[0]} channels, {8 * layout[1]} bit: make it with extract_audio"
            )
        self._path, self._offset, self._count = Path(wav), offset, count
        self.duration = count / SAMPLE_RATE

    def samples(self, span: Span) -> NDArray[np.float32]:
        """[N] samples, -1..1, of ``span``; zero outside the file."""
        first, last = round(span.start * SAMPLE_RATE), round(span.end * SAMPLE_RATE)
        result = np.zeros(last - first, dtype=np.float32)
        low, high = max(first, 0), min(last, self._count)
        if high > low:
            # Mapped anew each time, so that pages read earlier do not pile up as resident.
            mapped = np.memmap(self._path, "<i2", "r", self._offset + 2 * low, shape=(high - low,))
            np.multiply(mapped, np.float32(1 / 32768), out=result[low - first : high - first])
        return result
