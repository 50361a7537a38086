"""What the server answers, as frozen records. Fields that a newer server adds are passed over."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

ENDED = frozenset({"done", "empty", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a project is.

    Attributes:
        phase: what is being done, for people.
        percent: of the whole, 0 to 100.
        seconds_left: estimate, or None while it is too early to say.
    """

    phase: str
    percent: float
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a project or a clip failed.

    Attributes:
        phase: in which it did.
        cause: class of cause, such as ``input``, ``render`` or ``timeout``.
        message: for people.
        attempts: how often it was tried.
        retryable: whether ``retry`` may help.
        ffmpeg_tail: the last lines of ffmpeg, if it was that.
        reproduce: a command that shows the same.
    """

    phase: str
    cause: str
    message: str
    attempts: int = 1
    retryable: bool = False
    ffmpeg_tail: tuple[str, ...] = ()
    reproduce: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file at the server, or on its way.

    Attributes:
        id: names it as the source of a project.
        offset: bytes that have arrived.
        length: bytes in all.
    """

    id: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Project:
    """A project.

    Attributes:
        id: ``prj_…``.
        state: queued, running, done, empty, failed or cancelled.
        progress: how far it is.
        clips: how many are ready.
        source: kind and name.
        options: as asked.
        failure: why it failed, or why nothing was worth a clip.
        warnings: one line each.
        media: digest, duration, width and height, once known.
        webhook_url: who is told.
        created_at: seconds since 1970, UTC; the others likewise.
        started_at: when its job began.
        finished_at: when it ended.
        links: addresses of what belongs to it.
    """

    id: str
    state: str
    progress: Progress
    clips: int
    source: Mapping[str, Any]
    options: Mapping[str, Any]
    failure: Failure | None
    created_at: float
    warnings: tuple[str, ...] = ()
    media: Mapping[str, Any] | None = None
    webhook_url: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens unless someone asks for it."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip, with every score explained.

    Attributes:
        id: ``clp_…``.
        project_id: whose.
        rank: 1 is best.
        revision: rises with every change; names the state that a change is made to.
        state: ready, rendering or failed.
        title: from the talk's own words.
        score: 0 to 99.
        sub_scores: the parts, each with its evidence.
        text: what is said.
        spans: what is played, seconds of the source.
        measured: on the delivered file.
        files: addresses of video, cover, srt, vtt, words and edit.
        warnings: one line each.
        failure: why the last change failed.
    """

    id: str
    project_id: str
    rank: int
    revision: int
    state: str
    title: str
    score: int
    sub_scores: tuple[Mapping[str, Any], ...]
    text: str
    spans: tuple[Mapping[str, float], ...]
    measured: Mapping[str, Any]
    files: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a project's log.

    Attributes:
        number: 1, 2, … within the project.
        type: such as ``project.progress`` or ``clip.ready``.
        data: what it says.
        at: seconds since 1970, UTC.
    """

    number: int
    type: str
    data: Mapping[str, Any]
    at: float


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """Scores of one sentence."""

    text: str
    engagement: float
    hook: float
    emotion: str
    emotions: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of a text or a clip, and of its sentences as the evidence."""

    engagement: float
    hook: float
    emotion: str
    emotions: Mapping[str, float]
    sentences: tuple[SentenceScore, ...]
    models: Mapping[str, str]
    calibration: str


@dataclass(frozen=True, slots=True)
class HookPlace:
    """One hook in a ranking: its place, its mean chance to win, and whom it is too close to."""

    text: str
    place: int
    wins: float
    too_close: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HookOrder:
    """Hooks, strongest first, and the best one if it leads by enough."""

    hooks: tuple[HookPlace, ...]
    best: str | None
    model: str


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle in service."""

    role: str
    name: str
    version: int
    uri: str
    sha256: str
    labels: tuple[str, ...]
    metrics: Mapping[str, float]
    permitted_use: str
    error: str | None = None


def read(kind: type[T], data: Any) -> T:
    """A record from JSON.

    Raises:
        ValueError: a field is missing or of another shape.
    """
    try:
        return typing.cast(T, _read(kind, data))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a {kind.__name__}: {error!r}") from error


def _read(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"{value!r} where an object is due")
        known = _hints(kind)
        given = {name: _read(known[name], item) for name, item in value.items() if name in known}
        return kind(**given)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        options = [option for option in arguments if option is not type(None)]
        return None if value is None else _read(options[0], value)
    if origin is tuple:
        return tuple(_read(arguments[0], item) for item in value)
    if origin is Mapping or kind is Any:
        return value
    if kind is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} where {kind.__name__} is due")
    return value


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)
