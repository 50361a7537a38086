"""Files made to harm, through the whole job: refused, nothing else read, nobody called."""

from __future__ import annotations

import os
import re
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.net.transfer import BlockedUrl, check_url
from talkreel.media.ffmpeg import run_ffmpeg
from tests.serving.edges.sites import Site
from tests.serving.edges.traced import Traced, traced
from tests.serving.jobs.talk import OPTIONS, Talk

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SECRET = "canary-4711-nobody-reads-this"
MOST_BYTES = 2 << 30
# Names that Python's tempfile makes.
_TEMPORARY = re.compile(re.escape(tempfile.gettempdir()) + r"/(tmp)?[a-z0-9_]{8}(/|\Z)")
MOST_SECONDS = 60.0
METADATA = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "canary.mp4"
    path.parent.mkdir()
    path.write_text(SECRET)
    return path


@pytest.fixture
def talk(tmp_path: Path, short_talk: Path) -> Iterator[Talk]:
    with Talk.opened(tmp_path, short_talk, max_upload_bytes=4 << 20) as opened:
        yield opened


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _playlist(target: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode()


def _hidden_playlist(target: str) -> bytes:
    # A media header in front, the playlist where a demuxer that guesses finds it.
    return _box(b"ftyp", b"isom\0\0\2\0isomiso2") + b"\n" + _playlist(target)


def _header_bomb() -> bytes:
    """A film of one kilobyte that promises two thousand million pictures of 100,000 pixels."""
    table = struct.pack(">IIII", 0, 1, 2**31 - 1, 1)
    sizes = struct.pack(">III", 0, 1, 2**31 - 1)
    entry = struct.pack(">6xH16xHHII4xH32xHH", 1, 50000, 50000, 0x480000, 0x480000, 1, 24, 0xFFFF)
    stbl = _box(
        b"stbl",
        _box(b"stsd", struct.pack(">II", 0, 1), _box(b"avc1", entry)),
        _box(b"stts", table),
        _box(b"stsz", sizes),
    )
    minf = _box(b"minf", _box(b"vmhd", b"\0" * 12), stbl)
    mdhd = _box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 1000, 2**31 - 1, 0, 0))
    hdlr = _box(b"hdlr", b"\0" * 8 + b"vide" + b"\0" * 13)
    tkhd = _box(b"tkhd", struct.pack(">IIIIII", 7, 0, 0, 1, 0, 1000) + b"\0" * 60)
    mvhd = _box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 1000) + b"\0" * 80)
    trak = _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf))
    return _box(b"ftyp", b"isom\0\0\2\0isom") + _box(b"moov", mvhd, trak) + _box(b"mdat", b"\0")


def _attachment_bomb() -> bytes:
    """A Matroska file that announces an attachment of a tebibyte."""
    ebml = bytes.fromhex(
        "1a45dfa3a34286810142f7810142f2810442f381084282886d6174726f736b6142878104428581 02"
    )
    size = bytes.fromhex("01000100 00000000")
    attached = bytes.fromhex("61a7") + size + bytes.fromhex("466e") + b"\x85a.ttf"
    attached += bytes.fromhex("465c") + size + b"x" * 1000
    body = bytes.fromhex("1941a469") + size + attached
    return ebml + bytes.fromhex("18538067 01ffffffffffffff") + body


CORPUS = {
    "playlist to a file": lambda at: _playlist(f"file://{at['canary']}"),
    "playlist to the metadata": lambda at: _playlist(METADATA),
    "playlist to a server": lambda at: _playlist(at["url"] + "/segment.ts"),
    "playlist behind a header": lambda at: _hidden_playlist(at["url"] + "/segment.ts"),
    "playlist of concat": lambda at: _playlist(f"concat:{at['canary']}|{at['url']}/x"),
    "concat script": lambda at: f"ffconcat version 1.0\nfile '{at['canary']}'\n".encode(),
    "dash": lambda at: f"<?xml version='1.0'?><MPD><BaseURL>{at['url']}</BaseURL></MPD>".encode(),
    "sdp": lambda at: b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "header bomb": lambda at: _header_bomb(),
    "attachment bomb": lambda at: _attachment_bomb(),
    "svg": lambda at: f"<svg xmlns='x'><image href='file://{at['canary']}'/></svg>".encode(),
}


def _own(talk: Talk, project: str, path: str) -> bool:
    """Whether a file is the job's own: its folder, its source, or its stage results."""
    data = talk.services.settings.data.resolve()
    mine = (data / "work" / project, data / "cache", data / "objects" / talk.key)
    return any(Path(path).is_relative_to(folder) for folder in mine)


def _check(talk: Talk, project: str, found: Traced, site: Site) -> None:
    strange = {
        path
        for path in found.opened
        if not _own(talk, project, path) and not _TEMPORARY.match(path)
    }
    assert strange == set()
    assert found.calls == []
    assert site.calls == []
    assert found.peak_bytes < MOST_BYTES


@pytest.mark.parametrize("kind", CORPUS)
def test_harmful_sources_are_refused(
    kind: str,
    talk: Talk,
    canary: Path,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = tmp_path / "hostile"
    source.write_bytes(CORPUS[kind]({"canary": canary, "url": site.url}))
    talk.services.objects.put(talk.key, source)
    began = time.monotonic()
    with traced(monkeypatch, tmp_path / "trace") as found:
        project = talk.submit({"kind": "object", "key": talk.key, "name": "innocent.mp4"})
        row = talk.work_until_done(project)
    assert time.monotonic() - began < MOST_SECONDS
    assert row.state == "failed"
    assert row.failure["cause"] == "input"
    assert not row.failure["retryable"]
    assert row.failure["attempts"] == 1
    assert "innocent.mp4" in row.failure["message"]
    assert str(tmp_path) not in str(row.failure)
    _check(talk, project, found, site)


def test_a_film_whose_samples_lie_elsewhere_does_not_reach_them(
    talk: Talk,
    canary: Path,
    site: Site,
    short_talk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = short_talk.read_bytes()
    away = f"{site.url}/x".encode()
    entry = struct.pack(">I4sI", 12 + len(away) + 1, b"url ", 0) + away + b"\0"
    changed = data.replace(struct.pack(">I4sI", 12, b"url ", 1), entry)
    assert changed != data
    source = tmp_path / "elsewhere.mp4"
    source.write_bytes(changed)
    talk.services.objects.put(talk.key, source)
    with traced(monkeypatch, tmp_path / "trace") as found:
        project = talk.submit()
        talk.work_until_done(project)
    _check(talk, project, found, site)


@pytest.mark.parametrize("name", ["-i ../../x.mp4", "concat:{canary}|{url}/x.mp4"])
def test_words_and_names_that_look_like_commands_are_only_text(
    name: str,
    talk: Talk,
    canary: Path,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (
        "1\n00:00:00,651 --> 00:00:03,999\n"
        f"Look: {{\\fn../x\\p1}}movie={canary}[a];[a]\n\n"
        "2\n00:00:04,749 --> 00:00:08,880\n"
        f"Then, ':textfile={canary}' subtitles={site.url}/s.ass people spoke about it.\n\n"
        "3\n00:00:09,242 --> 00:00:13,611\nThe first man talked for two hours, and %{metadata:x}.\n"
    )
    options: dict[str, Any] = {**OPTIONS, "transcript": {"format": "srt", "text": text}}
    shown = name.format(canary=canary, url=site.url)
    with traced(monkeypatch, tmp_path / "trace") as found:
        source = {"kind": "object", "key": talk.key, "name": shown}
        project = talk.submit(source, **options)
        row = talk.work_until_done(project)
    assert row.state == "done", row.failure
    _check(talk, project, found, site)
    for clip in talk.clips(project):
        for key in clip.files.values():
            assert SECRET.encode() not in b"".join(talk.services.objects.read(key))


@pytest.mark.parametrize(("megabytes", "state"), [(30, "done"), (200, "failed")])
def test_attachments_are_ignored_and_large_ones_refused(
    megabytes: int,
    state: str,
    talk: Talk,
    short_talk: Path,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attachment = tmp_path / "font.ttf"
    with attachment.open("wb") as file:
        file.truncate(megabytes << 20)
    source = tmp_path / "attached.mkv"
    attach = ["-attach", str(attachment), "-metadata:s:t", "mimetype=application/x-truetype-font"]
    run_ffmpeg(["-i", str(short_talk), "-c", "copy", *attach, str(source)], timeout_seconds=60)
    talk.services.objects.put(talk.key, source)
    with traced(monkeypatch, tmp_path / "trace") as found:
        project = talk.submit()
        row = talk.work_until_done(project)
    assert row.state == state, row.failure
    if state == "failed":
        assert row.failure["cause"] == "input"
        assert "210 MB of attached files" in row.failure["message"]
    _check(talk, project, found, site)


def test_an_endless_stream_is_cut_and_nothing_is_left(
    short_talk: Path, site: Site, tmp_path: Path
) -> None:
    def pour(handler: Any, _: int) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(short_talk.read_bytes())

    site.answer = pour
    changes = {"max_upload_bytes": 4 << 20, "allow_private_urls": True}
    with Talk.opened(tmp_path, short_talk, **changes) as talk:
        url = f"{site.url}/live.mp4"
        row = talk.work_until_done(talk.submit({"kind": "url", "url": url, "name": "live.mp4"}))
        assert row.state == "failed"
        assert row.failure["cause"] == "import"
        assert "4194304 bytes" in row.failure["message"]
        left = sum(path.stat().st_size for path in (tmp_path / "data" / "work").rglob("*.part*"))
        assert left == 0


@pytest.mark.parametrize("url", [METADATA, "file:///etc/passwd", "http://127.0.0.1:22/"])
def test_inner_addresses_are_not_fetched(url: str, talk: Talk) -> None:
    # The API refuses them at once; a job that has one all the same does not open it.
    with pytest.raises(BlockedUrl):
        check_url(url)
    row = talk.work_until_done(talk.submit({"kind": "url", "url": url, "name": "v.mp4"}))
    assert row.state == "failed"
    assert row.failure["cause"] == "import"
    assert not row.failure["retryable"]


def test_the_trace_sees_what_it_should(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canary: Path, site: Site
) -> None:
    """The proof's own test: a job that does read elsewhere and does call is found out."""
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(
        "import socket\n"
        f"open({str(canary)!r}).read()\n"
        f"socket.create_connection(('127.0.0.1', {site.port})).close()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{startup}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    talk.services.objects.put(talk.key, canary)
    with traced(monkeypatch, tmp_path / "trace") as found:
        talk.work_until_done(talk.submit())
    assert str(canary) in found.opened
    assert any(str(site.port) in line for line in found.calls)
