from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from talkreel.core.errors import InputError
from talkreel.pipeline.craft_options import CraftOptions


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"enhance": ("voise",)}, "--enhance takes voice, picture, got 'voise'"),
        ({"music": Path("/nowhere")}, "--music needs a folder"),
        ({"upscale": Path("n.safetensors")}, "--upscale is a manner of --enhance picture"),
        ({"broll_stock": "pexels", "image_engine": "https://h/v1"}, "b-roll comes from a folder"),
        ({"broll_model": Path("/")}, "--broll-model looks at the pictures of a folder"),
        ({"broll_stock": "unsplash"}, "stock libraries are pexels, pixabay"),
    ],
)
def test_an_option_that_cannot_be_used_says_what_is_allowed(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        CraftOptions(**given)
