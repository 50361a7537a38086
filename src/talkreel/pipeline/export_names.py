"""The names that ``--export`` takes."""

from __future__ import annotations

from collections.abc import Iterable

from talkreel.core.errors import InputError
from talkreel.edit.delivery import delivery_presets

# Editor formats and the ends of their files.
FORMATS = {
    "otio": ".otio",
    "fcpxml": ".fcpxml",
    "premiere": ".premiere.xml",
    "edl": ".edl",
    "mlt": ".mlt",
}
PROVENANCE, CREDENTIALS = "provenance", "c2pa"


def export_names() -> tuple[str, ...]:
    """All of them: delivery presets, editor formats, provenance and credentials."""
    return (*delivery_presets(), *FORMATS, PROVENANCE, CREDENTIALS)


def check_exports(names: Iterable[str]) -> None:
    """Raise ``InputError`` unless every name is known."""
    for name in names:
        known = export_names()
        if name not in known:
            raise InputError(f"--export takes {', '.join(known)}; got {name!r}")
