from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from talkreel.core.errors import OutputError, RenderError
from talkreel.media import ffmpeg
from talkreel.media.ffmpeg import ffmpeg_path, input_options, opens_safely, run_ffmpeg
from talkreel.media.probe import probe

ENDLESS = ["-f", "lavfi", "-re", "-i", "testsrc2=s=64x64:r=10", "-f", "null", "-"]


def _running() -> list[psutil.Process]:
    """Every ffmpeg below this process, and what starts one; servers of other tests may run too."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended just now
            if any("ffmpeg" in part for part in process.cmdline()):
                found.append(process)
    return found


def test_progress_rises_to_the_end_and_output_is_kept(tmp_path: Path) -> None:
    shares: list[float] = []
    source = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=30:d=5"]
    result = run_ffmpeg(
        [*source, "-c:v", "mpeg4", "out.mp4"],
        timeout_seconds=60,
        expected_seconds=5,
        progress=shares.append,
        cwd=tmp_path,
    )
    assert (tmp_path / "out.mp4").stat().st_size > 0
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert "[info]" in result.stderr


def test_failure_carries_the_last_words(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="No such file") as caught:
        run_ffmpeg(["-i", "absent.mp4", "-f", "null", "-"], timeout_seconds=20, cwd=tmp_path)
    assert "\n" not in str(caught.value)


def test_deadline_ends_the_whole_process() -> None:
    began = time.monotonic()
    with pytest.raises(RenderError, match="took over 1 s"):
        run_ffmpeg(ENDLESS, timeout_seconds=1)
    assert time.monotonic() - began < 10
    assert _running() == []


def test_hang_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ffmpeg, "STALL_SECONDS", 1.5)
    os.mkfifo(tmp_path / "silent.wav")  # nobody ever writes to it
    with pytest.raises(RenderError, match="hung"):
        run_ffmpeg(
            ["-f", "wav", "-i", "silent.wav", "-f", "null", "-"],
            timeout_seconds=60,
            cwd=tmp_path,
        )
    assert _running() == []


def test_keyboard_interrupt_leaves_nothing_running() -> None:
    timer = threading.Timer(1.0, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_ffmpeg(ENDLESS, timeout_seconds=60)
    assert _running() == []


def test_child_dies_with_its_parent(tmp_path: Path) -> None:
    code = (
        f"from talkreel.media.ffmpeg import run_ffmpeg; run_ffmpeg({ENDLESS!r}, timeout_seconds=60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    children: list[psutil.Process] = []
    for _ in range(100):
        children = psutil.Process(parent.pid).children()
        if children and "ffmpeg" in children[0].name():
            break
        time.sleep(0.1)
    assert children
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert gone
    assert not alive


def test_full_disk_is_said_plainly() -> None:
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("no /dev/full here")
    with pytest.raises(OutputError, match="no space left"):
        run_ffmpeg(
            ["-f", "lavfi", "-i", "anoisesrc=d=60", "-f", "wav", "/dev/full"], timeout_seconds=60
        )


def test_playlist_cannot_reach_other_files_or_hosts(tmp_path: Path) -> None:
    source = tmp_path / "x.m3u8"
    source.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", encoding="utf-8")
    arguments = ["-protocol_whitelist", "file,pipe", "-f", "hls", "-i", str(source)]
    with pytest.raises(RenderError):
        run_ffmpeg([*arguments, "-f", "null", "-"], timeout_seconds=20)


def test_path_can_be_chosen_and_a_wrong_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKREEL_FFMPEG", sys.executable)
    assert ffmpeg_path() == sys.executable
    monkeypatch.setenv("TALKREEL_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(RenderError, match="TALKREEL_FFMPEG"):
        ffmpeg_path()


def test_input_options_force_the_demuxer_and_survive_odd_names(make_video, tmp_path: Path) -> None:
    plain = make_video()
    odd = tmp_path / '- it\'s "ü中😀" %d.mp4'
    odd.write_bytes(plain.read_bytes())
    media = probe(odd)
    options = input_options(media, seek_seconds=1.0)
    assert options[options.index("-f") + 1] == "mov"
    assert options[-1] == f"file:{odd}"
    result = run_ffmpeg([*options, "-f", "null", "-"], timeout_seconds=30)
    assert "[error]" not in result.stderr


def test_opens_safely_lets_real_files_through(make_video) -> None:
    assert opens_safely(str(make_video()), "mov")


def _killed(folder: Path, times: int) -> str:
    """An ffmpeg that is killed from outside so many times before it runs."""
    program = folder / "ffmpeg"
    program.write_text(
        f"""#!/bin/sh
echo >> "{folder}/starts"
[ $(wc -l < "{folder}/starts") -le {times} ] && kill -9 $$
exec "{ffmpeg_path()}" "$@"
"""
    )
    program.chmod(0o755)
    return str(program)


def test_a_look_that_others_kill_says_nothing_of_the_file(
    make_video, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("TALKREEL_FFMPEG", _killed(tmp_path, 2))
    assert opens_safely(str(make_video()), "mov")


def test_looking_at_a_file_that_is_always_killed_ends(
    make_video, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("TALKREEL_FFMPEG", _killed(tmp_path, 1000))
    assert not opens_safely(str(make_video()), "mov")
