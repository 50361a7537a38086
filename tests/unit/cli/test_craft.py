from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from talkreel.cli.craft import craft_options
from talkreel.cli.parser import build_parser
from talkreel.core.craft import Placement
from talkreel.core.errors import InputError
from talkreel.pipeline.craft_options import CraftOptions


def parsed(*flags: str) -> CraftOptions:
    return craft_options(build_parser().parse_args(["clip", "talk.mp4", "--out", "out", *flags]))


def test_nothing_is_on_unless_asked_for() -> None:
    assert parsed() == CraftOptions()


@pytest.mark.parametrize(
    ("flags", "field", "value"),
    [
        (("--broll", "suggest"), "broll_suggest", True),
        (("--broll", ".", "--broll-place", "inset"), "broll_place", Placement.INSET),
        (("--broll", "."), "broll", Path()),
        (("--enhance", "voice, picture"), "enhance", ("voice", "picture")),
        (("--export", "shorts,otio,shorts"), "exports", ("shorts", "otio")),
    ],
)
def test_flags_mean_what_they_say(flags: tuple[str, ...], field: str, value: Any) -> None:
    assert getattr(parsed(*flags), field) == value


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--broll", "nowhere"), "--broll needs a folder"),
        (("--broll", ".", "--broll-place", "corner"), "full, split, inset, got 'corner'"),
        (("--broll-suggest",), "give --broll too"),
        (("--broll", "pexels"), "set TALKREEL_PEXELS_KEY"),
    ],
)
def test_a_flag_that_cannot_be_used_says_why(
    flags: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TALKREEL_PEXELS_KEY", raising=False)
    with pytest.raises(InputError, match=message):
        parsed(*flags)
