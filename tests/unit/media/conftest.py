"""Small videos made on the spot: a white flash and a tone at the same known second."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from talkreel.media.ffmpeg import run_ffmpeg


class VideoMaker:
    """Makes each file once a session; ``maker(name, arguments)`` gives its path."""

    flash_start, flash_end = 2.0, 2.3
    frame_rate = 30
    seconds = 4
    h264 = (
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "2"),
        *("-x264-params", "b-adapt=0", "-pix_fmt", "yuv420p"),
    )
    aac = ("-c:a", "aac", "-b:a", "96k")

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str = "plain.mp4", arguments: Sequence[str] | None = None) -> Path:
        """Without arguments: H.264 and AAC, the flash and the tone."""
        if arguments is None:
            arguments = [*self.picture(), *self.tone(), *self.h264, *self.aac]
        key = hashlib.sha256("\0".join([name, *arguments]).encode()).hexdigest()[:12]
        target = self._folder / key / name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            run_ffmpeg([*arguments, str(target)], timeout_seconds=120)
        return target

    def picture(self, width: int = 160, height: int = 96, seconds: float = 4) -> list[str]:
        """Input: a moving test picture whose left half turns white during the flash."""
        flash = f"between(t\\,{self.flash_start - 1e-3}\\,{self.flash_end - 1e-3})"
        graph = (
            f"testsrc2=s={width}x{height}:r={self.frame_rate}:d={seconds},eq=brightness=-0.3,"
            f"drawbox=w=iw/2:color=white:t=fill:enable={flash}"
        )
        return ["-f", "lavfi", "-i", graph]

    def tone(self, left: float = 0.5, right: float = 0.5, rate: int = 48_000) -> list[str]:
        """Input: stereo, silent but for a 1 kHz tone during the flash."""
        beat = f"sin(2000*PI*t)*between(t\\,{self.flash_start}\\,{self.flash_end})"
        graph = f"aevalsrc={left}*{beat}|{right}*{beat}:d={self.seconds}:s={rate}"
        return ["-f", "lavfi", "-i", graph]


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> VideoMaker:
    return VideoMaker(tmp_path_factory.mktemp("videos"))
