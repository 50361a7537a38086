"""What the command asks of a server is what the server's job asks of the library."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.api.schemas import Options
from serving.jobs.options import clip_options
from talkreel.cli.remote import _wanted
from talkreel.core.errors import InputError
from talkreel.core.spans import Span
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.options import ClipOptions


def test_the_command_s_options_arrive_unchanged() -> None:
    asked = ClipOptions(
        clips=3,
        aspect="1:1",
        captions=None,
        range=Span(2.0, 60.0),
        query="rivers",
        craft=CraftOptions(enhance=("voice",), tighten=True, censor=True),
    )
    sent = Options.model_validate(_wanted(asked, None)).model_dump(mode="json")
    assert clip_options(sent) == asked


def test_what_needs_this_machine_s_files_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of the craft options the server takes --enhance"):
        _wanted(ClipOptions(craft=CraftOptions(music=tmp_path)), None)
