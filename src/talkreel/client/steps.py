"""What the client does, step by step, without doing it: one logic for both clients.

A method is a generator. It yields steps, is sent what each came to, and returns its result; the
synchronous and the asynchronous client only carry the steps out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """Send a request and give back a ``Reply``.

    Attributes:
        method: HTTP's.
        path: under the server's address.
        params: of the query; None ones are left out.
        headers: more of them.
        json: body, or None.
        content: body as bytes, or None.
        streamed: give back the reply before its body, which ``More`` then reads; the next call
            or the end of the generator ends it.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: HTTP's.
        headers: by lower-case name.
        body: all of it; empty when streamed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class More:
    """Read the next bytes of the streamed reply; empty at its end."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait.

    Attributes:
        seconds: how long.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Call a function that reads or writes files, and give back its result."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Emit(Generic[T]):
    """Hand a value to who iterates."""

    value: T


class Broken(Exception):
    """The connection failed; raised inside the generator where the step was."""


Step = Call | More | Sleep | Work
# Any is what a step came to; each yield knows which.
Steps = Generator[Step, Any, T]
Stream = Generator[Step | Emit[T], Any, None]


def collected(stream: Stream[T]) -> Steps[tuple[T, ...]]:
    """Everything that a stream emits."""
    found: list[T] = []
    yield from heard(stream, found.append)
    return tuple(found)


def heard(stream: Stream[T], tell: Callable[[T], None]) -> Steps[None]:
    """Carry a stream on and tell of each value it emits."""
    try:
        step = next(stream)
        while True:
            if isinstance(step, Emit):
                tell(step.value)
                step = next(stream)
                continue
            try:
                answer = yield step
            except Broken as error:
                step = stream.throw(error)
            else:
                step = stream.send(answer)
    except StopIteration:
        return
    finally:
        stream.close()
