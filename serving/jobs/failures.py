"""Why a job failed, in a form that says what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from talkreel.core.errors import InputError, OutputError, RenderError, TalkreelError

Cause = Literal[
    "input", "nothing", "render", "storage", "timeout", "stalled", "crashed", "bug", "import"
]
# What the source or the options are at fault for stays the same however often it is tried.
_HOPELESS = frozenset({"input", "nothing"})
_FLAGS = {
    "clips": "--clips",
    "min_seconds": "--min-seconds",
    "max_seconds": "--max-seconds",
    "aspect": "--aspect",
    "query": "--query",
    "language": "--language",
    "preset": "--preset",
    "scorer": "--scorer",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one attempt failed.

    Attributes:
        phase: what was being done, e.g. ``import`` or ``clips``.
        cause: its class.
        message: one line for people.
        ffmpeg_tail: ffmpeg's last error lines, where it was ffmpeg that failed.
        retryable: whether the same again may end otherwise.
    """

    phase: str
    cause: Cause
    message: str
    ffmpeg_tail: tuple[str, ...] = ()
    retryable: bool = True

    def document(self, *, attempts: int, reproduce: str) -> dict[str, Any]:
        """As clients see it.

        Args:
            attempts: how many failed, this one included.
            reproduce: command that shows the same failure.
        """
        return {
            "phase": self.phase,
            "cause": self.cause,
            "message": self.message,
            "ffmpeg_tail": list(self.ffmpeg_tail),
            "reproduce": reproduce,
            "attempts": attempts,
            "retryable": self.retryable,
        }


def failure_of(error: BaseException, phase: str) -> Failure:
    """What an exception of the library means for a job."""
    cause: Cause
    match error:
        case OutputError():
            cause = "storage"
        case InputError():
            cause = "input"
        case RenderError():
            cause = "render"
        case TalkreelError() | MemoryError():
            cause = "crashed"
        case _:
            cause = "bug"
    message = " ".join(str(error).split()) or type(error).__name__
    if cause == "bug":
        message = f"this is a bug in talkreel: {type(error).__name__}: {message}"
    tail = _ffmpeg_tail(message) if cause == "render" else ()
    return Failure(phase, cause, message, tail, retryable=cause not in _HOPELESS)


def reproduce_clip(name: str, options: Mapping[str, Any]) -> str:
    """The command that does on a machine of one's own what a ``clip`` job does."""
    words = ["talkreel", "clip", name]
    for key, flag in _FLAGS.items():
        if options.get(key) is not None:
            words += [flag, f"{options[key]}"]
    if "captions" in options:
        words += ["--captions", options["captions"] or "none"]
    if options.get("range"):
        words += ["--range", *(f"{second:g}" for second in options["range"])]
    if options.get("transcript"):
        words += ["--transcript", f"transcript.{options['transcript']['format']}"]
    return shlex.join(words)


def _ffmpeg_tail(message: str) -> tuple[str, ...]:
    what, _, said = message.partition(": ")
    return tuple(said.split(" | ")) if "ffmpeg" in what and said else ()
