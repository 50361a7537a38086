"""The client against the whole service, also over a network that breaks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from serving.scoring.local import LocalScorer
from serving.scoring.models import Models, TenantModels
from serving.storage import database as db
from talkreel.client import ApiError, AsyncClient, Client, Event, Project, Upload
from tests.serving.edges.live import Live, live
from tests.serving.edges.proxy import CuttingProxy
from tests.serving.jobs.talk import OPTIONS

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkreel.client.requests._FIRST_WAIT_SECONDS", 0.02)


@pytest.fixture(scope="module")
def client(server: Live) -> Iterator[Client]:
    with Client(server.url, server.key) as made:
        yield made


@pytest.fixture(scope="module")
def made(client: Client, short_talk: Path) -> tuple[Project, list[Event], list[tuple[int, int]]]:
    """A project, done; its events as they came, and the progress of its upload."""
    sent: list[tuple[int, int]] = []
    events: list[Event] = []
    project = client.create_project(short_talk, OPTIONS, progress=lambda *at: sent.append(at))
    return client.wait(project.id, timeout_seconds=120, on_event=events.append), events, sent


Made = tuple[Project, list[Event], list[tuple[int, int]]]


def test_a_whole_project(made: Made, client: Client, short_talk: Path, tmp_path: Path) -> None:
    project, events, sent = made
    size = short_talk.stat().st_size
    assert sent[0] == (0, size)
    assert sent[-1] == (size, size)
    assert project.state == "done"
    assert project.source["sha256"] == hashlib.sha256(short_talk.read_bytes()).hexdigest()
    types = [event.type for event in events]
    assert types[0] == "project.queued"
    assert types[-1] == "project.completed"
    assert types.count("clip.ready") == project.clips == 2
    assert [event.number for event in events] == list(range(1, len(events) + 1))

    clips = client.clips(project.id)
    assert [clip.rank for clip in clips] == [1, 2]
    assert client.clip(clips[0].id) == clips[0]
    for clip in clips:
        path = client.download(clip, tmp_path / f"{clip.rank}.mp4")
        assert path.stat().st_size == clip.measured["size_bytes"]
        assert b"WEBVTT" in client.download(clip, tmp_path / "c.vtt", kind="vtt").read_bytes()
    assert "Pennsylvania" in client.save(
        project.id, "transcript.srt", tmp_path / "t.srt"
    ).read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"report\.html"):
        client.save(project.id, "report", tmp_path / "r")
    assert project.id in {found.id for found in client.projects(source=project.source["sha256"])}
    assert client.project(project.id) == project


def test_downloads_have_a_name_of_ours_and_nobody_traces(
    server: Live, client: Client, made: Made
) -> None:
    clip = client.clips(made[0].id)[0]
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
        named = http.get(clip.files["cover"]).headers["content-disposition"]
        assert named == f"attachment; filename*=UTF-8''01-{clip.id}.jpg"
        assert http.request("TRACE", "/v1/projects").status_code == 405


def test_events_reach_the_client_within_a_second(client: Client, made: Made, server: Live) -> None:
    project = client.create_project(_talk(server), {**OPTIONS, "query": "lag"})
    lags = [time.time() - event.at for event in client.events(project.id)]
    assert len(lags) > 4
    assert sorted(lags)[int(0.95 * (len(lags) - 1))] <= 1.0


def _talk(server: Live) -> Upload:
    """The talk, as it was uploaded for the first project."""
    with server.services.database.read() as connection:
        row = connection.execute(select(db.uploads).where(db.uploads.c.name == "my talk.mp4")).one()
    return Upload(row.id, row.length, row.length)


def test_a_clip_is_changed_and_waited_for(client: Client, made: Made, tmp_path: Path) -> None:
    clip = client.clips(made[0].id)[1]
    changed = client.change_clip(clip.id, {"captions": {"style": "none"}}, revision=clip.revision)
    assert changed.revision == clip.revision + 1
    with pytest.raises(ApiError) as caught:
        client.change_clip(clip.id, {"title": "Late"}, revision=clip.revision)
    assert caught.value.code == "clip_changed"
    ready = client.wait_clip(clip.id)
    assert ready.state == "ready"
    assert "srt" not in ready.files
    assert client.download(ready, tmp_path / "v.mp4").stat().st_size > 0


def test_cancel_retry_and_delete(client: Client, server: Live, made: Made) -> None:
    upload = _talk(server)
    options = {**OPTIONS, "query": "cancel"}
    project = client.create_project(upload, options, idempotency_key="once")
    assert client.create_project(upload, options, idempotency_key="once").id == project.id
    with pytest.raises(ApiError) as caught:
        client.create_project(upload, OPTIONS, idempotency_key="once")
    assert caught.value.code == "idempotency_key_reused"
    client.cancel(project.id)
    assert client.wait(project.id, timeout_seconds=30).state == "cancelled"
    assert client.retry(project.id).state == "queued"
    assert client.wait(project.id, timeout_seconds=120).state == "done"
    client.delete(project.id)
    client.delete(project.id)
    with pytest.raises(ApiError) as caught:
        client.project(project.id)
    assert caught.value.code == "project_not_found"


def test_an_upload_over_a_network_that_breaks_arrives_whole(
    server: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("talkreel.client.requests._LONGEST_WAIT_SECONDS", 0.1)
    source = tmp_path / "noise.mp4"
    source.write_bytes(bytes(range(256)) * (12 << 12))
    port = int(server.url.rpartition(":")[2])
    with (
        CuttingProxy(port, cuts=50, most_bytes=1_000_000) as proxy,
        Client(proxy.url, server.key) as client,
    ):
        upload = client.upload(source)
        assert proxy.cuts == 0
    stored = server.services.objects.fetch(_key(server, upload.id), tmp_path / "stored")
    assert hashlib.sha256(stored.read_bytes()).digest() == (
        hashlib.sha256(source.read_bytes()).digest()
    )


def _key(server: Live, upload_id: str) -> str:
    with server.services.database.read() as connection:
        return str(
            connection.execute(
                select(db.uploads.c.object_key).where(db.uploads.c.id == upload_id)
            ).scalar_one()
        )


def test_an_upload_goes_on_in_another_run(server: Live, client: Client, tmp_path: Path) -> None:
    source = tmp_path / "long.mp4"
    source.write_bytes(b"0123456789abcdef" * (20 << 16))
    begun: list[str] = []

    class Stop(Exception):
        pass

    def stop(sent: int, length: int) -> None:
        if sent:
            raise Stop

    with pytest.raises(Stop):
        client.upload(source, begun=begun.append, progress=stop)
    sent: list[int] = []
    upload = client.upload(source, upload_id=begun[0], progress=lambda at, length: sent.append(at))
    assert upload.id == begun[0]
    assert sent[0] == 8 << 20
    # One that is gone is begun anew.
    assert client.upload(source, upload_id="upl_gone").id not in ("upl_gone", upload.id)


def test_a_file_that_changed_while_it_was_sent_is_noticed(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("talkreel.client.uploads.PIECE_BYTES", 1000)
    source = tmp_path / "v.mp4"
    source.write_bytes(b"a" * 3000)

    def change(sent: int, length: int) -> None:
        if sent == 2000:
            source.write_bytes(b"b" * 3000)

    with pytest.raises(ApiError, match="other bytes") as caught:
        client.upload(source, progress=change)
    assert caught.value.code == "upload_damaged"


def test_downloads_and_events_over_a_network_that_breaks(
    server: Live, made: Made, tmp_path: Path
) -> None:
    project, events, _ = made
    port = int(server.url.rpartition(":")[2])
    with (
        CuttingProxy(port, cuts=20, most_bytes=60_000) as proxy,
        Client(proxy.url, server.key) as client,
    ):
        clip = client.clips(project.id)[0]
        video = client.download(clip, tmp_path / "v.mp4")
        proxied = [event.number for event in client.events(project.id)]
        assert proxy.cuts < 19
    with Client(server.url, server.key) as client:
        plain = client.download(clip, tmp_path / "plain.mp4")
    assert video.read_bytes() == plain.read_bytes()
    assert proxied[: len(events)] == [event.number for event in events]
    assert len(set(proxied)) == len(proxied)


def test_the_asynchronous_client_drives_a_project_too(
    server: Live, made: Made, tmp_path: Path
) -> None:
    async def use() -> None:
        async with AsyncClient(server.url, server.key) as client:
            upload = _talk(server)
            project = await client.create_project(upload, {**OPTIONS, "query": "async"})
            seen: list[str] = []
            ended = await client.wait(
                project.id, timeout_seconds=120, progress=lambda at: seen.append(at.phase)
            )
            assert ended.state == "done"
            assert "clips" in seen
            clips = await client.clips(project.id)
            path = await client.download(clips[0], tmp_path / "v.mp4")
            assert path.stat().st_size == clips[0].measured["size_bytes"]
            newest = await anext(client.projects(state="done"))
            assert newest.id == project.id

    asyncio.run(use())


def test_another_tenants_key_finds_nothing(server: Live, made: Made) -> None:
    from serving.accounts import create_key, create_tenant

    with server.services.database.write() as connection:
        other = create_tenant(connection, "other", server.services.settings)
        key = create_key(connection, other, "other")
    with Client(server.url, key) as client:
        assert list(client.projects()) == []
        for ask in (client.project, client.wait, client.clips, client.cancel):
            with pytest.raises(ApiError) as caught:
                ask(made[0].id)
            assert caught.value.status == 404


def test_scores_hooks_and_models(tmp_path: Path) -> None:
    scorer = LocalScorer(TenantModels(Models({}), {}))
    try:
        with live(tmp_path, scorer) as server, Client(server.url, server.key) as client:
            score = client.score("Nobody tells you this. It starts on a good day.")
            assert len(score.sentences) == 2
            assert 0 <= score.engagement <= 1
            order = client.rank_hooks(["Nobody tells you this", "A talk about burnout", "Hello"])
            assert sorted(place.place for place in order.hooks) == [1, 2, 3]
            assert {model.role for model in client.models()} >= {"engagement", "hook"}
            with pytest.raises(ApiError) as caught:
                client.score(" ")
            assert caught.value.code == "invalid_request"
            assert json.dumps(caught.value.problem)
    finally:
        scorer.close()
