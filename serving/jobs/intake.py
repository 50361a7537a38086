"""A project's source, brought to this machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving.jobs.failures import Failure
from serving.net.transfer import BlockedUrl, TransferError, download
from serving.settings import Settings
from serving.storage.objects import ObjectStore

Share = Callable[[float | None], None]
"""Told how much is there, 0 to 1 or None when nobody knows; what it raises ends the transfer."""

_MAX_NAME = 120


class IntakeFailed(Exception):
    """The source cannot be had.

    Args:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def import_url(
    url: str, name: str | None, folder: Path, settings: Settings, share: Share
) -> tuple[Path, dict[str, Any]]:
    """Download ``url`` into ``folder``.

    Returns:
        The file, and ``name``, ``sha256`` and ``bytes`` of it.

    Raises:
        IntakeFailed: blocked, gone, too large or too slow.
    """
    target = folder / "download"

    def progress(got: int, total: int | None) -> None:
        share(got / total if total else None)

    try:
        done = download(
            url,
            target,
            max_bytes=settings.max_upload_bytes,
            seconds=settings.import_seconds,
            allow_private=settings.allow_private_urls,
            progress=progress,
        )
    except BlockedUrl as error:
        raise IntakeFailed(Failure("import", "import", str(error), retryable=False)) from error
    except TransferError as error:
        failure = Failure("import", "import", str(error), retryable=error.retryable)
        raise IntakeFailed(failure) from error
    known = {"name": name or done.name, "sha256": done.sha256, "bytes": done.bytes}
    return named(target, name or done.name, folder), known


def fetch_object(objects: ObjectStore, key: str, name: str, folder: Path, share: Share) -> Path:
    """A file with the object's bytes and a name like ``name``.

    Raises:
        IntakeFailed: the object is gone.
    """
    try:
        size = objects.size(key)
    except FileNotFoundError as error:
        message = f"the source {name!r} is gone: upload it again and make a new project"
        raise IntakeFailed(Failure("fetch", "input", message, retryable=False)) from error
    path = objects.fetch(key, folder / "object", lambda got: share(got / size if size else None))
    return named(path, name, folder)


def sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def named(path: Path, name: str, folder: Path) -> Path:
    """``path`` under the name that its owner knows; a link, the bytes stay where they are.

    Nothing else lies in that folder, so no file beside it is taken for its transcript.
    """
    link = folder / "source" / safe_name(name)
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(path.resolve())
    return link


def safe_name(name: str) -> str:
    """``name`` as a bare file name that no program takes for something else."""
    plain = re.sub(r"[^\w .()+-]", "_", name).strip(" .")[-_MAX_NAME:].lstrip(" .-")
    return plain or "source"


def safe_suffix(name: str) -> str:
    """The suffix of ``name`` if it is a plain one, else nothing."""
    suffix = Path(name).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ""
