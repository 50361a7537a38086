"""Where a bundle URI leads: the shipped ones, a folder, or a version in MLflow's registry."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from talkreel.core.errors import InputError, ModelMissing
from talkreel.models.bundle import SPEC_FILE
from talkreel.models.shipped import bundle_folder

_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")


@dataclass(frozen=True, slots=True)
class Place:
    """A bundle that a URI stands for just now.

    Attributes:
        identity: changes whenever the URI stands for another bundle.
        title: for people.
        open: gives its folder, which may be gone afterwards.
    """

    identity: str
    title: str
    open: Callable[[], AbstractContextManager[Path]]


def locate(uri: str, role: str, registry_url: str = "") -> Place:
    """What ``uri`` stands for.

    Args:
        uri: ``bundled:`` or ``bundled:<role>``, a folder, ``models:/<name>@<alias>`` or
            ``models:/<name>/<version>``.
        role: that is to be played, for ``bundled:``.
        registry_url: of MLflow; ``MLFLOW_TRACKING_URI`` if empty.

    Raises:
        InputError: not such a URI.
        ModelMissing: there is nothing, or MLflow does not answer.
    """
    if uri.startswith("bundled:"):
        return _folder(bundle_folder(uri.removeprefix("bundled:") or role), uri)
    if uri.startswith("models:"):
        return _registered(uri, registry_url)
    return _folder(Path(uri.removeprefix("file://")).absolute(), uri)


def _folder(folder: Path, uri: str) -> Place:
    spec = folder / SPEC_FILE
    if not spec.is_file():
        raise ModelMissing(f"no model bundle in {folder}: there is no {SPEC_FILE} in it")
    found = spec.stat()

    @contextmanager
    def opened() -> Iterator[Path]:
        yield folder

    return Place(f"{folder}:{found.st_ino}:{found.st_mtime_ns}", uri, opened)


def _registered(uri: str, registry_url: str) -> Place:
    match = _REGISTERED.fullmatch(uri)
    if match is None:
        raise InputError(
            f"cannot read {uri!r}: write models:/NAME@ALIAS or models:/NAME/VERSION, "
            "bundled:ROLE or a folder"
        )
    name, alias = match["name"], match["alias"]
    url = registry_url or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not url:
        raise InputError(f"{uri} needs MLflow: set registry_url, e.g. sqlite:////srv/mlflow.db")
    version = match["version"] or _version(url, name, alias)

    @contextmanager
    def opened() -> Iterator[Path]:
        # A copy of our own that is read once: nobody changes it between check and use.
        with tempfile.TemporaryDirectory(prefix="talkreel-bundle-") as scratch:
            yield _download(url, f"models:/{name}/{version}/artifacts", scratch)

    title = f"{uri} (version {version})" if alias else uri
    return Place(f"models:/{name}/{version}", title, opened)


def _version(url: str, name: str, alias: str) -> str:
    mlflow = _mlflow()
    try:
        return str(_client(url).get_model_version_by_alias(name, alias).version)
    except mlflow.exceptions.MlflowException as error:
        raise ModelMissing(f"MLflow knows no {name}@{alias}: {_line(error)}") from error


def _download(url: str, place: str, scratch: str) -> Path:
    mlflow = _mlflow()
    try:
        found = mlflow.artifacts.download_artifacts(place, dst_path=scratch, tracking_uri=url)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise ModelMissing(f"cannot get {place} from MLflow: {_line(error)}") from error
    folders = [path.parent for path in Path(found).rglob(SPEC_FILE)]
    if len(folders) != 1:
        raise ModelMissing(f"{place} holds {len(folders)} model bundles, not one: export it again")
    return folders[0]


@lru_cache(maxsize=4)
def _client(url: str) -> Any:
    return _mlflow().MlflowClient(tracking_uri=url, registry_uri=url)


def _mlflow() -> Any:
    # By default its client tries for minutes; a poll comes again in seconds.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    try:
        import mlflow
    except ImportError as error:
        raise ModelMissing("models:/ needs mlflow: install it, or name a folder") from error
    return mlflow


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
