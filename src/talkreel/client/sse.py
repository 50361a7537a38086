"""Server-sent events: bytes to events, as in the HTML standard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_MAX_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class ServerSent:
    """One event.

    Attributes:
        id: the last one given, which a new connection goes on from.
        type: ``message`` when not said.
        data: lines joined.
    """

    id: str
    type: str
    data: str


class Parser:
    """Puts events together from pieces of a stream."""

    def __init__(self) -> None:
        self._rest = b""
        self._id = ""
        self._type = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[ServerSent]:
        """Events that are complete with ``piece``.

        Raises:
            ValueError: a line without end.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > _MAX_BUFFER:
            raise ValueError("a line of more than a mebibyte")
        for line in lines:
            event = self._line(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if event is not None:
                yield event

    def _line(self, line: str) -> ServerSent | None:
        if not line:
            done = ServerSent(self._id, self._type or "message", "\n".join(self._data))
            empty = not self._data
            self._type, self._data = "", []
            return None if empty else done
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._type = value
            case "id":
                self._id = value
        return None
