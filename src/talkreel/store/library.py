"""A folder of the user's own pictures, videos or music: what each file is and who made it.

A file may have a sidecar of its own name, ``beach.toml`` beside ``beach.jpg``::

    title = "Evening at the beach"
    tags = ["sea", "sunset"]
    licence = "CC BY 4.0"
    attribution = "Photo by Jo Doe"

(music may name its ``artist`` too) or ``beach.txt`` with a caption. ``licence.txt`` in its folder,
or in the library's, speaks for what has no licence of its own. Without any of these the file's
name and its folder's describe it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkreel.core.craft import Asset
from talkreel.core.digests import file_sha256
from talkreel.core.errors import InputError

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
VIDEOS = frozenset({".mp4", ".mov", ".m4v", ".webm", ".mkv"})
MUSIC = frozenset({".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus", ".aif", ".aiff"})
MOST_FILES = 20_000
_FIELDS = ("title", "artist", "tags", "licence", "attribution")
_LICENCE_FILES = ("licence.txt", "license.txt", "LICENCE", "LICENSE", "LICENSE.txt")
_LICENCE_CHARACTERS = 200
# Names that cameras give say nothing.
_CAMERA_NAME = re.compile(r"^(img|dsc|dscn|pxl|vid|mvi|gopr|screenshot)?[\s_-]*[\d_\s-]*$", re.I)


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a library.

    Attributes:
        path: absolute.
        title: from the sidecar, else from the file's name; empty where that says nothing.
        caption: from a ``.txt`` beside it.
        tags: from the sidecar and the folders it lies in.
        licence: as stated; empty when nothing is.
        attribution: whom to name; empty for nobody.
        made_by: the model that generated it; empty for none.
    """

    path: Path
    title: str
    caption: str = ""
    tags: tuple[str, ...] = ()
    licence: str = ""
    attribution: str = ""
    made_by: str = ""

    @property
    def description(self) -> str:
        """All that is known of what it shows, in one text; empty where nothing is."""
        parts = (self.title, self.caption, ", ".join(self.tags))
        return ". ".join(part.rstrip(". ") for part in parts if part)

    def asset(self) -> Asset:
        """The file as an edit names it; reads all of it for its digest.

        Raises:
            InputError: it cannot be read.
        """
        digest = file_digest(self.path)
        return Asset(str(self.path), digest, self.licence, self.attribution, self.made_by)


def list_library(folder: Path, suffixes: Collection[str]) -> tuple[Listed, ...]:
    """The files of ``folder`` and the folders in it that end in one of ``suffixes``, by path.

    Hidden files and links that lead out of the folder are left out.

    Args:
        folder: of the library.
        suffixes: with the dot, lower case.

    Raises:
        InputError: no such folder, too many files, or a wrong sidecar.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise InputError(f"a library is a folder, and {folder} is none")
    files = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.resolve().is_relative_to(root)
        and path.is_file()
    )
    if len(files) > MOST_FILES:
        raise InputError(f"{folder} holds {len(files)} files; a library has at most {MOST_FILES}")
    return tuple(_listed(path, root) for path in files)


def file_digest(path: Path) -> str:
    """sha256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _listed(path: Path, root: Path) -> Listed:
    sidecar = _sidecar(path.with_suffix(".toml"))
    folders = [_plain(part) for part in path.relative_to(root).parts[:-1]]
    return Listed(
        path,
        _named(sidecar) or _title(path.stem),
        _text(path.with_suffix(".txt")),
        (*sidecar.get("tags", ()), *(name for name in folders if name)),
        sidecar.get("licence") or _folder_licence(path.parent, root),
        sidecar.get("attribution", ""),
    )


def _sidecar(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    for name, value in given.items():
        wanted = "a list of texts" if name == "tags" else "a text"
        good = isinstance(value, str)
        if name == "tags":
            good = isinstance(value, list) and all(isinstance(tag, str) for tag in value)
        if name not in _FIELDS or not good:
            raise InputError(
                f"{path}: {name} = {value!r} cannot be used; the fields are "
                f"{', '.join(_FIELDS)}, and {name if name in _FIELDS else 'each'} is {wanted}"
            )
    return given


def _text(path: Path) -> str:
    try:
        return " ".join(path.read_text(encoding="utf-8").split())[:1000]
    except (OSError, UnicodeDecodeError):
        return ""


def _named(sidecar: dict[str, Any]) -> str:
    title, artist = sidecar.get("title", ""), sidecar.get("artist")
    return f"{title} by {artist}" if title and artist else title


def _folder_licence(folder: Path, root: Path) -> str:
    """The first line of the licence file in the file's folder, or in the library's."""
    for place in (folder, root):
        for name in _LICENCE_FILES:
            if (place / name).is_file():
                lines = (place / name).read_text(encoding="utf-8", errors="replace").splitlines()
                stated = next((line.strip() for line in lines if line.strip()), "")
                return stated[:_LICENCE_CHARACTERS]
    return ""


def _title(stem: str) -> str:
    return "" if _CAMERA_NAME.match(stem) else _plain(stem)


def _plain(name: str) -> str:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return " ".join(re.findall(r"[^\W\d_]+", words)).lower()
