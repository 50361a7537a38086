from __future__ import annotations

from pathlib import Path

import pytest

from talkreel.core.errors import InputError
from talkreel.core.spans import Span
from talkreel.pipeline.options import ClipOptions, parse_range
from talkreel.pipeline.presets import PRESETS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": 0}, "--clips is auto or 1 to 100, got 0"),
        ({"clips": -3}, "got -3"),
        ({"min_seconds": 40, "max_seconds": 20}, "above --max-seconds"),
        ({"min_seconds": float("nan")}, "--min-seconds is 3 to 600"),
        ({"max_seconds": 5000}, "--max-seconds is 3 to 600"),
        ({"aspect": "2:1"}, "--aspect is one of 9:16"),
        ({"preset": "turbo"}, "--preset is one of fast"),
        ({"language": "english"}, "--language is a code"),
        ({"query": "  "}, "--query is empty"),
    ],
)
def test_options_say_what_is_allowed(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ClipOptions(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        ("0", "90", Span(0, 90)),
        ("1:30", "2:00.5", Span(90, 120.5)),
        ("1:00:00", "1:01:00", Span(3600, 3660)),
    ],
)
def test_a_range_is_seconds_or_clock_time(start: str, end: str, span: Span) -> None:
    assert parse_range(start, end) == span


@pytest.mark.parametrize(("start", "end"), [("5", "5"), ("a", "b"), ("-1", "5"), ("1:2:3:4", "9")])
def test_a_wrong_range_is_refused(start: str, end: str) -> None:
    with pytest.raises(InputError, match="--range|a time is"):
        parse_range(start, end)


def test_a_range_is_cut_to_the_media() -> None:
    options = ClipOptions(range=Span(50, 500))
    assert options.within(Span(0, 100)).range == Span(50, 100)
    with pytest.raises(InputError, match="outside the media"):
        options.within(Span(0, 50))
    assert ClipOptions().within(Span(0, 50)) == ClipOptions()


def test_only_the_fast_preset_tightens() -> None:
    assert {name for name, preset in PRESETS.items() if preset.tighten} == {"fast"}
    assert ClipOptions(preset="fast", transcript=Path("x")).settings is PRESETS["fast"]
