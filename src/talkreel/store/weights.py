"""Third-party weights that improve results: where they come from, what they must hash to.

Nothing here is needed to run. A file is used only when its bytes match the pinned sha256.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from talkreel.core.digests import file_sha256
from talkreel.core.errors import ModelMissing, OutputError
from talkreel.core.stage import Progress, silent

_CHUNK_BYTES = 1 << 16
_TIMEOUT_SECONDS = 30.0
# The largest entry is 3 MB; a server that sends far more sends something else.
_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of third-party weights.

    Attributes:
        name: what callers ask for.
        file: name inside a model folder.
        url: where upstream publishes it (https).
        sha256: of the bytes, in hex.
        licence: of the weights.
        improves: what gets better with them, for ``talkreel doctor``.
    """

    name: str
    file: str
    url: str
    sha256: str
    licence: str
    improves: str


_CLIP_FORGE = (
    "https://raw.githubusercontent.com/JeremySNR/clip-forge/"
    "d7653b460ea707232180a86fd266f90aef6022d1/resources/models/"
)
_ENTRIES = (
    Weights(
        "yunet",
        "face_detection_yunet_2023mar.onnx",
        "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
        "face_detection_yunet_2023mar.onnx",
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        "MIT",
        "finds small and turned faces (0.2 MB)",
    ),
    Weights(
        "lr-asd-frontend",
        "lr-asd-frontend.onnx",
        _CLIP_FORGE + "lr-asd-frontend.onnx",
        "f7c055612cd6f1f2da3ab8257567ab68a6b0d69b5e436699a5cf65334dd79461",
        "MIT",
        "tells who speaks when several faces show (3 MB, needs lr-asd-backend)",
    ),
    Weights(
        "lr-asd-backend",
        "lr-asd-backend.onnx",
        _CLIP_FORGE + "lr-asd-backend.onnx",
        "9453caa09998027995664fd5a3b1fab4ad0de30a92c6beba8c29c3619de510a9",
        "MIT",
        "tells who speaks when several faces show (needs lr-asd-frontend)",
    ),
)
REGISTRY: Mapping[str, Weights] = MappingProxyType({entry.name: entry for entry in _ENTRIES})


def user_folder() -> Path:
    """Where ``pull`` keeps weights; not created by asking."""
    import platformdirs

    return Path(platformdirs.user_data_dir("talkreel", appauthor=False)) / "models"


def find_weights(name: str, models_dir: Path | None = None) -> Path | None:
    """The verified file, from ``models_dir``, $TALKREEL_MODELS or the user's folder, in that order.

    A file with other bytes than the pinned ones is passed over, as if it were absent.

    Raises:
        ValueError: no weights of this name are known.
    """
    entry = _entry(name)
    for folder in _folders(models_dir):
        path = folder / entry.file
        if path.is_file() and _matches(path, entry.sha256):
            return path
    return None


def require_weights(name: str, models_dir: Path | None = None) -> Path:
    """Like ``find_weights``, for callers that cannot go on without.

    Raises:
        ValueError: no weights of this name are known.
        ModelMissing: they are not on this machine.
    """
    path = find_weights(name, models_dir)
    if path is None:
        raise ModelMissing(
            f"the weights {name!r} are not on this machine: run `talkreel models pull {name}`, or "
            f"set TALKREEL_MODELS to a folder that holds {_entry(name).file}"
        )
    return path


def pull(name: str, folder: Path | None = None, *, progress: Progress = silent) -> Path:
    """Download one file into ``folder`` (the user's model folder), whole or not at all.

    Returns at once when the right file is already there.

    Raises:
        ValueError: no weights of this name are known.
        ModelMissing: the network is out of reach or what came has other bytes.
        OutputError: the folder cannot be written.
    """
    entry = _entry(name)
    target = (folder or user_folder()) / entry.file
    if target.is_file() and _matches(target, entry.sha256):
        progress(1.0)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".pull-", dir=target.parent)
    except OSError as error:
        raise OutputError(f"cannot write weights into {target.parent}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as sink:
            _download(entry, sink, progress)
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target


def _download(entry: Weights, sink: BinaryIO, progress: Progress) -> None:
    digest, done = hashlib.sha256(), 0
    for block, expected in _blocks(entry):
        digest.update(block)
        sink.write(block)
        done += len(block)
        if done > _MAX_BYTES:
            break
        progress(min(1.0, done / expected) if expected else 0.0)
    if digest.hexdigest() != entry.sha256:
        raise ModelMissing(
            f"what {entry.url} sent is not {entry.file} (sha256 differs); nothing was kept: "
            "try again later or fetch the file by hand into $TALKREEL_MODELS"
        )
    progress(1.0)


def _blocks(entry: Weights) -> list[tuple[bytes, int]]:
    """All blocks with the announced size: small files, so reading ends before writing starts."""
    blocks: list[tuple[bytes, int]] = []
    try:
        with urllib.request.urlopen(entry.url, timeout=_TIMEOUT_SECONDS) as reply:
            expected = int(reply.headers.get("Content-Length") or 0)
            while (block := reply.read(_CHUNK_BYTES)) and len(blocks) * _CHUNK_BYTES <= _MAX_BYTES:
                blocks.append((block, expected))
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or error
        raise ModelMissing(
            f"cannot fetch {entry.name} from {entry.url} ({reason}): check the network, or put "
            f"{entry.file} into a folder named by TALKREEL_MODELS"
        ) from error
    return blocks


def _entry(name: str) -> Weights:
    if name not in REGISTRY:
        raise ValueError(f"no weights are called {name!r}; known: {', '.join(REGISTRY)}")
    return REGISTRY[name]


def _folders(models_dir: Path | None) -> list[Path]:
    given = os.environ.get("TALKREEL_MODELS")
    named = [Path(models_dir)] if models_dir is not None else []
    return [*named, *([Path(given)] if given else []), user_folder()]


def _matches(path: Path, sha256: str) -> bool:
    status = path.stat()
    return _digest(str(path), status.st_size, status.st_mtime_ns) == sha256


@lru_cache(maxsize=64)
def _digest(path: str, size: int, modified_ns: int) -> str:
    """Size and time of change only key the cache."""
    return file_sha256(Path(path))
