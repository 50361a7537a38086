"""What every editor format is written from; all positions are whole frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Linked:
    """The file that the timeline plays.

    Attributes:
        path: absolute.
        rate: frames per second; that of the timeline.
        frames: how many there are.
        width: pixels of the picture as stored; 0 without one.
        height: likewise.
        channels: of the sound; 0 without it.
        sample_rate: Hz.
    """

    path: Path
    rate: Fraction
    frames: int
    width: int
    height: int
    channels: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the whole source picture lies, in canvas pixels; it may reach beyond the canvas."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of source frames on a track.

    Attributes:
        track: 1 is the lowest.
        start: frame of the timeline.
        frames: how many.
        source: first frame of the source.
        places: (frame of the piece, place), ascending from 0; between them it moves evenly.
        inset: shares of the source picture hidden at left, top, right and bottom.
    """

    track: int
    start: int
    frames: int
    source: int
    places: tuple[tuple[int, Place], ...] = ()
    inset: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def end(self) -> int:
        """One past its last frame of the timeline."""
        return self.start + self.frames


@dataclass(frozen=True, slots=True)
class Mark:
    """A note at a frame of the timeline: a caption."""

    start: int
    frames: int
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A clip.

    Attributes:
        name: of the clip.
        rate: frames per second.
        width: of the canvas.
        height: of the canvas.
        frames: how many.
        media: what is played.
        pictures: pieces of picture, by track and time.
        sounds: pieces of sound, in order.
        marks: captions, in order.
        asides: what the timeline does not carry, one line each.
    """

    name: str
    rate: Fraction
    width: int
    height: int
    frames: int
    media: Linked
    pictures: tuple[Piece, ...]
    sounds: tuple[Piece, ...]
    marks: tuple[Mark, ...]
    asides: tuple[str, ...] = ()

    @property
    def tracks(self) -> int:
        """Picture tracks."""
        return max((piece.track for piece in self.pictures), default=0)

    @property
    def timebase(self) -> int:
        """Whole frames in a second of timecode: 24 for 23.976, 30 for 29.97."""
        return -(-self.rate.numerator // self.rate.denominator)

    @property
    def ntsc(self) -> bool:
        """Whether the rate is 1000/1001 of its timebase."""
        return self.rate == Fraction(self.timebase * 1000, 1001)

    @property
    def drop_frame(self) -> bool:
        """Whether timecode leaves numbers out to keep up with the clock (29.97 and 59.94)."""
        return self.ntsc and self.timebase % 30 == 0


def timecode(frame: int, timebase: int, *, drop_frame: bool) -> str:
    """``frame`` as SMPTE ST 12-1 timecode; ``;`` before the frames tells of dropped numbers."""
    if drop_frame:
        dropped = timebase // 15
        minute, ten = timebase * 60 - dropped, timebase * 600 - 9 * dropped
        tens, rest = divmod(frame, ten)
        # The first minute of ten keeps all its numbers.
        past = max(0, (rest - dropped) // minute)
        frame += dropped * (9 * tens + past)
    seconds, count = divmod(frame, timebase)
    minutes, hours = seconds // 60 % 60, seconds // 3600
    mark = ";" if drop_frame else ":"
    return f"{hours:02d}:{minutes:02d}:{seconds % 60:02d}{mark}{count:02d}"
