"""What a job's processes opened and whom they called, as the kernel saw it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

import serving

# With -y the kernel's own name of the file follows its number.
_OPENED = re.compile(r"\bopen(?:at2?)?\b.* = \d+<(/.*)>$")
_CALLED = re.compile(r"\b(?:connect|sendto|sendmsg)\(.*\bsa_family=AF_INET6?\b")
_REPOSITORY = Path(serving.__file__).resolve().parents[1]
# Where programs and their settings are: reading them tells nothing about anybody.
_PROGRAMS = tuple(
    str(Path(folder).resolve())
    for folder in (
        *(sys.prefix, sys.base_prefix, sysconfig.get_paths()["purelib"]),
        *(_REPOSITORY / "src", _REPOSITORY / "serving", "/usr", "/lib", "/lib64", "/proc", "/sys"),
        *("/dev", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/mime.types"),
        *("/etc/ssl/openssl.cnf", "/etc/locale.alias", "/var/cache/fontconfig"),
    )
)


@dataclass
class Traced:
    """A job's processes, once they have ended.

    Attributes:
        opened: files that they opened, but for those of programs.
        calls: lines in which they called over a network.
        peak_bytes: most memory they had at once.
    """

    opened: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    peak_bytes: int = 0


@contextmanager
def traced(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Traced]:
    """Every job process that starts within is traced, with all that it starts."""
    strace = shutil.which("strace")
    if strace is None:
        message = "no strace on this machine: install it (Debian: strace) to run this test"
        if os.environ.get("TALKREEL_FORBID_SKIPS"):
            pytest.fail(message)
        pytest.skip(message)
    folder.mkdir()
    # The tracer is a grandchild in a session of its own: the job is still its worker's child, and
    # the end of the job's session leaves the tracer to write its last lines.
    wrapper = folder / "python"
    wrapper.write_text(
        f'#!/bin/sh\nexec {strace} -DDD -f -y -qq --seccomp-bpf -s 4096 -o "{folder}/log.$$" '
        "-e trace=open,openat,openat2,connect,sendto,sendmsg "
        f'{sys.executable} "$@"\n'
    )
    wrapper.chmod(0o755)
    found, stop = Traced(), threading.Event()
    watcher = threading.Thread(target=_weigh, args=(found, stop))
    watcher.start()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(wrapper))
        try:
            yield found
        finally:
            stop.set()
            watcher.join()
    for log in folder.glob("log.*"):
        _read(_settled(log), found)
    assert found.opened, "nothing was traced"


def _read(text: str, found: Traced) -> None:
    for line in text.splitlines():
        opened = _OPENED.search(line)
        if opened is not None:
            path = opened[1]
            if not path.startswith(_PROGRAMS) and path != str(_REPOSITORY):
                found.opened.add(path)
        elif _CALLED.search(line):
            found.calls.append(line)


def _settled(log: Path) -> str:
    """The log, once its writer has written everything."""
    size = -1
    while log.stat().st_size != size:
        size = log.stat().st_size
        time.sleep(0.1)
    return log.read_text(errors="replace")


def _weigh(found: Traced, stop: threading.Event) -> None:
    own = psutil.Process()
    while not stop.wait(0.05):
        total = 0
        for process in own.children(recursive=True):
            try:
                # Between fork and exec a child has its parent's pages, which count once.
                parent = process.parent()
                if parent is None or process.cmdline() != parent.cmdline():
                    total += process.memory_info().rss
            except psutil.Error:
                continue  # it ended meanwhile
        found.peak_bytes = max(found.peak_bytes, total)
