from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from starlette.testclient import TestClient

from serving.api.files import parse_range
from serving.api.problems import Problem
from serving.edits import Change, change_edit
from serving.services import Services
from serving.storage import database as db
from talkreel.core.spans import Span
from talkreel.pipeline.presets import PRESETS
from tests.serving.api.test_projects import code
from tests.serving.api.world import VIDEO, Tenant, add_queued, clip_of, edit_of, read_edit, scenario
from tests.unit.edit.conftest import make_face


def test_clips_come_in_order_and_in_pages(client: TestClient, finished: str) -> None:
    whole = client.get(f"/v1/projects/{finished}/clips").json()["clips"]
    assert [clip["rank"] for clip in whole] == [1, 2, 3]
    first = client.get(f"/v1/projects/{finished}/clips", params={"limit": 2}).json()
    rest = client.get(
        f"/v1/projects/{finished}/clips", params={"limit": 2, "cursor": first["next"]}
    ).json()
    assert first["clips"] + rest["clips"] == whole
    assert rest["next"] is None
    clip = whole[0]
    assert clip["id"] == clip_of(finished)
    assert clip["sub_scores"][0]["reasons"][0]["text"] == "Opens with a story"
    assert set(clip["files"]) == {"video", "cover", "srt", "vtt", "edit"}
    for url in clip["files"].values():
        assert client.get(url).status_code == 200
    assert client.get(f"/v1/clips/{clip['id']}").json() == clip


def test_download_is_byte_equal_with_headers(client: TestClient, finished: str) -> None:
    url = f"/v1/clips/{clip_of(finished)}/download"
    whole = client.get(url)
    assert whole.content == VIDEO
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-disposition"].endswith(".mp4")
    head = client.head(url)
    assert head.status_code == 200
    assert head.headers["content-length"] == str(len(VIDEO))
    assert head.headers["etag"] == whole.headers["etag"]
    assert head.content == b""
    same = client.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_range_is_that_part(client: TestClient, finished: str, data: st.DataObject) -> None:
    size = len(VIDEO)
    first = data.draw(st.none() | st.integers(0, size + 20))
    last = data.draw(st.none() | st.integers(0, size + 20))
    url = f"/v1/clips/{clip_of(finished)}/download"
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    answer = client.get(url, headers={"Range": header})
    if (first is None and last is None) or (None not in (first, last) and last < first):
        assert (answer.status_code, answer.content) == (200, VIDEO)
        return
    expected = VIDEO[-last:] if first is None else VIDEO[first : None if last is None else last + 1]
    if not expected or (last == 0 and first is None):
        assert code(answer) == (416, "range_not_satisfiable")
        assert answer.headers["content-range"] == f"bytes */{size}"
        return
    assert answer.status_code == 206
    assert answer.content == expected
    start = size - len(expected) if first is None else first
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{size}"


@given(header=st.text(max_size=40), size=st.integers(0, 10**12))
def test_no_range_header_is_a_surprise(header: str, size: int) -> None:
    with contextlib.suppress(Problem):
        span = parse_range(header, size)
        assert span is None or 0 <= span[0] < span[1] <= size


def test_if_range_and_odd_ranges(client: TestClient, finished: str) -> None:
    url = f"/v1/clips/{clip_of(finished)}/download"
    etag = client.get(url).headers["etag"]
    part = client.get(url, headers={"Range": "bytes=0-9", "If-Range": etag})
    assert (part.status_code, part.content) == (206, VIDEO[:10])
    for headers in (
        {"Range": "bytes=0-9", "If-Range": '"other"'},
        {"Range": "bytes=0-1,5-6"},
        {"Range": "lines=0-9"},
        {"Range": "bytes=-"},
    ):
        whole = client.get(url, headers=headers)
        assert (whole.status_code, len(whole.content)) == (200, len(VIDEO))


def test_missing_files_are_404(client: TestClient, scored: Services, finished: str) -> None:
    with scored.database.write() as connection:
        files = connection.execute(select(db.clips.c.files)).scalars().first()
        assert files is not None
        without = {kind: key for kind, key in files.items() if kind != "srt"}
        connection.execute(update(db.clips).where(db.clips.c.rank == 1).values(files=without))
    scored.objects.delete(without["vtt"])
    base = f"/v1/clips/{clip_of(finished)}/files"
    assert code(client.get(f"{base}/srt")) == (404, "file_not_found")
    assert code(client.get(f"{base}/vtt")) == (404, "file_not_found")
    assert code(client.get(f"{base}/other")) == (422, "invalid_request")


def test_transcript_analysis_report(client: TestClient, finished: str) -> None:
    base = f"/v1/projects/{finished}"
    words = client.get(f"{base}/transcript").json()
    assert words["schema"] == "transcript/1"
    assert words["words"][0]["text"] == "So"
    srt = client.get(f"{base}/transcript", params={"format": "srt"}).text
    assert srt.startswith("1\n00:00:05,000 --> ")
    assert "it is time!" in srt
    vtt = client.get(f"{base}/transcript", params={"format": "vtt"})
    assert vtt.text.startswith("WEBVTT\n\n00:00:05.000 --> ")
    assert vtt.headers["content-type"].startswith("text/vtt")
    analysis = client.get(f"{base}/analysis").json()
    assert (analysis["schema"], analysis["media"]["uri"]) == ("analysis/1", "talk.mp4")
    arrays = client.get(f"{base}/analysis", params={"part": "arrays"})
    assert arrays.content.startswith(b"PK")
    report = client.get(f"{base}/report")
    assert report.headers["content-type"].startswith("text/html")
    assert "sandbox" in report.headers["content-security-policy"]


def test_results_of_a_waiting_project_are_not_there_yet(
    client: TestClient, scored: Services, mine: Tenant
) -> None:
    project_id = add_queued(scored, mine)
    for name in ("transcript", "analysis", "report"):
        assert code(client.get(f"/v1/projects/{project_id}/{name}")) == (409, "not_ready")


def change(client: TestClient, clip_id: str, **body: Any) -> Any:
    answer = client.patch(f"/v1/clips/{clip_id}", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "rendering"
    return client.get(f"/v1/clips/{clip_id}/files/edit").json()


def test_a_new_span_is_rendered_again_only(
    client: TestClient, scored: Services, finished: str
) -> None:
    clip_id = clip_of(finished)
    edit = read_edit(change(client, clip_id, spans=[[7.0, 12.0], [33.0, 38.0]]))
    assert [round(span.start, 2) for span in edit.kept] == [7.0, 33.0]
    assert sum(span.duration for span in edit.kept) == pytest.approx(10.0, abs=0.1)
    assert edit.captions is not None
    shown = [word.span.middle for c in edit.captions.cues for line in c.lines for word in line]
    assert all(any(span.contains(time) for span in edit.kept) for time in shown)
    with scored.database.read() as connection:
        job = connection.execute(select(db.jobs).where(db.jobs.c.kind == "render")).one()
        clip = connection.execute(select(db.clips).where(db.clips.c.id == clip_id)).one()
    assert job.payload == {"clip_id": clip_id, "edit": clip.edit, "revision": 2}
    assert clip.revision == 2
    # The present file stays until the new one is there.
    assert client.get(f"/v1/clips/{clip_id}/download").content == VIDEO


def test_corrected_words_outlive_other_changes(
    client: TestClient, finished: str, rendered: Callable[[str], None]
) -> None:
    clip_id = clip_of(finished)
    fixes = [{"index": 0, "text": "Once"}, {"index": 1, "text": "upon a"}, {"index": 2, "text": ""}]
    change(client, clip_id, captions={"words": fixes})
    rendered(clip_id)
    edit = read_edit(change(client, clip_id, spans=[[5.0, 20.0]], captions={"style": "clean"}))
    assert edit.captions is not None
    assert edit.captions.style.name == "clean"
    text = " ".join(cue.text for cue in edit.captions.cues).replace("\n", " ")
    assert text.startswith("Once upon a walking down the street,")
    rendered(clip_id)
    assert change(client, clip_id, captions={"style": "none"})["captions"] is None
    rendered(clip_id)
    again = read_edit(change(client, clip_id, captions={"style": "pop"}))
    assert again.captions is not None


def test_crop_and_aspect(
    client: TestClient, finished: str, rendered: Callable[[str], None]
) -> None:
    clip_id = clip_of(finished)
    edit = read_edit(change(client, clip_id, crop={"box": [0.6, 0.1, 0.8, 0.9]}))
    assert [layout.reason for layout in edit.layouts] == ["Set by hand"]
    left, top, right, bottom = edit.layouts[0].paths[0].keys[0].box
    assert left <= 0.6 < 0.8 <= right
    assert (right - left) * 16 / 9 / (bottom - top) == pytest.approx(9 / 16, rel=0.01)
    rendered(clip_id)
    square = read_edit(change(client, clip_id, aspect="1:1"))
    assert square.canvas.width == square.canvas.height
    assert square.layouts[0].reason == "Set by hand"
    rendered(clip_id)
    wide = read_edit(change(client, clip_id, aspect="16:9", title="Another"))
    assert wide.canvas.width > wide.canvas.height
    assert client.get(f"/v1/clips/{clip_id}").json()["title"] == "Another"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"spans": [[0, 1]]}, "3 to 600 s"),
        ({"spans": [[50, 90]]}, "60.00 s long"),
        ({"spans": [[10, 15], [12, 20]]}, "do not overlap"),
        ({"spans": [[20, 10]]}, "before it starts"),
        ({"captions": {"style": "comic"}}, "choose one of bold"),
        ({"captions": {"words": [{"index": 900, "text": "x"}]}}, "no caption word 900"),
        ({"aspect": "2:1"}, "aspect is one of"),
    ],
)
def test_impossible_changes(
    client: TestClient, finished: str, body: dict[str, Any], said: str
) -> None:
    refused = client.patch(f"/v1/clips/{clip_of(finished)}", json=body)
    assert code(refused) == (422, "invalid_change")
    assert said in refused.json()["detail"]


@pytest.mark.parametrize(
    "body", [{}, {"crop": {"box": [0.5, 0, 0.4, 1]}}, {"spans": []}, {"spans": [[1]]}, {"x": 1}]
)
def test_malformed_changes(client: TestClient, finished: str, body: dict[str, Any]) -> None:
    refused = client.patch(f"/v1/clips/{clip_of(finished)}", json=body)
    assert code(refused) == (422, "invalid_request")


def test_a_change_of_another_revision_is_refused(client: TestClient, finished: str) -> None:
    url = f"/v1/clips/{clip_of(finished)}"
    etag = client.get(url).headers["etag"]
    first = client.patch(url, json={"title": "One"}, headers={"If-Match": etag})
    assert first.status_code == 202
    second = client.patch(url, json={"title": "Two"}, headers={"If-Match": etag})
    assert code(second) == (412, "clip_changed")
    assert second.json()["revision"] == 2
    assert second.headers["etag"] == first.headers["etag"] != etag


def test_unlooked_parts_keep_the_camera() -> None:
    analysis = replace(
        scenario().analysis,
        looked=(Span(4.0, 17.0),),
        faces=(make_face(0, 0.3, span=(4.0, 17.0)),),
    )
    edit = edit_of(analysis)
    longer = Change(spans=(Span(5.0, 25.0),))
    changed = change_edit(edit, longer, analysis, PRESETS["default"])
    assert changed.kept[-1].end == pytest.approx(25.0, abs=0.05)
    assert {layout.paths for layout in changed.layouts} == {edit.layouts[-1].paths}
