"""Results into the object store, and clips into the database as each is ready."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from serving.jobs.queue import Lease
from serving.storage import database as db
from serving.storage import events
from serving.storage.objects import ObjectStore

# What a job writes about the whole talk, and what clients know it by.
_RESULTS = {
    "analysis": "analysis.json",
    "arrays": "analysis.npz",
    "clips": "clips.json",
    "report": "report.html",
}
_KINDS = ("video", "cover", "srt", "vtt", "words")


def project_prefix(tenant_id: str, project_id: str) -> str:
    """Where everything that a project's jobs make lies."""
    return f"tenants/{tenant_id}/projects/{project_id}/"


def clip_row_id(project_id: str, clip_id: str) -> str:
    """The same for a job done again, so that it writes the same row."""
    return f"clp_{project_id.removeprefix('prj_')}_{clip_id}"


@dataclass(frozen=True, slots=True)
class Published:
    """A clip whose files are in the object store.

    Attributes:
        record: as in clips/1.
        edit: edit/1.
        files: video, cover, srt, vtt, words and edit to object keys.
    """

    record: dict[str, Any]
    edit: dict[str, Any]
    files: dict[str, str]


class Publisher:
    """Puts one job's files into the object store.

    Args:
        objects: the store.
        lease: the job.
        out: folder it delivers to.
        name: what its owner calls the source; paths of this machine are nobody's business.
    """

    def __init__(self, objects: ObjectStore, lease: Lease, out: Path, name: str) -> None:
        self._objects = objects
        self._prefix = project_prefix(lease.tenant_id, lease.project_id)
        self._out = out
        self._name = name

    def clip(self, record: dict[str, Any]) -> Published:
        """The files of a delivered clip."""
        named: dict[str, str] = {
            kind: name for kind, name in record["files"].items() if name is not None
        }
        files = {
            kind: self._put(self._out / named[kind], named[kind])
            for kind in _KINDS
            if kind in named
        }
        edit = json.loads((self._out / named["edit"]).read_text(encoding="utf-8"))
        files["edit"] = self.edit(edit, named["edit"])
        return Published(record, edit, files)

    def edit(self, edit: dict[str, Any], name: str) -> str:
        """An edit, its source's path replaced in place by its name; returns the key."""
        edit["media_uri"] = self._name
        return self._put_json(edit, name)

    def results(self) -> dict[str, str]:
        """Analysis, report and index of the whole job; returns their keys."""
        analysis = json.loads((self._out / "analysis.json").read_text(encoding="utf-8"))
        analysis["media"]["uri"] = self._name
        index = json.loads((self._out / "clips.json").read_text(encoding="utf-8"))
        index["media_uri"] = self._name
        self._put_json(analysis, "analysis.json")
        self._put_json(index, "clips.json")
        for name in ("analysis.npz", "report.html"):
            self._put(self._out / name, name)
        return {kind: self._prefix + name for kind, name in _RESULTS.items()}

    def rendered(self, stem: str, captions: bool) -> dict[str, str]:
        """The files of a clip that was rendered again as ``clips/<stem>.mp4``."""
        suffixes = {"video": ".mp4", "cover": ".jpg"}
        if captions:
            suffixes |= {"srt": ".srt", "vtt": ".vtt"}
        names = {kind: f"clips/{stem}{suffix}" for kind, suffix in suffixes.items()}
        return {kind: self._put(self._out / name, name) for kind, name in names.items()}

    def _put(self, path: Path, name: str) -> str:
        self._objects.put(self._prefix + name, path)
        return self._prefix + name

    def _put_json(self, value: dict[str, Any], name: str) -> str:
        path = self._out / ".published" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return self._put(path, name)


def save_clip(connection: Connection, lease: Lease, clip: Published) -> list[str]:
    """Write a clip's row and tell of it; a job done again changes nothing and tells nothing.

    A clip that its owner has changed keeps the change.

    Returns:
        Keys of files that no row names any more.
    """
    row_id = clip_row_id(lease.project_id, clip.record["id"])
    old = connection.execute(select(db.clips).where(db.clips.c.id == row_id)).one_or_none()
    rank, now = clip.record["rank"], time.time()
    if old is None:
        connection.execute(
            insert(db.clips).values(
                id=row_id,
                project_id=lease.project_id,
                tenant_id=lease.tenant_id,
                rank=rank,
                revision=1,
                state="ready",
                record=clip.record,
                edit=clip.edit,
                files=clip.files,
                created_at=now,
                updated_at=now,
            )
        )
        events.append(connection, lease.project_id, "clip.ready", clip_news(row_id, clip.record, 1))
        return []
    if old.revision > 1:
        _rerank(connection, old, rank, now)
        return []
    if (old.record, old.edit, old.files) == (clip.record, clip.edit, clip.files):
        return []
    connection.execute(
        update(db.clips)
        .where(db.clips.c.id == row_id)
        .values(rank=rank, record=clip.record, edit=clip.edit, files=clip.files, updated_at=now)
    )
    events.append(
        connection, lease.project_id, "clip.updated", clip_news(row_id, clip.record, old.revision)
    )
    return sorted(set(old.files.values()) - set(clip.files.values()))


def clip_news(row_id: str, record: Mapping[str, Any], revision: int) -> dict[str, Any]:
    """What an event says of a clip."""
    return {
        "clip_id": row_id,
        "rank": record["rank"],
        "title": record["title"],
        "score": record["score"],
        "revision": revision,
    }


def _rerank(connection: Connection, old: Row[Any], rank: int, now: float) -> None:
    if old.rank != rank:
        connection.execute(
            update(db.clips)
            .where(db.clips.c.id == old.id)
            .values(rank=rank, record={**old.record, "rank": rank}, updated_at=now)
        )
