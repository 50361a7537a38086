"""A server with two tenants, one of which has a finished project, made without running a job."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from serving.accounts import create_key, create_tenant
from serving.jobs import control
from serving.jobs.publish import clip_row_id
from serving.scoring.scores import HookOrder, HookPlace, ModelInfo, Score, SentenceScore
from serving.services import Services
from serving.storage import database as db
from serving.storage import events
from serving.storage.ids import new_id
from talkreel.core.analysis import Analysis
from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.jsonio import document, read_document
from talkreel.core.spans import Span
from talkreel.edit.build import build_edit
from talkreel.edit.options import EditOptions
from talkreel.store.analysis import write_analysis
from tests.unit.edit.conftest import Scenario, make_face, make_words

TEXT = (
    "So I was walking down the street, and a man came up to me. He said the secret of success "
    "is not money, it is time! That changed everything for me."
)
VIDEO = bytes(range(256)) * 40


class PlainScorer:
    """Scores by length: what the API needs of a scorer, and no model."""

    async def score(self, text: str, *, tenant: str | None = None) -> Score:
        value = min(1.0, len(text) / 1000)
        sentence = SentenceScore(
            text=text, engagement=value, hook=0.0, emotion="neutral", emotions={"neutral": 1.0}
        )
        return Score(
            engagement=value,
            hook=0.0,
            emotion="neutral",
            emotions={"neutral": 1.0},
            sentences=[sentence],
            models={"engagement": "plain@1"},
            calibration="none",
        )

    async def rank_hooks(self, hooks: list[str], *, tenant: str | None = None) -> HookOrder:
        order = sorted(hooks, key=len, reverse=True)
        places = [
            HookPlace(text=text, place=i + 1, wins=0.5, too_close=[])
            for i, text in enumerate(order)
        ]
        return HookOrder(hooks=places, best=order[0], model="plain@1")

    async def models(self, *, tenant: str | None = None) -> list[ModelInfo]:
        return [
            ModelInfo(
                role="engagement",
                name="plain",
                version=1,
                uri="bundled:plain",
                sha256="0" * 64,
                labels=["engagement"],
                metrics={},
                permitted_use="any",
            )
        ]


def scenario() -> Scenario:
    """A minute of talk by one person, with a cut at 30 s."""
    return Scenario(
        words=make_words(TEXT, 5.0) + make_words(TEXT, 32.0),
        faces=(make_face(0, 0.3, span=(0.0, 29.9)), make_face(1, 0.7, span=(30.1, 60.0))),
        cuts=(30.0,),
    )


def edit_of(analysis: Analysis) -> Edit:
    candidate = scenario().candidate(Span(5.0, 16.0))
    return build_edit(candidate, analysis, EditOptions(captions="bold"))


@dataclass(frozen=True)
class Tenant:
    """A tenant and a key of its."""

    id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def add_tenant(services: Services, name: str, **limits: Any) -> Tenant:
    with services.database.write() as connection:
        tenant_id = create_tenant(connection, name, services.settings)
        if limits:
            connection.execute(
                update(db.tenants).where(db.tenants.c.id == tenant_id).values(**limits)
            )
        return Tenant(tenant_id, create_key(connection, tenant_id, f"{name}'s key"))


def add_queued(services: Services, tenant: Tenant, name: str = "talk.mp4") -> str:
    source = {
        "kind": "object",
        "key": f"tenants/{tenant.id}/sources/{new_id('upl')}/source.mp4",
        "name": name,
        "sha256": "a" * 64,
        "bytes": 1000,
    }
    with services.database.write() as connection:
        return control.submit(services, connection, tenant.id, source, {"preset": "default"})


def add_finished(services: Services, tenant: Tenant, folder: Path, clips: int = 1) -> str:
    """A project that is done, with its files in the object store; returns its id."""
    project_id = add_queued(services, tenant)
    prefix = f"tenants/{tenant.id}/projects/{project_id}/"
    analysis = scenario().analysis
    analysis = replace(analysis, media=replace(analysis.media, uri="talk.mp4"))
    folder.mkdir(parents=True, exist_ok=True)
    write_analysis(folder / "analysis.json", analysis)
    (folder / "report.html").write_text("<!doctype html><title>report</title>")
    names = {"analysis": "analysis.json", "arrays": "analysis.npz", "report": "report.html"}
    for name in names.values():
        services.objects.put(prefix + name, folder / name)
    files = {kind: prefix + name for kind, name in names.items()}
    with services.database.write() as connection:
        for rank in range(1, clips + 1):
            _add_clip(services, connection, tenant, project_id, rank, edit_of(analysis), folder)
        jobs, projects = db.jobs, db.projects
        connection.execute(update(jobs).where(jobs.c.project_id == project_id).values(state="done"))
        connection.execute(
            update(projects)
            .where(projects.c.id == project_id)
            .values(state="done", share=1.0, files=files, finished_at=time.time())
        )
        events.append(connection, project_id, "project.completed", {"clips": clips})
    return project_id


def _add_clip(
    services: Services,
    connection: Any,
    tenant: Tenant,
    project_id: str,
    rank: int,
    edit: Edit,
    folder: Path,
) -> None:
    clip_id = clip_row_id(project_id, f"c{rank:03d}")
    prefix = f"tenants/{tenant.id}/projects/{project_id}/clips/{rank:02d}-a-title"
    contents = {"video": VIDEO, "cover": b"\xff\xd8jpeg", "srt": b"1\n", "vtt": b"WEBVTT\n"}
    suffixes = {"video": ".mp4", "cover": ".jpg", "srt": ".srt", "vtt": ".vtt"}
    for kind, content in contents.items():
        path = folder / f"file{suffixes[kind]}"
        path.write_bytes(content)
        services.objects.put(prefix + suffixes[kind], path)
    edit_json = document(edit, SCHEMA)
    (folder / "edit.json").write_text(json.dumps(edit_json))
    services.objects.put(prefix + ".json", folder / "edit.json")
    reason = {"text": "Opens with a story", "span": {"start": 5.0, "end": 9.0}, "words": ""}
    record = {
        "id": f"c{rank:03d}",
        "rank": rank,
        "title": "A title",
        "spans": [{"start": span.start, "end": span.end} for span in edit.kept],
        "score": 80 - rank,
        "sub_scores": [{"name": "hook", "value": 0.8, "weight": 1.0, "reasons": [reason]}],
        "text": TEXT,
        "files": {},
        "measured": {"duration": 11.0, "width": 1080, "height": 1920},
        "warnings": [],
    }
    connection.execute(
        insert(db.clips).values(
            id=clip_id,
            project_id=project_id,
            tenant_id=tenant.id,
            rank=rank,
            revision=1,
            state="ready",
            record=record,
            edit=edit_json,
            files={k: prefix + s for k, s in suffixes.items()} | {"edit": prefix + ".json"},
            created_at=time.time(),
            updated_at=time.time(),
        )
    )
    events.append(connection, project_id, "clip.ready", {"clip_id": clip_id, "rank": rank})


def clip_of(project_id: str, rank: int = 1) -> str:
    return clip_row_id(project_id, f"c{rank:03d}")


def read_edit(value: dict[str, Any]) -> Edit:
    return read_document(Edit, value, SCHEMA)
