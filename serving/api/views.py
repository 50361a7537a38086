"""Rows as clients see them: nothing internal, such as object keys, is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from serving.api import schemas

# What a clip's files are called in addresses, and their media types.
FILES = {
    "video": "video/mp4",
    "cover": "image/jpeg",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "words": "text/plain",
    "edit": "application/json",
}


def project(row: Row[Any], clips: int) -> schemas.Project:
    """A row of the projects table."""
    base = f"/v1/projects/{row.id}"
    links = {"self": base, "clips": f"{base}/clips", "events": f"{base}/events"}
    links |= {name: f"{base}/{name}" for name in ("analysis", "report") if name in row.files}
    if "analysis" in row.files:
        links["transcript"] = f"{base}/transcript"
    return schemas.Project(
        id=row.id,
        state=row.state,
        source=_source(row.source),
        options=row.options | {"transcript": _transcript(row.options.get("transcript"))},
        webhook_url=row.webhook_url,
        progress=schemas.Progress(
            phase=row.phase,
            percent=round(100 * row.share, 1),
            seconds_left=row.seconds_left,
        ),
        failure=row.failure,
        warnings=row.warnings or [],
        media=row.media,
        clips=clips,
        stored_bytes=row.stored_bytes,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        links=links,
    )


def clip(row: Row[Any]) -> schemas.Clip:
    """A row of the clips table."""
    record = row.record
    base = f"/v1/clips/{row.id}"
    files = {name: f"{base}/files/{name}" for name in FILES if row.files.get(name)}
    if "video" in files:
        files["video"] = f"{base}/download"
    files["edit"] = f"{base}/files/edit"
    return schemas.Clip(
        id=row.id,
        project_id=row.project_id,
        rank=row.rank,
        revision=row.revision,
        state=row.state,
        title=row.edit.get("title") or record["title"],
        score=record["score"],
        sub_scores=record["sub_scores"],
        text=record["text"],
        spans=record["spans"],
        measured=record["measured"],
        warnings=record.get("warnings", []),
        files=files,
        failure=row.failure,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"kind": "url" if "url" in source else "upload"}
    return shown | {n: source[n] for n in ("name", "url", "sha256", "bytes") if n in source}


def _transcript(transcript: Mapping[str, Any] | None) -> dict[str, Any] | None:
    # A transcript may be megabytes; that there is one is enough in a list.
    if transcript is None:
        return None
    return {"format": transcript["format"], "characters": len(transcript["text"])}
