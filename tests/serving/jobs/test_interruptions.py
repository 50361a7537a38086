"""Jobs that are cancelled, killed, paused or hang: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from serving.jobs.child import _environment
from serving.jobs.processes import cpu_seconds, end_session
from serving.storage import database as db
from tests.serving.jobs.talk import Talk, wait_for
from tests.serving.servers import running_postgres

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[3]


def runner_of(parent: int | None = None) -> psutil.Process | None:
    """The runner under a process, this one if none is named."""
    for child in psutil.Process(parent).children():
        if "serving.jobs.runner" in " ".join(_command(child)):
            return child
    return None


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def session(pid: int) -> list[psutil.Process]:
    """Living processes of a session."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, ProcessLookupError):
            continue
    return found


def await_runner(parent: int | None = None) -> psutil.Process:
    found: list[psutil.Process] = []

    def look() -> bool:
        runner = runner_of(parent)
        if runner is not None:
            found.append(runner)
        return bool(found)

    wait_for(look)
    return found[0]


def await_ffmpeg(runner: psutil.Process) -> psutil.Process:
    """A render of the runner's, under way."""
    found: list[psutil.Process] = []

    def look() -> bool:
        found.extend(
            p
            for p in session(runner.pid)
            if "ffmpeg" in os.path.basename(" ".join(_command(p)[:1]))
        )
        return bool(found)

    wait_for(look)
    return found[0]


@contextmanager
def worker_process(talk: Talk) -> Iterator[subprocess.Popen[bytes]]:
    """``python -m serving.jobs.worker`` on the talk's server."""
    settings = talk.services.settings
    changed = {"data", "lease_seconds", "retry_seconds", "min_free_bytes", "max_attempts"}
    environment = {
        f"TALKREEL_SERVE_{name.upper()}": str(getattr(settings, name)) for name in changed
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.jobs.worker"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def finished_once(talk: Talk, project: str) -> None:
    """The project is done, its clips were told of once each, and it was charged for once."""
    assert talk.project(project).state == "done", talk.project(project).failure
    clips = [event.data["clip_id"] for event in talk.events(project, "clip.ready")]
    assert len(clips) == len(set(clips)) == 2
    told = talk.told(project)
    assert told.count("project.completed") == told.count("project.started") == 1
    assert len(talk.usage()) == 1
    shares = [event.data["percent"] for event in talk.events(project, "project.progress")]
    assert shares == sorted(shares)
    assert [clip.state for clip in talk.clips(project)] == ["ready", "ready"]


def test_cancelling_ends_everything_within_two_seconds_and_a_retry_goes_on(talk: Talk) -> None:
    project = talk.submit()
    with talk.working():
        runner = await_runner()
        await_ffmpeg(runner)
        wait_for(lambda: talk.project(project).phase in ("picture", "rank", "clips"))
        before = talk.cached()
        began = time.monotonic()
        assert talk.cancel(project) == "stopping"
        wait_for(lambda: talk.project(project).state == "cancelled")
        assert time.monotonic() - began < 2.0
        assert session(runner.pid) == []
        assert talk.told(project)[-1] == "project.cancelled"
        assert [job.state for job in talk.jobs(project)] == ["cancelled"]
        # The worker is free for the next one, and the retry finds what was done.
        talk.retry(project)
        talk.wait(project)
    after = talk.cached()
    assert before
    assert {name: after.get(name) for name in before} == before
    assert talk.project(project).state == "done"
    assert "project.retried" in talk.told(project)


def test_a_project_that_waits_is_cancelled_at_once(talk: Talk) -> None:
    project = talk.submit()
    assert talk.cancel(project) == "cancelled"
    assert talk.told(project) == ["project.queued", "project.cancelled"]
    with talk.working():
        time.sleep(0.5)
    assert talk.project(project).state == "cancelled"


def test_a_killed_runner_is_replaced_and_goes_on(talk: Talk) -> None:
    project = talk.submit()
    with talk.working():
        talk.work_until(project, "words")
        runner = await_runner()
        before = talk.cached()
        runner.kill()
        talk.wait(project)
    after = talk.cached()
    assert {name: after.get(name) for name in before} == before
    finished_once(talk, project)
    (warning,) = talk.project(project).warnings
    assert "attempt 1 failed (crashed): the job's process was killed (signal 9)" in warning


def test_a_killed_ffmpeg_costs_no_clip(talk: Talk) -> None:
    project = talk.submit()
    with talk.working():
        wait_for(lambda: talk.project(project).phase == "clips")
        await_ffmpeg(await_runner()).kill()
        talk.wait(project)
    finished_once(talk, project)
    assert talk.jobs(project)[0].attempt == 2


def test_the_last_attempt_keeps_the_clips_that_can_be_made(tmp_path: Path, piece: Path) -> None:
    with Talk.opened(tmp_path, piece, max_attempts=1) as talk:
        project = talk.submit()
        with talk.working():
            wait_for(lambda: talk.project(project).phase == "clips")
            await_ffmpeg(await_runner()).kill()
            talk.wait(project)
        assert talk.project(project).state == "done"
        assert len(talk.clips(project)) == 1
        assert any("no clip at" in text for text in talk.project(project).warnings)


def test_a_job_that_always_dies_fails_after_its_attempts(tmp_path: Path, piece: Path) -> None:
    with Talk.opened(tmp_path, piece, max_attempts=2) as talk:
        project = talk.submit()
        with talk.working():
            for _ in range(2):
                runner = await_runner()
                runner.kill()
                wait_for(lambda gone=runner: not gone.is_running())
            row = talk.wait(project)
    assert row.state == "failed"
    assert (row.failure["cause"], row.failure["attempts"]) == ("crashed", 2)
    assert row.failure["retryable"] is True


def test_a_job_that_kills_its_workers_is_not_taken_up_for_ever(tmp_path: Path, piece: Path) -> None:
    with Talk.opened(tmp_path, piece, max_attempts=1) as talk:
        project = talk.submit()
        with talk.services.database.write() as connection:
            connection.execute(db.jobs.update().values(attempt=6))
        row = talk.work_until_done(project)
    assert (row.state, row.failure["cause"]) == ("failed", "crashed")
    assert "its worker died 6 times" in row.failure["message"]


def test_a_killed_worker_takes_everything_with_it_and_another_goes_on(talk: Talk) -> None:
    project = talk.submit()
    with worker_process(talk) as worker:
        runner = await_runner(worker.pid)
        await_ffmpeg(runner)
        worker.kill()
        worker.wait()
        wait_for(lambda: session(runner.pid) == [], seconds=3.0)
    leftovers = list((talk.services.settings.data / "work").glob("*/*"))
    assert len(leftovers) == 1
    with worker_process(talk):
        talk.wait(project)
        wait_for(lambda: not any(folder.exists() for folder in leftovers))
    finished_once(talk, project)


def test_a_worker_that_is_asked_to_end_puts_its_job_back(talk: Talk) -> None:
    project = talk.submit()
    with worker_process(talk) as worker:
        runner = await_runner(worker.pid)
        wait_for(lambda: talk.project(project).phase == "words")
        began = time.monotonic()
        worker.terminate()
        assert worker.wait(10) == 0
        assert time.monotonic() - began < 3.0
    assert session(runner.pid) == []
    (job,) = talk.jobs(project)
    assert (job.state, job.attempt) == ("queued", 0)
    talk.work_until_done(project)
    finished_once(talk, project)


def test_a_worker_that_was_paused_too_long_writes_nothing(talk: Talk) -> None:
    project = talk.submit()
    with worker_process(talk) as paused:
        runner = await_runner(paused.pid)
        wait_for(lambda: talk.project(project).phase == "words")
        paused.send_signal(signal.SIGSTOP)
        talk.work_until_done(project)
        finished_once(talk, project)
        log = talk.events(project)
        rows = (talk.project(project), talk.clips(project), talk.usage())
        paused.send_signal(signal.SIGCONT)
        wait_for(lambda: session(runner.pid) == [])
        time.sleep(0.5)
        assert talk.events(project) == log
        assert (talk.project(project), talk.clips(project), talk.usage()) == rows
        assert paused.poll() is None


def test_a_killed_database_only_costs_a_wait(tmp_path: Path, piece: Path) -> None:
    with (
        running_postgres() as server,
        Talk.opened(tmp_path, piece, database_url=server.create("talk")) as talk,
    ):
        project = talk.submit()
        with talk.working():
            talk.work_until(project, "words")
            server.kill()
            time.sleep(1.0)
            server.start()
            talk.wait(project)
        finished_once(talk, project)
        assert talk.jobs(project)[0].attempt == 1


def test_a_job_that_hangs_is_ended(tmp_path: Path, piece: Path) -> None:
    with Talk.opened(tmp_path, piece, stall_seconds=1.5, max_attempts=1) as talk:
        project = talk.submit()
        with talk.working():
            runner = await_runner()
            wait_for(lambda: talk.project(project).phase == "words")
            for process in session(runner.pid):
                process.suspend()
            row = talk.wait(project)
        assert session(runner.pid) == []
    assert row.failure["cause"] == "stalled"
    assert row.failure["message"] == "no progress and no work for 1.5 s: it hangs"


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path, piece: Path) -> None:
    limits = {"timeout_floor_seconds": 0.2, "timeout_per_media_second": 0.01, "max_attempts": 1}
    with Talk.opened(tmp_path, piece, **limits) as talk:
        row = talk.work_until_done(talk.submit())
    assert (row.state, row.failure["cause"]) == ("failed", "timeout")


def test_a_session_ends_whole_and_its_work_is_counted() -> None:
    code = "import os, subprocess, sys; subprocess.Popen(['sleep', '60'], process_group=0); "
    code += "sum(range(10**7)); print('ready', flush=True); sys.stdin.read()"
    leader = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == b"ready\n"
        assert len(session(leader.pid)) == 2
        assert cpu_seconds(leader.pid) > 0.05
        end_session(leader.pid)
        assert session(leader.pid) == []


def test_who_decodes_strangers_files_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "TALKREEL_SERVE_DATABASE_URL", "PGPASSWORD"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TALKREEL_FFMPEG", "/bin/ffmpeg")
    environment = _environment(3.0)
    assert "secret" not in environment.values()
    assert environment["TALKREEL_FFMPEG"] == "/bin/ffmpeg"
    assert environment["TALKREEL_CACHE_GB"] == "3"
