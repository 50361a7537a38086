from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.serving.edges.live import Live, live
from tests.serving.edges.sites import Site
from tests.serving.jobs.talk import SOURCE_SECONDS, WORDS


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture(scope="session")
def short_talk(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first sentences of the sample talk, small, with its words beside it."""
    path = tmp_path_factory.mktemp("short") / "my talk.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    command += ["-i", str(sample_dir / "talk.mp4"), "-t", str(SOURCE_SECONDS)]
    command += ["-vf", "scale=192:-2", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"]
    subprocess.run([*command, str(path)], check=True)
    path.with_suffix(".srt").write_text(WORDS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The whole service with a worker."""
    with live(tmp_path_factory.mktemp("server")) as made, made.working():
        yield made
