"""A project's options, from JSON to what the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from talkreel.core.errors import InputError
from talkreel.core.spans import Span
from talkreel.pipeline.craft_options import PORTABLE, CraftOptions
from talkreel.pipeline.options import ClipOptions

_PLAIN = (
    "clips",
    "min_seconds",
    "max_seconds",
    "aspect",
    "captions",
    "query",
    "language",
    "preset",
    "scorer",
)


def clip_options(options: Mapping[str, Any], folder: Path | None = None) -> ClipOptions:
    """The library's options; a transcript in ``options`` is written into ``folder``.

    Args:
        options: JSON of a project; what is left out has the library's default.
        folder: where a transcript is written; None to leave it out.

    Raises:
        InputError: a value that cannot be used, with what is allowed.
    """
    given: dict[str, Any] = {name: options[name] for name in _PLAIN if name in options}
    if options.get("range"):
        start, end = options["range"]
        try:
            given["range"] = Span(float(start), float(end))
        except ValueError as error:
            raise InputError(f"range: {error}") from error
    if options.get("transcript") and folder is not None:
        # Always the same name: it is part of what the stage results are found by.
        path = folder / f"transcript.{options['transcript']['format']}"
        path.write_text(options["transcript"]["text"], encoding="utf-8")
        given["transcript"] = path
    if options.get("craft"):
        given["craft"] = _craft(options["craft"])
    return ClipOptions(**given)


def _craft(asked: Mapping[str, Any]) -> CraftOptions:
    given = {name: asked[name] for name in PORTABLE if name in asked}
    if "enhance" in given:
        given["enhance"] = tuple(given["enhance"])
    return CraftOptions(**given)
