"""A job killed at random moments and started again ends as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.integration]

KILLS = 20


def start(out: Path, cache: Path, sample: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "talkreel.cli", "clip", str(sample), "--out", str(out)]
    command += ["--preset", "fast", "--range", "0", "36", "--clips", "2", "--max-seconds", "20"]
    return subprocess.Popen(
        command,
        env={**os.environ, "TALKREEL_CACHE": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def delivered(out: Path) -> dict[str, str]:
    """Digest of every delivered file; the folder's own path is taken out of the texts."""
    digests = {}
    for path in sorted(out.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix in {".json", ".html"}:
                data = data.replace(str(out).encode(), b"")
            if path.suffix == ".npz":
                continue  # zip entries carry the time of day
            digests[str(path.relative_to(out))] = hashlib.sha256(data).hexdigest()
    return digests


def entries(cache: Path) -> dict[str, int]:
    return {
        str(path): path.stat().st_ino
        for path in cache.glob("*/*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_a_job_survives_twenty_kills(tmp_path: Path, sample_dir: Path) -> None:
    sample = sample_dir / "talk.mp4"
    began = time.monotonic()
    assert start(tmp_path / "reference", tmp_path / "cache-0", sample).wait(300) == 0
    whole = time.monotonic() - began
    reference = delivered(tmp_path / "reference")
    assert any(name.endswith(".mp4") for name in reference)

    out, cache = tmp_path / "out", tmp_path / "cache-1"
    chance = random.Random(7)
    kills = finished = 0
    while kills < KILLS or not finished:
        before = entries(cache)
        job = start(out, cache, sample)
        try:
            code = job.wait(chance.uniform(0.2, 0.35 * whole) if kills < KILLS else 300)
        except subprocess.TimeoutExpired:
            os.kill(job.pid, signal.SIGKILL)  # the job alone: its children must notice
            job.wait()
            kills += 1
            after = entries(cache)
            redone = [name for name, inode in before.items() if after.get(name) != inode]
            assert not redone, "a finished stage was done again"
            if (out / "clips.json").exists():
                json.loads((out / "clips.json").read_text())  # whole or not there
            continue
        assert code == 0
        finished += 1
        assert delivered(out) == reference
        if kills < KILLS:
            shutil.rmtree(out)
            shutil.rmtree(cache)


def test_an_interrupted_job_leaves_nothing_half_written(tmp_path: Path, sample_dir: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    job = start(out, cache, sample_dir / "talk.mp4")
    deadline = time.monotonic() + 120
    while not list((cache).glob("*/.part-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    job.send_signal(signal.SIGINT)
    try:
        assert job.wait(60) == 130
    finally:
        job.kill()
        job.wait()
    assert not [path for path in out.rglob("*") if path.name.startswith(".part-")]
    assert not list(cache.glob("*/.part-*"))
    assert not (out / "clips.json").exists()
