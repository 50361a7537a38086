"""The whole application: through Serve's proxy as ``serve run`` has it, and as one command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from serving.admin import ensure_default
from serving.app import AppArgs, build
from serving.services import open_services
from serving.settings import Settings
from talkreel.media.ffmpeg import ffmpeg_path
from talkreel.media.probe import probe
from tests.serving.ray.conftest import replicas
from tests.serving.servers import free_port

ROOT = Path(__file__).resolve().parents[3]
WORDS = """1
00:00:00,651 --> 00:00:03,999
Two hours, or two minutes. Which speech do you remember?

2
00:00:04,749 --> 00:00:08,880
In eighteen sixty three, two people spoke on a battlefield in Pennsylvania.
"""
OPTIONS = {
    "preset": "fast",
    "clips": 1,
    "min_seconds": 3.0,
    "max_seconds": 6.0,
    "scorer": "craft",
    "transcript": {"format": "srt", "text": WORDS},
}


@pytest.fixture(scope="module")
def piece(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first nine seconds of the sample, small."""
    path = tmp_path_factory.mktemp("piece") / "piece.mp4"
    command = [ffmpeg_path(), "-v", "error", "-t", "9", "-i", str(sample_dir / "talk.mp4")]
    command += ["-vf", "scale=192:-2", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"]
    subprocess.run([*command, str(path)], check=True)
    return path


def clip_of(client: httpx.Client, piece: Path) -> bytes:
    """Uploads, waits and downloads, as the README does."""
    data = piece.read_bytes()
    begun = client.post(
        "/v1/uploads",
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(data)),
            "Upload-Metadata": "filename cGllY2UubXA0",
        },
    )
    assert begun.status_code == 201, begun.text
    sent = client.patch(
        begun.headers["location"],
        content=data,
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        },
    )
    assert sent.status_code == 204, sent.text
    upload_id = begun.headers["location"].rsplit("/", 1)[1]
    made = client.post(
        "/v1/projects", json={"source": {"upload_id": upload_id}, "options": OPTIONS}
    )
    assert made.status_code == 201, made.text
    path = f"/v1/projects/{made.json()['id']}"
    began = time.monotonic()
    while (project := client.get(path).json())["state"] in ("queued", "running"):
        assert time.monotonic() - began < 120, project
        time.sleep(0.2)
    assert project["state"] == "done", project
    (clip,) = client.get(f"{path}/clips").json()["clips"]
    video = client.get(f"/v1/clips/{clip['id']}/download")
    assert video.status_code == 200
    scored = client.post("/v1/score", json={"clip_id": clip["id"]})
    assert scored.status_code == 200, scored.text
    assert set(scored.json()["models"]) == {"engagement", "hook", "emotion-text"}
    return video.content


@contextmanager
def client_of(settings: Settings) -> Iterator[httpx.Client]:
    key = (settings.data / "api-key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=settings.url, headers=headers, timeout=60) as client:
        yield client


def test_a_project_goes_through_the_application(
    base: Settings, deployed: Callable[..., str], piece: Path, tmp_path: Path
) -> None:
    services = open_services(base)
    ensure_default(services)
    services.database.close()
    args = AppArgs.model_validate(base.model_dump() | {"topology": "distributed"})
    deployed(build(args), "whole", "/")
    with client_of(base) as client:
        (tmp_path / "clip.mp4").write_bytes(clip_of(client, piece))
        assert client.get("/readyz").json()["checks"]["scorer"] == "ok"
        # Serve's proxy would answer 408, however fast the answer is.
        hurried = client.get("/readyz", headers={"X-Request-Timeout-Seconds": "0.00001"})
        assert hurried.status_code == 200
        # Serve reads this header; whose bundle is used is for the server to say.
        chosen = {"serve_multiplexed_model_id": "/nowhere"}
        scored = client.post("/v1/score", json={"text": "Does it work?"}, headers=chosen)
        assert scored.status_code == 200, scored.text
        assert scored.json()["models"]["hook"] == "hook@1"
        (worker,) = replicas("whole:Worker")
        worker.kill()  # Serve brings another; the next project is done by it
        clip_of(client, piece)
        assert worker not in replicas("whole:Worker")
    media = probe(tmp_path / "clip.mp4")
    assert media.video is not None
    assert media.audio is not None
    assert 3 <= media.duration <= 6.5


def test_what_serve_run_starts_is_guarded() -> None:
    # ``serve run`` builds the application, then starts a cluster with its environment.
    code = (
        "import os; from serving.app import AppArgs, build; build(AppArgs());"
        "print(os.environ['RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH'], os.environ['PYTHONPATH'])"
    )
    bare = {n: v for n, v in os.environ.items() if not n.startswith(("RAY_", "PYTHONPATH"))}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=bare, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["serving.deployments.proxy:middlewares", str(ROOT)]


def started(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], Settings]:
    settings = Settings(data=folder / "data", port=free_port())
    command = [sys.executable, "-m", "serving.app", "--data", str(settings.data)]
    process = subprocess.Popen(
        [*command, "--port", str(settings.port), *arguments],
        cwd=ROOT,
        env={**os.environ, "TALKREEL_SERVE_MIN_FREE_BYTES": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return process, settings


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--no-ray",), ()])
def test_one_command_serves_and_leaves_nothing(
    tmp_path: Path, piece: Path, arguments: tuple[str, ...]
) -> None:
    process, settings = started(tmp_path, *arguments)
    assert process.stdout is not None
    try:
        said = [process.stdout.readline()]
        while "Ctrl-C" not in said[-1]:
            assert said[-1], "".join(said)
            said.append(process.stdout.readline())
        text = "".join(said)
        assert f"{settings.url}/docs" in text
        assert str(settings.data / "api-key") in text
        with client_of(settings) as client:
            began = time.monotonic()
            while True:
                try:
                    ready = client.get("/readyz")
                    break
                except httpx.ConnectError:
                    assert time.monotonic() - began < 30
                    time.sleep(0.1)
            assert ready.json()["checks"]["scorer"] == "ok"
            assert client.get("/docs").status_code == 200
            assert len(clip_of(client, piece)) > 10_000
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
    _gone, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


def test_what_cannot_be_served_is_refused_in_one_line(tmp_path: Path) -> None:
    process, _ = started(tmp_path, "--workers", "-1")
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("error: the setting workers: Input should be")
