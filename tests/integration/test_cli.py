"""The command as a user meets it: outcomes, exit codes, one line per error."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from talkreel.cli.main import main


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKREEL_CACHE", str(tmp_path / "cache"))


def refused(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 2) -> str:
    """Run, expect ``code`` and exactly one line on stderr; returns the line."""
    assert main(list(argv)) == code
    lines = capsys.readouterr().err.strip().splitlines()
    lines = [line for line in lines if "%" not in line]
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    return lines[0]


def test_help_answers_at_once() -> None:
    began = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "talkreel.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.monotonic() - began < 10  # generous: only a heavy import would break it
    assert "clip" in result.stdout
    for heavy in ("numpy", "torch", "cv2", "av", "transformers", "scipy", "onnxruntime"):
        assert f" {heavy}\n" not in result.stderr, f"--help imports {heavy}"


BAD_FILES = {
    "empty.mp4": b"",
    "text.mp4": b"this is not a video, it is a text file\n" * 50,
    "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n",
    "list.mp4": b"#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "picture.png": bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63"
        "fcffff3f0300050001a5f645400000000049454e44ae426082"
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_media_is_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    assert name in refused(capsys, "clip", str(path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_missing_and_directory_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert "none.mp4" in refused(capsys, "clip", str(tmp_path / "none.mp4"), "--out", out)
    assert "folder" in refused(capsys, "clip", str(tmp_path), "--out", out).replace(
        "directory", "folder"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clips", "-1"], "--clips is auto or 1 to 100"),
        (["--clips", "many"], "--clips is auto or a number"),
        (["--min-seconds", "50", "--max-seconds", "20"], "above --max-seconds"),
        (["--aspect", "3:1"], "--aspect is one of"),
        (["--captions", "comic"], "--captions is one of"),
        (["--preset", "ultra"], "--preset is one of"),
        (["--range", "500", "600"], "lies outside the media"),
        (["--range", "x", "y"], "a time is seconds"),
        (["--transcript", "/nowhere.srt"], "nowhere.srt"),
    ],
)
def test_bad_options_say_what_is_allowed(
    options: list[str],
    message: str,
    tmp_path: Path,
    sample_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, out = str(sample_dir / "talk.mp4"), str(tmp_path / "out")
    assert message in refused(capsys, "clip", source, "--out", out, *options)


def test_an_output_folder_that_is_a_file_is_refused(
    tmp_path: Path, sample_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("x")
    line = refused(capsys, "clip", str(sample_dir / "talk.mp4"), "--out", str(tmp_path / "out"))
    assert "is a file" in line


def test_a_full_disk_is_said_before_work_begins(
    tmp_path: Path,
    sample_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    line = refused(capsys, "clip", str(sample_dir / "talk.mp4"), "--out", str(tmp_path / "out"))
    assert "1 MB free" in line


def test_a_transcript_of_another_length_is_refused(
    tmp_path: Path, sample_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    srt = tmp_path / "other.srt"
    srt.write_text("1\n00:10:00,000 --> 00:10:05,000\nFrom another talk.\n")
    source, out = str(sample_dir / "talk.mp4"), str(tmp_path / "out")
    line = refused(capsys, "clip", source, "--out", out, "--transcript", str(srt))
    assert "other.srt" in line


def test_errors_are_json_with_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["clip", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "out"), "--json"]
    assert main(argv) == 2
    error = json.loads(capsys.readouterr().out)
    assert error["schema"] == "error/1"
    assert error["exit_code"] == 2


def test_probe_and_shots_of_the_sample(
    sample_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(sample_dir / "talk.mp4")
    truth = json.loads((sample_dir / "talk.truth.json").read_text())
    assert main(["probe", source, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["video"]["width"] == 1280
    assert main(["shots", source, "--json"]) == 0
    starts = [shot["span"]["start"] for shot in json.loads(capsys.readouterr().out)["shots"]]
    for cut in truth["cuts"]:
        assert min(abs(start - cut["time"]) for start in starts) <= 0.041


def test_shots_of_sound_alone_are_refused(
    media_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no picture" in refused(capsys, "shots", str(media_dir / "edge" / "audio_only.m4a"))


def test_doctor_names_what_is_there_and_what_would_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["ffmpeg"]["verdict"] == "ok"
    assert {"machine", "packages", "speech", "yunet", "captions", "cache"} <= set(checks)


def test_unknown_weights_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "known: " in refused(capsys, "models", "pull", "nonsense")


def test_models_list_names_every_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert "yunet" in capsys.readouterr().out


def test_an_interrupt_that_was_dropped_is_raised_at_the_next_progress() -> None:
    from talkreel.cli.terminal import ASKED_TO_STOP, watching
    from talkreel.pipeline.progress import Event

    with watching(io.StringIO()) as watcher:
        watcher(Event("words", 0.1, 0.1))
        ASKED_TO_STOP.set()
        try:
            with pytest.raises(KeyboardInterrupt):
                watcher(Event("words", 0.2, 0.2))
        finally:
            ASKED_TO_STOP.clear()
