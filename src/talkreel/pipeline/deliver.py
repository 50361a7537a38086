"""The output folder: files appear whole, in order of rank, and stale ones go."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from talkreel.core.clips import SCHEMA, ClipSet
from talkreel.core.errors import OutputError, SchemaError
from talkreel.core.jsonio import load_json, read_document, write_document

# Less free space than this fails every job somewhere in the middle; better to say so first.
MIN_FREE_BYTES = 200e6
_PART = ".part-"
_EARLY = "early-"


class OutputFolder:
    """Where a job delivers.

    Args:
        root: made when missing.

    Raises:
        OutputError: a file, no permission, or too little space.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in (root, self.clips, self.edits):
            check_folder(folder)
        self._sweep()

    @property
    def clips(self) -> Path:
        """Folder of the videos and their sidecars."""
        return self.root / "clips"

    @property
    def edits(self) -> Path:
        """Folder of the edits."""
        return self.root / "edits"

    @property
    def index(self) -> Path:
        """``clips.json``."""
        return self.root / "clips.json"

    def previous(self) -> ClipSet | None:
        """What an earlier job delivered here, or None."""
        try:
            return read_document(ClipSet, load_json(self.index), SCHEMA)
        except SchemaError:
            return None

    def early_clip(self, title: str) -> Path:
        """Where a clip goes that is shown before its rank is known; ``finish`` removes it."""
        return self.clips / f"{_EARLY}{slug(title)}.mp4"

    def finish(self, clips: ClipSet, before: ClipSet | None) -> None:
        """Write ``clips.json``, then remove what only an earlier job delivered."""
        write_document(self.index, clips, SCHEMA)
        keep = set(_files(clips))
        stale = set(_files(before)) - keep if before else set()
        early = self.clips.glob(f"{_EARLY}*.mp4")
        for path in [*(self.root / name for name in stale), *early]:
            if path.resolve().is_relative_to(self.root.resolve()):
                path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        for folder in (self.root, self.clips, self.edits):
            for leftover in folder.glob(f"{_PART}*"):
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink(missing_ok=True)


def _files(clips: ClipSet) -> Iterable[str]:
    for clip in clips.clips:
        files = clip.files
        for name in (
            *(files.video, files.cover, files.srt, files.vtt, files.edit, files.words),
            *files.exports,
        ):
            if name is not None:
                yield name


def place(source: Path, target: Path) -> None:
    """Put ``source`` at ``target`` at once: a hard link where possible, else a copy.

    Raises:
        OutputError: ``target`` cannot be written.
    """
    temporary = target.with_name(f"{_PART}{target.name}")
    try:
        temporary.unlink(missing_ok=True)
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        os.replace(temporary, target)
        # Renaming one link of a file over another does nothing, and leaves the first.
        temporary.unlink(missing_ok=True)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {target}: {error.strerror}") from error


def check_folder(folder: Path) -> None:
    """Make ``folder`` when missing and see that it can be written.

    Raises:
        OutputError: a file, no permission, or too little space.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file: name a folder to write to")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, probe = tempfile.mkstemp(dir=folder, prefix=_PART)
        os.close(handle)
        os.unlink(probe)
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror}; choose a folder you can write to"
        ) from error
    check_space(folder)


def check_space(folder: Path, needed_bytes: float = MIN_FREE_BYTES) -> None:
    """Raise ``OutputError`` when ``folder``'s disk has less than ``needed_bytes`` free."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise OutputError(
            f"only {free / 1e6:.0f} MB free where {folder} lies, {needed_bytes / 1e6:.0f} MB "
            "needed: free some space or choose another disk"
        )


def slug(title: str, limit: int = 40) -> str:
    """A file name part: lower-case letters, digits and dashes; never empty."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    name = ""
    for word in words:
        if len(name) + len(word) + 1 > limit:
            break
        name = f"{name}-{word}" if name else word
    return name or "clip"
