"""The only code that starts ffmpeg: argument lists, limits, deadlines, and its last words."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from talkreel.core.errors import OutputError, RenderError
from talkreel.core.media import Media
from talkreel.core.stage import Progress, silent
from talkreel.media.container import MAX_PIXELS

# No sound, no picture and no CPU time used for this long: it hangs.
STALL_SECONDS = 60.0
_POLL_SECONDS = 0.5
_KEPT_STDERR_LINES = 2000
_GIB = 1024**3
# x264 at 4K with 16 threads maps about 4 GiB; more is a bomb.
_LIMITS = {
    "RLIMIT_AS": 12 * _GIB,
    "RLIMIT_FSIZE": 64 * _GIB,
    "RLIMIT_NOFILE": 512,
    "RLIMIT_CORE": 0,
}
# Opening a day of 60 fps video takes 0.5 GiB of tables and a few seconds.
_OPEN_BYTES = _GIB
_OPEN_SECONDS = 60.0
# A look that was killed sooner was killed by somebody else, which says nothing of the file.
_SURELY_OURS_SECONDS = 5.0
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class FfmpegResult:
    """What ffmpeg said.

    Attributes:
        stderr: its last lines, each marked with its level, e.g. ``[info]``.
    """

    stderr: str


def ffmpeg_path() -> str:
    """The ffmpeg to run: ``$TALKREEL_FFMPEG``, else the one in imageio-ffmpeg.

    Raises:
        RenderError: ``$TALKREEL_FFMPEG`` names nothing that can be run.
    """
    chosen = os.environ.get("TALKREEL_FFMPEG")
    if not chosen:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    if not os.access(chosen, os.X_OK) or os.path.isdir(chosen):
        raise RenderError(
            f"TALKREEL_FFMPEG={chosen!r} is not a program: give the path of an ffmpeg, or unset it"
        )
    return os.path.abspath(chosen)


def ffmpeg_filters() -> frozenset[str]:
    """Names of the filters that the ffmpeg to run was built with.

    Raises:
        RenderError: it does not run.
    """
    try:
        done = subprocess.run(
            [ffmpeg_path(), "-hide_banner", "-filters"],
            capture_output=True,
            text=True,
            timeout=_OPEN_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise RenderError(f"{ffmpeg_path()} does not run: {error}") from error
    rows = (line.split() for line in done.stdout.splitlines())
    return frozenset(row[1] for row in rows if len(row) > 2)


def input_options(media: Media, *, seek_seconds: float | None = None) -> list[str]:
    """Arguments that open ``media`` as an ffmpeg input, ``-i`` included.

    The demuxer is forced and only local files can be reached, so a hostile file cannot make
    ffmpeg read others.

    Args:
        media: what to open.
        seek_seconds: start here on the source clock (exact, not at the keyframe before).
    """
    options = ["-protocol_whitelist", "file,pipe", "-f", media.container]
    options += ["-max_pixels", str(MAX_PIXELS)]
    if seek_seconds is not None:
        options += ["-ss", f"{seek_seconds:.6f}"]
    return [*options, "-i", f"file:{media.uri}"]


def run_ffmpeg(
    arguments: Sequence[str],
    *,
    timeout_seconds: float,
    expected_seconds: float | None = None,
    progress: Progress = silent,
    cwd: Path | None = None,
) -> FfmpegResult:
    """Run ffmpeg to its end; it never outlives this call.

    Args:
        arguments: everything after the program's name; existing outputs are overwritten, and
            none may be standard output, which carries the progress.
        timeout_seconds: wall-clock limit.
        expected_seconds: length of the output, for ``progress``.
        progress: called with the share done.
        cwd: folder to run in.

    Raises:
        RenderError: it failed, hung or took too long; ends with its last error lines.
        OutputError: the disk is full.
    """
    limits = {**_LIMITS, "RLIMIT_CPU": int(timeout_seconds * (os.cpu_count() or 1)) + 60}
    options = ["-y", "-loglevel", "level+info", "-progress", "pipe:1"]
    process = _start([*options, *arguments], limits, cwd)
    try:
        return _Watch(process, timeout_seconds, expected_seconds, progress).finish()
    finally:
        _kill(process)


def opens_safely(path: str, container: str) -> bool:
    """Whether ffmpeg can look at a file's header without exhausting memory or time.

    A kilobyte of header may promise billions of samples, for which libav lays out tables at once:
    a limited process looks first, so that this one can open the file. Says nothing about
    whether the file is whole.
    """
    for _ in range(_LOOKS):
        safe = _look(path, container)
        if safe is not None:
            return safe
    return False


def _look(path: str, container: str) -> bool | None:
    """Whether one look went well; None when it was ended before its limits could have ended it."""
    limits = {**_LIMITS, "RLIMIT_AS": _OPEN_BYTES, "RLIMIT_CPU": round(_OPEN_SECONDS)}
    options = ["-loglevel", "fatal", "-protocol_whitelist", "file", "-f", container]
    began = time.monotonic()
    process = _start([*options, "-i", f"file:{path}"], limits, None)
    try:
        _, said = process.communicate(timeout=_OPEN_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    finally:
        _kill(process)
    if process.returncode == -signal.SIGKILL and time.monotonic() - began < _SURELY_OURS_SECONDS:
        return None
    return process.returncode >= 0 and b"Cannot allocate memory" not in said


def _start(
    arguments: Sequence[str], limits: Mapping[str, int], cwd: Path | None
) -> subprocess.Popen[bytes]:
    shim = [sys.executable, "-I", "-S", str(Path(__file__).with_name("limits.py"))]
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", *arguments]
    return subprocess.Popen(
        [*shim, str(os.getpid()), json.dumps(limits), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        process_group=0,
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group, if it still runs, and reap it."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


class _Watch:
    """Follows one ffmpeg: its progress, its deadline, its errors."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        timeout_seconds: float,
        expected_seconds: float | None,
        progress: Progress,
    ) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._timeout = timeout_seconds
        self._expected = expected_seconds
        self._progress = progress
        self._share = 0.0
        self._stderr: deque[str] = deque(maxlen=_KEPT_STDERR_LINES)
        self._reader = threading.Thread(target=self._drain, args=(process.stderr,), daemon=True)
        self._stdout = process.stdout
        self._sign_of_life = ""

    def finish(self) -> FfmpegResult:
        self._reader.start()
        self._follow()
        code = self._process.wait()
        self._reader.join(timeout=5)
        if code != 0:
            raise self._failure(code)
        if self._expected:
            self._progress(1.0)
        return FfmpegResult("\n".join(self._stderr))

    def _drain(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._stderr.append(line.decode("utf-8", errors="replace").rstrip())

    def _follow(self) -> None:
        """Read progress until ffmpeg closes its end."""
        began = alive = time.monotonic()
        sign = ""
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while True:
                if selector.select(_POLL_SECONDS):
                    data = os.read(self._stdout.fileno(), 65536)
                    if not data:
                        return
                    *lines, rest = (rest + data).split(b"\n")
                    self._read_progress(lines)
                now = time.monotonic()
                if now - began > self._timeout:
                    raise RenderError(self._story(f"ffmpeg took over {self._timeout:.0f} s"))
                if now - alive > _POLL_SECONDS:
                    last, sign = sign, f"{self._sign_of_life} {self._cpu_ticks()}"
                    if last != sign:
                        alive = now
                if now - alive > STALL_SECONDS:
                    raise RenderError(self._story(f"ffmpeg hung for {STALL_SECONDS:.0f} s"))

    def _read_progress(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            key, _, value = line.decode("ascii", errors="replace").partition("=")
            if key == "out_time_us" and value.lstrip("-").isdigit():
                self._sign_of_life = value
                if self._expected:
                    share = min(1.0, int(value) / 1e6 / self._expected)
                    if share > self._share:
                        self._share = share
                        self._progress(share)

    def _cpu_ticks(self) -> str:
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return str(time.monotonic())  # no way to tell: never call it a hang
        return " ".join(stat.rpartition(")")[2].split()[11:13])

    def _failure(self, code: int) -> RenderError | OutputError:
        text = "\n".join(self._stderr)
        if re.search(r"No space left on device|Disk quota exceeded", text):
            return OutputError(
                "no space left on the disk for the output: free some, or choose another folder"
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return RenderError(self._story(f"ffmpeg failed ({how})"))

    def _story(self, what: str) -> str:
        marked = [x for x in self._stderr if re.search(r"\[(error|fatal|panic)\]", x)]
        last = [re.sub(r" @ 0x[0-9a-f]+|\[(error|fatal)\] ", "", x) for x in marked[-4:]]
        return f"{what}: {' | '.join(last)}" if last else what
