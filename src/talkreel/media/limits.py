"""Started in ffmpeg's place: sets limits on itself, then becomes ffmpeg.

Doing this in a fresh interpreter instead of between fork and exec keeps it safe in programs
with threads. Arguments: parent's process id, then a JSON object of limit name to value, then the
command.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    """Limit this process, tie its life to the parent's, and turn into the command."""
    parent, limits, command = int(arguments[0]), json.loads(arguments[1]), arguments[2:]
    for name, value in limits.items():
        which = getattr(resource, name)
        hard = resource.getrlimit(which)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(which, (value, value))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
