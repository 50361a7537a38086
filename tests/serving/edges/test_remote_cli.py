"""``talkreel --server URL clip`` leaves what ``talkreel clip`` leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from talkreel.cli.main import main
from talkreel.core.jsonio import load_json
from talkreel.media.ffmpeg import run_ffmpeg
from tests.serving.edges.live import Live
from tests.serving.edges.sites import Site, reply, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CLIP = ["--preset", "fast", "--clips", "2", "--min-seconds", "3", "--max-seconds", "6"]
CLIP += ["--scorer", "craft"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Live) -> None:
    monkeypatch.setenv("TALKREEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TALKREEL_API_KEY", server.key)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if "%" not in line]
    assert len(lines) == 1, lines
    return lines[0]


def test_the_folder_is_that_of_a_local_run(
    server: Live, short_talk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    assert main(["clip", str(short_talk), "--out", str(here), *CLIP, "--json"]) == 0
    local = json.loads(capsys.readouterr().out)
    remotely = ["--server", server.url, "clip", str(short_talk), "--out", str(there), *CLIP]
    assert main([*remotely, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == local
    for stage in ("upload", "words", "clips", f"clip 1: {there}"):
        assert stage in said.err

    mine, theirs = _files(here), _files(there)
    assert sorted(theirs) == sorted(mine)
    assert len([name for name in theirs if name.endswith(".mp4")]) == 2
    for name in mine:
        if name.endswith((".npz", ".html")):
            continue
        assert theirs[name] == mine[name], name
    # An edit from the server is rendered here, of the file that is here.
    edit = there / "edits" / "01.json"
    assert main(["render", str(edit), "--captions", "none"]) == 0
    capsys.readouterr()


def test_a_server_fetches_an_address(
    server: Live, short_talk: Path, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = short_talk.read_bytes()
    site.answer = lambda handler, _: reply(handler, 200, body)
    out = tmp_path / "out"
    words = ["--transcript", str(short_talk.with_suffix(".srt"))]
    url = f"{site.url}/talks/one.mp4"
    assert main(["--server", server.url, "clip", url, "--out", str(out), *CLIP, *words]) == 0
    assert "report:" in capsys.readouterr().out
    assert json.loads((out / "clips.json").read_text())["media_uri"] == "one.mp4"


def test_an_address_that_is_no_video_is_bad_input(
    server: Live, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.answer = lambda handler, _: reply(handler, 404)
    argv = ["--server", server.url, "clip", f"{site.url}/v.mp4", "--out", str(tmp_path / "out")]
    assert main(argv) == 2
    assert "404" in _line(capsys)


def test_nothing_worth_a_clip_ends_with_three(
    server: Live, short_talk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blink = tmp_path / "blink.mp4"
    run_ffmpeg(["-i", str(short_talk), "-t", "0.6", str(blink)], timeout_seconds=60)
    argv = ["clip", str(blink), *CLIP]
    here = main([*argv, "--out", str(tmp_path / "here")])
    local = _line(capsys)
    there = main(["--server", server.url, *argv, "--out", str(tmp_path / "there")])
    assert (there, _line(capsys)) == (here, local)
    assert here == 3


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--server", "ftp://x", "clip", "{talk}", "--out", "{out}"], "http"),
        (["--server", "http://127.0.0.1:9", "clip", "{talk}", "--out", "{out}"], "reached"),
        (["--server", "{url}", "clip", "{talk}", "--out", "{out}", "--clips", "0"], "--clips"),
        (["--server", "{url}", "clip", "none.mp4", "--out", "{out}"], "none.mp4"),
        (["--server", "{url}", "--api-key-file", "no", "clip", "{talk}", "--out", "{out}"], "no"),
        (["--server", "{url}", "probe", "{talk}"], "--server"),
        (["--server", "{url}", "clip", "{talk}", "--out", "{talk}"], "folder"),
    ],
)
def test_bad_use_is_one_line(
    argv: list[str],
    word: str,
    server: Live,
    short_talk: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("talkreel.client.requests._FIRST_WAIT_SECONDS", 0.01)
    filled = [part.format(url=server.url, talk=short_talk, out=tmp_path / "out") for part in argv]
    assert main(filled) == 2
    assert word in _line(capsys)


def test_a_wrong_key_is_said(
    server: Live, short_talk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "key"
    wrong.write_text(server.key[:-3] + "xyz\n")
    argv = ["--server", server.url, "--api-key-file", str(wrong)]
    assert main([*argv, "clip", str(short_talk), "--out", str(tmp_path / "out"), *CLIP]) == 2
    assert "unknown" in _line(capsys)


def test_no_key_is_said(
    server: Live,
    short_talk: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TALKREEL_API_KEY")
    argv = ["--server", server.url, "clip", str(short_talk), "--out", str(tmp_path / "out")]
    assert main(argv) == 2
    assert "TALKREEL_API_KEY" in _line(capsys)


def test_an_interrupt_stops_the_work_and_the_same_command_goes_on(
    server: Live, sample_dir: Path, tmp_path: Path
) -> None:
    from talkreel.client import Client

    out = tmp_path / "out"
    command = [sys.executable, "-m", "talkreel.cli", "--server", server.url, "clip"]
    command += [str(sample_dir / "talk.mp4"), "--out", str(out), "--clips", "1"]
    command += ["--preset", "fast", "--scorer", "craft", "--range", "0", "30"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    state = out / ".remote" / "begun.json"
    try:
        until(lambda: state.exists() and load_json(state)["project_id"], 60)  # type: ignore[index]
        project_id = json.loads(state.read_text())["project_id"]
        with Client(server.url, server.key) as client:
            until(lambda: client.project(project_id).state == "running", 30)
            os.killpg(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=30)
            assert process.returncode == 130
            assert "run the same command again" in said
            until(lambda: client.project(project_id).state == "cancelled", 10)
            began = time.monotonic()
            again = subprocess.run(command, capture_output=True, text=True, timeout=180)
            assert again.returncode == 0, again.stderr
            assert time.monotonic() - began < 180
            assert client.project(project_id).state == "done"
            assert [project.id for project in client.projects(source="talk.mp4")] == [project_id]
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert not state.parent.exists()
    assert (out / "report.html").exists()
