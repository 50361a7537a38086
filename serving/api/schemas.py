"""What clients send and get about projects and clips."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from talkreel.pipeline.options import ASPECTS, LONGEST_CLIP_SECONDS, MAX_CLIPS, SCORERS
from talkreel.pipeline.presets import PRESETS

MAX_TRANSCRIPT = 8 << 20
MAX_SPANS = 20
MAX_WORD_FIXES = 2000
Seconds = Annotated[float, Field(ge=0, le=7 * 24 * 3600, allow_inf_nan=False)]
# What is stored or put into a file name holds no control characters.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=PRINTABLE)
Name = Annotated[str, Line, StringConstraints(max_length=255)]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2000)]


class Sent(BaseModel):
    """A body: fields it does not know are errors."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


class Source(Sent):
    """Where the video is: exactly one of the three."""

    upload_id: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="a finished upload"
    )
    url: Url | None = Field(None, description="https address that the server fetches")
    object_key: Annotated[str, Field(max_length=500)] | None = Field(
        None, description="key from `POST /v1/uploads/presign`"
    )
    name: Name | None = Field(None, description="shown in lists instead of the file's own name")

    @model_validator(mode="after")
    def _one(self) -> Source:
        if sum(value is not None for value in (self.upload_id, self.url, self.object_key)) != 1:
            raise ValueError("give exactly one of upload_id, url and object_key")
        return self


class TranscriptText(Sent):
    """A transcript that is used instead of recognition."""

    format: Literal["srt", "vtt", "json"]
    text: Annotated[str, Field(min_length=1, max_length=MAX_TRANSCRIPT)]


class Craft(Sent):
    """Features beyond a correct clip; each is off unless asked for."""

    enhance: Annotated[list[Literal["voice", "picture"]], Field(max_length=2)] = Field(
        default_factory=list, description="what to improve where that does no harm"
    )
    tighten: bool = Field(False, description="cut long pauses, fillers and false starts")
    title_card: bool = Field(False, description="the hook line on the first two seconds")
    censor: bool = Field(False, description="mask profanity in sound and text")
    emoji: bool = Field(False, description="emoji in the captions")
    speaker_colours: bool = Field(False, description="a caption colour for each speaker")
    emphasis: bool = Field(False, description="colour the words that carry the point")
    platform: str = Field("", description="keep free what this platform draws over; empty: any")


class Options(Sent):
    """Options of ``talkreel clip``."""

    clips: int | None = Field(None, ge=1, le=MAX_CLIPS, description="null: as many as are good")
    min_seconds: float = Field(15.0, allow_inf_nan=False)
    max_seconds: float = Field(60.0, allow_inf_nan=False)
    aspect: str = Field("9:16", description=f"one of {', '.join(ASPECTS)}")
    captions: str | None = Field("bold", description="a caption style, or null for none")
    range: tuple[Seconds, Seconds] | None = Field(None, description="part to look at, seconds")
    query: Annotated[str, Line, Field(max_length=300)] | None = Field(
        None, description="topic to look for"
    )
    language: str = Field("en", description="ISO 639-1")
    preset: str = Field("default", description=f"one of {', '.join(PRESETS)}")
    scorer: str = Field("viral", description=f"one of {', '.join(SCORERS)}")
    transcript: TranscriptText | None = None
    craft: Craft = Craft.model_validate({})


class NewProject(Sent):
    """A video and what is to be made of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": {"url": "https://example.com/talk.mp4"},
                    "options": {"clips": 5, "aspect": "9:16", "captions": "bold"},
                    "webhook_url": "https://example.com/hooks/talkreel",
                }
            ]
        }
    )

    source: Source
    options: Options = Options.model_validate({})
    webhook_url: Url | None = None


State = Literal["queued", "running", "done", "empty", "failed", "cancelled"]


class Progress(Given):
    """How far a project is."""

    phase: str
    percent: float
    seconds_left: float | None


class Project(Given):
    """A project; times are seconds since 1970, UTC."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "prj_00063a1f2b3c4d5e6f708192a3b4c5",
                    "state": "running",
                    "source": {"kind": "url", "name": "talk.mp4"},
                    "options": {"clips": 5, "aspect": "9:16"},
                    "webhook_url": None,
                    "progress": {"phase": "listening", "percent": 41.5, "seconds_left": 130.0},
                    "failure": None,
                    "warnings": [],
                    "media": None,
                    "clips": 0,
                    "stored_bytes": 0,
                    "created_at": 1795000000.0,
                    "started_at": 1795000001.0,
                    "finished_at": None,
                    "links": {"self": "/v1/projects/prj_00063a1f2b3c4d5e6f708192a3b4c5"},
                }
            ]
        },
    )

    id: str
    state: State
    source: dict[str, Any] = Field(description="kind, name, and url or sha256 and bytes")
    options: dict[str, Any]
    webhook_url: str | None
    progress: Progress
    failure: dict[str, Any] | None = Field(
        description="phase, cause, message, ffmpeg_tail, reproduce, attempts, retryable"
    )
    warnings: list[Any]
    media: dict[str, Any] | None = Field(description="digest, duration, width and height")
    clips: int = Field(description="how many are ready")
    stored_bytes: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    links: dict[str, str]


class ProjectPage(Given):
    """Projects, newest first; ``next`` is the cursor of the next page."""

    projects: list[Project]
    next: str | None


class Clip(Given):
    """A clip, with every score explained."""

    id: str
    project_id: str
    rank: int
    revision: int = Field(description="send it as If-Match with a change")
    state: Literal["ready", "rendering", "failed"]
    title: str
    score: int = Field(description="0 to 99")
    sub_scores: list[dict[str, Any]] = Field(description="name, value, weight, reasons")
    text: str
    spans: list[dict[str, float]] = Field(description="what is played, seconds of the source")
    measured: dict[str, Any] = Field(description="on the delivered file")
    warnings: list[str]
    files: dict[str, str] = Field(description="addresses of video, cover, srt, vtt, words and edit")
    failure: dict[str, Any] | None
    created_at: float
    updated_at: float


class ClipPage(Given):
    """Clips in order of rank, then id; ``next`` is the cursor of the next page."""

    clips: list[Clip]
    next: str | None


class WordFix(Sent):
    """Another text for one caption word: one word, several, or none."""

    index: int = Field(ge=0, le=100_000, description="of the word, counted over the whole clip")
    text: Annotated[str, StringConstraints(max_length=200, pattern=PRINTABLE)]


class CaptionChange(Sent):
    """Other captions."""

    style: str | None = Field(None, description="a caption style, or `none` for no captions")
    words: list[WordFix] = Field(default_factory=list, max_length=MAX_WORD_FIXES)


class CropChange(Sent):
    """A part of the picture to show throughout."""

    box: tuple[float, float, float, float] = Field(
        description="left, top, right, bottom as shares of the picture, 0 to 1"
    )

    @model_validator(mode="after")
    def _inside(self) -> CropChange:
        left, top, right, bottom = self.box
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError("a box is left < right and top < bottom, all of them 0 to 1")
        return self


class ClipChange(Sent):
    """What to change; only the clip is rendered again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"spans": [[12.0, 41.5]]},
                {"captions": {"style": "clean", "words": [{"index": 3, "text": "Kubernetes"}]}},
                {"crop": {"box": [0.3, 0.0, 0.62, 1.0]}, "aspect": "9:16"},
            ]
        },
    )

    title: Annotated[str, Line, Field(max_length=200)] | None = None
    spans: list[tuple[Seconds, Seconds]] | None = Field(
        None,
        min_length=1,
        max_length=MAX_SPANS,
        description=f"what to play, in order; up to {LONGEST_CLIP_SECONDS:g} s in all",
    )
    captions: CaptionChange | None = None
    crop: CropChange | None = None
    aspect: str | None = Field(None, description=f"one of {', '.join(ASPECTS)}")

    @model_validator(mode="after")
    def _something(self) -> ClipChange:
        if not self.model_fields_set:
            raise ValueError("give at least one of title, spans, captions, crop and aspect")
        return self


class EventView(Given):
    """One line of a project's log."""

    number: int
    type: str
    data: dict[str, Any]
    at: float


class EventPage(Given):
    """Events after a number; ``ended`` when no more will come."""

    events: list[EventView]
    next: int
    ended: bool
