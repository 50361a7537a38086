"""Entry point: parse, run, and turn every outcome into one line and an exit code."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from talkreel.cli.parser import build_parser
from talkreel.cli.terminal import ASKED_TO_STOP
from talkreel.core.errors import InputError, TalkreelError

INTERRUPTED = 130
# What a server can be asked to do.
REMOTE = ("clip",)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    ASKED_TO_STOP.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        return _run(arguments)
    except TalkreelError as error:
        return _fail(arguments, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(arguments, "interrupted; run the same command again to go on", INTERRUPTED)
    except BrokenPipeError:
        # The reader of stdout went away (`| head`): not our error, and nothing left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        traceback.print_exc()
        return _fail(arguments, f"this is a bug in talkreel: {type(error).__name__}: {error}", 1)


def _run(arguments: argparse.Namespace) -> int:
    from talkreel.cli import commands

    if arguments.server is not None and arguments.command not in REMOTE:
        raise InputError(
            f"--server runs {', '.join(REMOTE)} and nothing else: leave it out to run "
            f"{arguments.command} here"
        )
    return commands.COMMANDS[arguments.command](arguments)


def _interrupt(number: int, frame: FrameType | None) -> None:
    ASKED_TO_STOP.set()
    raise KeyboardInterrupt


def _fail(arguments: argparse.Namespace, message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"talkreel: {line}\n")
    if getattr(arguments, "json", False):
        error = {"schema": "error/1", "message": line, "exit_code": code}
        sys.stdout.write(json.dumps(error, ensure_ascii=False) + "\n")
    return code
