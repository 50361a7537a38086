"""Weights of the user's own in a folder."""

from __future__ import annotations

from pathlib import Path


def weights_stamp(folder: Path) -> str:
    """What tells the weights in ``folder`` from changed ones, without reading them."""
    files = sorted(folder.rglob("*.safetensors"))
    stats = [(file.relative_to(folder), file.stat()) for file in files]
    stamps = [f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats]
    return f"{folder.resolve()} {' '.join(stamps)}"
