"""A worker on real media: what becomes of a job, and what is told of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from serving.jobs import control
from serving.jobs.publish import project_prefix
from serving.storage import database as db
from talkreel.models.shipped import SHIPPED_FOLDER
from tests.serving.edges.sites import Site, reply
from tests.serving.jobs.talk import SOURCE_SECONDS, Talk, wait_for

pytestmark = pytest.mark.integration


def read(talk: Talk, key: str) -> bytes:
    return b"".join(talk.services.objects.read(key))


def work_folders(talk: Talk) -> list[Path]:
    return list((talk.services.settings.data / "work").glob("*"))


def test_a_talk_becomes_clips_that_are_told_of_one_by_one(warm_talk: Talk) -> None:
    talk = warm_talk
    project = talk.submit()
    row = talk.work_until_done(project)
    assert (row.state, row.share, row.failure, row.warnings) == ("done", 1.0, None, [])
    assert row.media["duration"] == pytest.approx(SOURCE_SECONDS, abs=0.1)
    assert row.media["transcript_source"] == "sidecar:transcript.srt"
    clips = talk.clips(project)
    assert [clip.rank for clip in clips] == [1, 2]
    assert talk.told(project) == [
        "project.queued",
        "project.started",
        "clip.ready",
        "clip.ready",
        "project.completed",
    ]
    ready = [event.data for event in talk.events(project, "clip.ready")]
    assert [news["clip_id"] for news in ready] == [clip.id for clip in clips]
    assert talk.events(project)[-1].data == {"state": "done", "clips": 2}
    shares = [event.data["percent"] for event in talk.events(project, "project.progress")]
    assert shares == sorted(shares)
    for clip in clips:
        assert set(clip.files) == {"video", "cover", "srt", "vtt", "words", "edit"}
        assert len(read(talk, clip.files["video"])) == clip.record["measured"]["size_bytes"]
        assert json.loads(read(talk, clip.files["edit"])) == clip.edit
    # The source came straight into the store: who reads it first takes its digest.
    assert row.source["sha256"] == hashlib.sha256(talk.piece.read_bytes()).hexdigest()
    assert [(u.project_id, u.kind) for u in talk.usage()] == [(project, "minutes")]
    assert talk.usage()[0].amount == pytest.approx(row.media["duration"] / 60)
    keys = {key for clip in clips for key in clip.files.values()} | set(row.files.values())
    assert row.stored_bytes == sum(talk.services.objects.size(key) for key in keys)
    assert not work_folders(talk)


def test_nothing_tells_where_files_lie_on_the_server(warm_talk: Talk) -> None:
    talk = warm_talk
    project = talk.submit()
    row = talk.work_until_done(project)
    here = str(talk.services.settings.data).encode()
    for key in [*row.files.values(), *(clip.files["edit"] for clip in talk.clips(project))]:
        assert here not in read(talk, key)
    assert json.loads(read(talk, row.files["clips"]))["media_uri"] == "my talk.mp4"


def test_a_talk_without_a_clip_is_empty_and_says_why(warm_talk: Talk) -> None:
    talk = warm_talk
    project = talk.submit(range=[0.0, 1.0])
    row = talk.work_until_done(project)
    assert (row.state, row.failure["cause"], row.failure["retryable"]) == (
        "empty",
        "nothing",
        False,
    )
    last = talk.events(project)[-1]
    assert last.type == "project.completed"
    assert last.data["state"] == "empty"
    assert last.data["why"] == row.failure["message"] != ""


def test_what_is_no_media_fails_at_once_and_says_why(talk: Talk, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a video at all\n" * 100)
    talk.services.objects.put(talk.key, text)
    project = talk.submit()
    row = talk.work_until_done(project)
    assert row.state == "failed"
    assert row.failure["cause"] == "input"
    assert row.failure["attempts"] == 1
    assert row.failure["retryable"] is False
    assert "my talk.mp4" in row.failure["message"]
    assert row.failure["reproduce"].startswith("talkreel clip 'my talk.mp4' --clips 2")
    assert talk.events(project)[-1].data == {"failure": row.failure}
    assert talk.usage() == []


def test_a_source_that_is_gone_is_said_to_be(talk: Talk) -> None:
    talk.services.objects.delete(talk.key)
    row = talk.work_until_done(talk.submit())
    assert (row.state, row.failure["phase"]) == ("failed", "fetch")
    assert "upload it again" in row.failure["message"]


def test_a_talk_longer_than_allowed_is_refused(tmp_path: Path, piece: Path) -> None:
    with Talk.opened(tmp_path, piece, max_media_seconds=6.0) as talk:
        row = talk.work_until_done(talk.submit())
    assert row.failure["cause"] == "input"
    assert "is 0.2 minutes long and this server takes up to 0.1" in row.failure["message"]


@pytest.mark.parametrize("sound", [True, False])
def test_a_job_reads_with_the_servers_own_bundles(
    tmp_path: Path, piece: Path, warm_cache: Path, sound: bool
) -> None:
    own = shutil.copytree(SHIPPED_FOLDER / "hook", tmp_path / "own")
    spec = json.loads((own / "bundle.json").read_text())
    (own / "bundle.json").write_text(json.dumps({**spec, "version": 70}))
    if not sound:
        with (own / "weights.safetensors").open("ab") as file:
            file.write(b"x")
    shutil.copytree(warm_cache, tmp_path / "data" / "cache")
    with Talk.opened(tmp_path, piece, bundles={"hook": str(own)}) as talk:
        done = talk.work_until_done(talk.submit(scorer="viral"))
        warnings = [e.data["message"] for e in talk.events(done.id, "project.warning")]
    assert done.state == "done"
    assert ("hook/70" in done.media["scorer"]) is sound
    assert any("shipped model of hook" in warning for warning in warnings) is not sound


def test_a_full_disk_lets_jobs_wait_and_says_so_once(tmp_path: Path, piece: Path) -> None:
    with Talk.opened(tmp_path, piece, min_free_bytes=2**60) as talk:
        project = talk.submit()
        with talk.working("one"), talk.working("two"):
            wait_for(lambda: talk.project(project).warnings != [])
        assert talk.told(project) == ["project.queued", "project.warning"]
        assert talk.project(project).state == "queued"
        assert "waiting for disk space" in talk.project(project).warnings[0]


def test_a_source_from_a_remote_store_finds_the_same_results(
    tmp_path: Path, piece: Path, warm_cache: Path
) -> None:
    with Talk.opened(tmp_path, piece, objects_url="memory:///") as talk:
        shutil.copytree(warm_cache, talk.services.settings.data / "cache")
        before = talk.cached()
        project = talk.submit()
        row = talk.work_until_done(project)
        assert row.state == "done", row.failure
        assert talk.cached() == before
        assert all(read(talk, key) for clip in talk.clips(project) for key in clip.files.values())


def test_a_url_is_imported_and_becomes_an_object(
    tmp_path: Path, piece: Path, warm_cache: Path, site: Site
) -> None:
    with Talk.opened(tmp_path, piece, allow_private_urls=True) as talk:
        (talk.services.settings.data / "cache").symlink_to(warm_cache)
        site.answer = lambda request, _: reply(request, 200, piece.read_bytes())
        project = talk.submit({"kind": "url", "url": site.url + "/a/talk.mp4"})
        row = talk.work_until_done(project)
        assert row.state == "done", row.failure
        assert row.source["kind"] == "object"
        assert row.source["name"] == "talk.mp4"
        assert row.source["bytes"] == piece.stat().st_size
        assert read(talk, row.source["key"]) == piece.read_bytes()
        assert row.stored_bytes > piece.stat().st_size


def test_a_url_of_this_network_is_refused(talk: Talk) -> None:
    project = talk.submit({"kind": "url", "url": "http://127.0.0.1:9/talk.mp4"})
    row = talk.work_until_done(project)
    assert row.state == "failed"
    assert (row.failure["cause"], row.failure["retryable"]) == ("import", False)


def test_a_job_done_again_tells_and_charges_nothing_twice(warm_talk: Talk) -> None:
    talk = warm_talk
    project = talk.submit()
    before = talk.work_until_done(project)
    rows = talk.clips(project)
    with talk.services.database.write() as connection:
        connection.execute(
            db.projects.update().where(db.projects.c.id == project).values(state="failed")
        )
        connection.execute(
            db.clips.insert().values(
                {**rows[1]._asdict(), "id": rows[1].id + "x", "rank": 3, "files": {}}
            )
        )
    talk.retry(project)
    after = talk.work_until_done(project)
    assert after.state == "done"
    assert talk.clips(project) == rows  # the third, which nothing delivers now, is gone
    assert talk.told(project)[5:] == [
        "project.retried",
        "project.started",
        "project.completed",
    ]
    assert len(talk.usage()) == 1
    assert after.stored_bytes == before.stored_bytes


def change(talk: Talk, clip_id: str, **fields: object) -> int:
    with talk.services.database.write() as connection:
        clip = connection.execute(select(db.clips).where(db.clips.c.id == clip_id)).one()
        edit = {**clip.edit, **fields}
        return control.change_clip(talk.services, connection, clip, edit)


def test_a_changed_clip_is_rendered_alone_and_keeps_its_old_file(warm_talk: Talk) -> None:
    talk = warm_talk
    project = talk.submit()
    talk.work_until_done(project)
    first, second = talk.clips(project)
    assert change(talk, first.id, title="In between", captions=None) == 2
    assert change(talk, first.id, title="By hand", captions=None) == 3
    assert talk.clips(project)[0].state == "rendering"
    with talk.working():
        wait_for(lambda: talk.clips(project)[0].state == "ready")
    changed = talk.clips(project)[0]
    assert changed.revision == 3
    assert changed.record["title"] == "By hand"
    assert changed.record["measured"]["caption_words"] == 0
    assert set(changed.files) == {"video", "cover", "words", "edit"}
    assert changed.files["video"].endswith(f"clips/{first.id}-r3.mp4")
    assert read(talk, first.files["video"])
    assert talk.clips(project)[1] == second
    updates = talk.events(project, "clip.updated")
    assert [(event.data["clip_id"], event.data["revision"]) for event in updates] == [(first.id, 3)]
    # What a person has changed stays when the project is done again.
    with talk.services.database.write() as connection:
        connection.execute(
            db.projects.update().where(db.projects.c.id == project).values(state="failed")
        )
    talk.retry(project)
    talk.work_until_done(project)
    assert talk.clips(project)[0] == changed


def test_a_change_that_cannot_be_rendered_says_why(warm_talk: Talk) -> None:
    talk = warm_talk
    project = talk.submit()
    talk.work_until_done(project)
    clip = talk.clips(project)[0]
    change(talk, clip.id, media_digest="0" * 64)
    with talk.working():
        wait_for(lambda: talk.clips(project)[0].state == "failed")
    failed = talk.clips(project)[0]
    assert failed.failure["cause"] == "input"
    assert failed.files == clip.files
    assert talk.project(project).state == "done"
    assert talk.events(project)[-1].type == "clip.failed"


def test_a_cancelled_change_leaves_the_clip_as_its_files_are(warm_talk: Talk) -> None:
    talk = warm_talk
    project = talk.submit()
    talk.work_until_done(project)
    clip = talk.clips(project)[0]
    change(talk, clip.id, title="Never")
    assert talk.cancel(project) == "cancelled"
    after = talk.clips(project)[0]
    assert (after.state, after.edit, after.files) == ("ready", clip.edit, clip.files)
    assert talk.project(project).state == "done"


def test_a_project_deleted_while_it_runs_leaves_no_files(talk: Talk) -> None:
    project = talk.submit()
    with talk.working():
        talk.work_until(project, "words")
        with talk.services.database.write() as connection:
            connection.execute(delete(db.projects).where(db.projects.c.id == project))
        wait_for(lambda: not work_folders(talk))
    prefix = project_prefix(talk.tenant, project)
    assert talk.services.objects.bytes_under(prefix) == 0
