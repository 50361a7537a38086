from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from serving.services import Services, open_services
from serving.settings import Settings
from tests.serving.edges.sites import Site
from tests.serving.jobs.talk import SOURCE_SECONDS, Talk
from tests.serving.servers import Postgres, postgres

__all__ = ["postgres"]

_NUMBERS = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_services(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Services]:
    """Services on each kind of database."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create(f"jobs{next(_NUMBERS)}")
        settings = settings.model_copy(update={"database_url": url})
    opened = open_services(settings)
    yield opened
    opened.database.close()


@pytest.fixture(scope="session")
def piece(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first sentences of the sample talk, small."""
    path = tmp_path_factory.mktemp("piece") / "piece.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    command += ["-i", str(sample_dir / "talk.mp4"), "-t", str(SOURCE_SECONDS)]
    command += ["-vf", "scale=192:-2", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"]
    subprocess.run([*command, str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def warm_cache(piece: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stage results of one run over the piece."""
    folder = tmp_path_factory.mktemp("warm")
    with Talk.opened(folder, piece) as talk:
        talk.work_until_done(talk.submit())
    return folder / "data" / "cache"


@pytest.fixture
def talk(tmp_path: Path, piece: Path) -> Iterator[Talk]:
    """A server that has worked on nothing yet."""
    with Talk.opened(tmp_path, piece) as opened:
        yield opened


@pytest.fixture
def warm_talk(tmp_path: Path, piece: Path, warm_cache: Path) -> Iterator[Talk]:
    """A server that has every stage of the piece's job in its cache."""
    shutil.copytree(warm_cache, tmp_path / "data" / "cache")
    with Talk.opened(tmp_path, piece) as opened:
        yield opened


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()
