"""What a job is asked to do, checked at the door."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from talkreel.core.errors import InputError
from talkreel.core.spans import Span
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.presets import PRESETS, Preset

ASPECTS = ("9:16", "1:1", "4:5", "16:9", "source")
SCORERS = ("viral", "craft")
MAX_CLIPS = 100
SHORTEST_CLIP_SECONDS = 3.0
LONGEST_CLIP_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipOptions:
    """Options of ``talkreel clip``; defaults are the command's own.

    Attributes:
        clips: how many, or None to let the material decide.
        min_seconds: shortest clip.
        max_seconds: longest clip.
        aspect: one of ``ASPECTS``.
        captions: name of a caption style, or None for none.
        transcript: file to use instead of recognition, or None.
        range: part of the source to look at, or None for all.
        query: topic to look for, or None.
        language: ISO 639-1 code of the speech.
        preset: one of ``PRESETS``.
        scorer: ``viral`` for the trained models, ``craft`` for the craft priors alone.
        craft: features beyond a correct clip.

    Raises:
        InputError: a value that cannot be used, with what is allowed.
    """

    clips: int | None = None
    min_seconds: float = 15.0
    max_seconds: float = 60.0
    aspect: str = "9:16"
    captions: str | None = "bold"
    transcript: Path | None = None
    range: Span | None = None
    query: str | None = None
    language: str = "en"
    preset: str = "default"
    scorer: str = "viral"
    craft: CraftOptions = field(default_factory=CraftOptions)

    def __post_init__(self) -> None:
        if self.clips is not None and not 1 <= self.clips <= MAX_CLIPS:
            raise InputError(f"--clips is auto or 1 to {MAX_CLIPS}, got {self.clips}")
        for name, value in (("min", self.min_seconds), ("max", self.max_seconds)):
            if not (
                math.isfinite(value) and SHORTEST_CLIP_SECONDS <= value <= LONGEST_CLIP_SECONDS
            ):
                raise InputError(
                    f"--{name}-seconds is {SHORTEST_CLIP_SECONDS:g} to {LONGEST_CLIP_SECONDS:g}, "
                    f"got {value:g}"
                )
        if self.min_seconds > self.max_seconds:
            raise InputError(
                f"--min-seconds {self.min_seconds:g} is above --max-seconds "
                f"{self.max_seconds:g}: lower the one or raise the other"
            )
        _one_of("--aspect", self.aspect, ASPECTS)
        _one_of("--preset", self.preset, PRESETS)
        _one_of("--scorer", self.scorer, SCORERS)
        if not (2 <= len(self.language) <= 3 and self.language.isalpha()):
            raise InputError(f"--language is a code such as en or de, got {self.language!r}")
        if self.query is not None and not self.query.strip():
            raise InputError("--query is empty: name a topic, or leave the option out")

    @property
    def settings(self) -> Preset:
        """The preset itself."""
        return PRESETS[self.preset]

    def within(self, media: Span) -> ClipOptions:
        """The same options with ``range`` cut to the media.

        Raises:
            InputError: the range starts after the media ends, or is shorter than a clip can be.
        """
        if self.range is None:
            return self
        cut = self.range.intersect(media)
        if cut is None:
            raise InputError(
                f"--range {self.range.start:g} {self.range.end:g} lies outside the media, which "
                f"is {media.duration:.1f} s long"
            )
        return replace(self, range=cut)


def parse_range(start: str, end: str) -> Span:
    """``--range`` values: seconds, ``m:ss`` or ``h:mm:ss``.

    Raises:
        InputError: not a time, or the end is not after the start.
    """
    first, last = _parse_time(start), _parse_time(end)
    if last <= first:
        raise InputError(f"--range needs START before END, got {start} {end}")
    return Span(first, last)


def _parse_time(text: str) -> float:
    parts = text.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    good = 1 <= len(numbers) <= 3 and all(math.isfinite(n) and n >= 0 for n in numbers)
    if not good:
        raise InputError(f"a time is seconds, m:ss or h:mm:ss, got {text!r}")
    return math.fsum(number * 60.0**i for i, number in enumerate(reversed(numbers)))


def _one_of(name: str, value: str, allowed: Iterable[str]) -> None:
    names = list(allowed)
    if value not in names:
        raise InputError(f"{name} is one of {', '.join(names)}, got {value!r}")
