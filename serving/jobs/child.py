"""The runner process as its worker sees it: started apart, read line by line, ended whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import serving
from serving.jobs.failures import Failure
from serving.jobs.processes import end_session
from serving.jobs.watch import Watch

# What a process that decodes strangers' files may know: no credentials, no database.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "USER")
_PREFIXES = ("LC_", "OMP_", "MKL_", "XDG_", "HF_", "CUDA_", "NVIDIA_", "TALKREEL_")
_LOG = "runner.log"
_LOG_TAIL_BYTES = 4000


def run_task(
    folder: Path,
    task: Mapping[str, Any],
    watch: Watch,
    *,
    cache_limit_gb: float,
    bundles: Path | None = None,
) -> Generator[dict[str, Any], None, None]:
    """Run ``task`` in ``folder``; yields what the runner says, to its last word.

    A runner that ends without one is given one, a ``failure``. It reads with the model bundles in
    ``bundles`` and, for other roles, with the shipped ones.

    Raises:
        Interrupted: the job is being ended; nothing of the runner is left.
    """
    watch.check()
    runner = _start(folder, task, _environment(cache_limit_gb, bundles))
    phase, ended = "start", False
    assert runner.stdout is not None
    try:
        watch.follow(runner)
        for line in runner.stdout:
            if not line.endswith("\n"):
                break  # it was killed in the middle of a word
            said = json.loads(line)
            watch.alive()
            phase = said.get("phase", phase)
            ended = said["type"] in ("result", "empty", "failure")
            yield said
    finally:
        end_session(runner.pid)
        watch.let_go()
        runner.wait()
        runner.stdout.close()
    watch.check()
    if not ended:
        how = _how(runner.returncode, folder / _LOG)
        yield {"type": "failure", "phase": phase, "cause": "crashed", "message": how}


def failure_said(said: Mapping[str, Any]) -> Failure:
    """The failure that a runner told of."""
    return Failure(
        said["phase"],
        said["cause"],
        said["message"],
        tuple(said.get("ffmpeg_tail", ())),
        retryable=said.get("retryable", True),
    )


def _start(
    folder: Path, task: Mapping[str, Any], known: Mapping[str, str]
) -> subprocess.Popen[str]:
    """The runner of ``task`` in a session of its own, which knows nothing but ``known``."""
    document = {**task, "worker": os.getpid()}
    (folder / "job.json").write_text(json.dumps(document), encoding="utf-8")
    with (folder / _LOG).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "serving.jobs.runner", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            cwd=folder,
            env=known,
            # Everything it starts is found by this session; ffmpeg makes groups of its own.
            start_new_session=True,
        )


def _environment(cache_limit_gb: float, bundles: Path | None = None) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _ENVIRONMENT
        or (name.startswith(_PREFIXES) and not name.startswith("TALKREEL_SERVE_"))
    }
    root = str(Path(serving.__file__).resolve().parents[1])
    path = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    kept["PYTHONPATH"] = os.pathsep.join(path)
    kept["TALKREEL_CACHE_GB"] = f"{cache_limit_gb:g}"
    if bundles is not None:
        kept["TALKREEL_BUNDLES"] = str(bundles)
    return kept


def _how(code: int, log: Path) -> str:
    lines = log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    how = f"was killed (signal {-code})" if code < 0 else f"ended with exit code {code}"
    return f"the job's process {how}{': ' + last if last and code >= 0 else ''}"
