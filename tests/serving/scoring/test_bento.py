"""The BentoML service is built, started and asked; it answers as the scorer in process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.scoring.local import LocalScorer

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("bento")
    environment = {**os.environ, "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-m", "bentoml"]
    built = subprocess.run(
        [*command, "build", "-f", "configs/serving/bentofile.yaml", "-o", "tag", "."],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    tag = built.stdout.strip().splitlines()[-1].removeprefix("__tag__:")
    folder = next((home / "bentos" / "talkreel-scorer").glob("*/src"))
    # Its own copy of the library, as in the image.
    environment["PYTHONPATH"] = str(folder / "src")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = home / "serve.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, "serve", tag, "--host", "127.0.0.1", "--port", str(port)],
            cwd=home,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process, log)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    began = time.monotonic()
    while True:
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() - began < 90, log.read_text()
        time.sleep(0.2)


def test_the_service_answers_as_the_scorer(url: str, scorer: LocalScorer, talk: str) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        answer = client.post("/score", json={"text": talk})
        assert answer.status_code == 200, answer.text
        wanted = asyncio.run(scorer.score(talk)).model_dump()
        got = answer.json()
        assert [one["text"] for one in got["sentences"]] == [
            one["text"] for one in wanted["sentences"]
        ]
        assert got["engagement"] == pytest.approx(wanted["engagement"], abs=1e-5)
        assert got["hook"] == pytest.approx(wanted["hook"], abs=1e-5)
        assert got["emotions"] == pytest.approx(wanted["emotions"], abs=1e-5)
        hooks = ["You won't believe it", "This is a talk about tax"]
        order = client.post("/rank_hooks", json={"hooks": hooks}).json()
        assert order["best"] == "You won't believe it"
        roles = [info["role"] for info in client.post("/models").json()]
        assert roles == ["engagement", "hook", "emotion-text"]


def test_wrong_requests_are_refused(url: str) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        assert client.post("/score", json={"text": ""}).status_code == 400
        assert client.post("/rank_hooks", json={"hooks": ["one"]}).status_code == 400
