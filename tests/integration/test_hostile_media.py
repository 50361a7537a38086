"""Files made to harm: probing and decoding them must end soon, in a record or one clear line."""

from __future__ import annotations

import contextlib
import http.server
import random
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talkreel.core.errors import MediaError, RenderError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.audio import extract_audio
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe

pytestmark = pytest.mark.integration


def _refused(path: Path) -> str:
    with pytest.raises(MediaError) as caught:
        probe(path)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


@pytest.fixture(scope="module")
def small_mp4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "small.mp4"
    video = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1"]
    sound = ["-f", "lavfi", "-i", "sine=440:d=1:r=16000"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    run_ffmpeg([*video, *sound, *codecs, str(path)], timeout_seconds=60)
    return path


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    """A local web server that writes down who calls."""
    calls: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening.server_port, calls
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["list.m3u8", "film.mp4", "film.mkv", "-i.mp4"])
@pytest.mark.parametrize(
    "body",
    [
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{target}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{target}'\n",
        "\ufeff#EXTM3U\n#EXTINF:1,\nconcat:{target}|file:///etc/passwd\n",
        '<?xml version="1.0"?><MPD><BaseURL>{target}</BaseURL></MPD>',
    ],
)
def test_playlists_are_refused_and_nothing_is_fetched(
    name: str, body: str, server: tuple[int, list[str]], tmp_path: Path
) -> None:
    port, calls = server
    for target in ("file:///etc/passwd", f"http://127.0.0.1:{port}/stolen"):
        path = tmp_path / name
        path.write_text(body.format(target=target), encoding="utf-8")
        assert "playlist" in _refused(path)
    assert calls == []


def test_reference_movie_does_not_reach_other_files(
    small_mp4: Path, server: tuple[int, list[str]], tmp_path: Path
) -> None:
    # A QuickTime file may say that its samples lie elsewhere ("url " without the self flag).
    port, calls = server
    data = small_mp4.read_bytes()
    away = f"http://127.0.0.1:{port}/x".encode()
    entry = struct.pack(">I4sI", 12 + len(away) + 1, b"url ", 0) + away + b"\0"
    changed = data.replace(struct.pack(">I4sI", 12, b"url ", 1), entry)
    assert changed != data
    path = tmp_path / "elsewhere.mp4"
    path.write_bytes(changed)
    _ends_well(path)
    assert calls == []


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _movie(samples: int, width: int = 160, height: int = 120) -> bytes:
    """A 1 kB movie whose tables promise ``samples`` pictures of one byte each."""
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    header = struct.pack(">4I", 0, 0, 1000, 1000) + b"\0\1\0\0\1\0" + b"\0" * 10
    mvhd = _full(b"mvhd", header, matrix, b"\0" * 24, struct.pack(">I", 2))
    tkhd = _full(
        b"tkhd",
        struct.pack(">5I", 0, 0, 1, 0, 1000) + b"\0" * 16,
        matrix,
        struct.pack(">II", width << 16 & 0xFFFFFFFF, height << 16 & 0xFFFFFFFF),
        flags=3,
    )
    entry = _box(
        b"mp4v",
        b"\0" * 6 + struct.pack(">H", 1) + b"\0" * 16 + struct.pack(">HH", width, height),
        struct.pack(">II", 0x480000, 0x480000) + b"\0" * 4 + struct.pack(">H", 1) + b"\0" * 32,
        struct.pack(">Hh", 24, -1),
    )
    table = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), entry),
        _full(b"stts", struct.pack(">3I", 1, samples, 1)),
        _full(b"stsc", struct.pack(">4I", 1, 1, samples, 1)),
        _full(b"stsz", struct.pack(">II", 1, samples)),
        _full(b"stco", struct.pack(">II", 1, 32)),
    )
    where = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">4IHH", 0, 0, 1000, 1000, 0x55C4, 0)),
        _full(b"hdlr", b"\0\0\0\0vide" + b"\0" * 13),
        _box(b"minf", _full(b"vmhd", b"\0" * 8, flags=1), where, table),
    )
    moov = _box(b"moov", mvhd, _box(b"trak", tkhd, media))
    return _box(b"ftyp", b"isom\0\0\2\0isommp41") + moov + _box(b"mdat", b"\0" * 1000)


@pytest.mark.parametrize("samples", [100_000_000, 170_000_000, 2**31 - 1, 2**32 - 1])
def test_promised_samples_take_no_memory(samples: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.mp4"
    path.write_bytes(_movie(samples))
    before = psutil.Process().memory_info().rss
    began = time.monotonic()
    _refused(path)
    assert time.monotonic() - began < 30
    assert psutil.Process().memory_info().rss - before < 200 * 2**20


def test_absurd_picture_sizes_are_refused_without_allocating(tmp_path: Path) -> None:
    before = psutil.Process().memory_info().rss
    path = tmp_path / "huge.mp4"
    path.write_bytes(_movie(100, 65_000, 65_000))
    message = _refused(path)
    assert "65000x65000" in message or "decodes" in message
    assert psutil.Process().memory_info().rss - before < 100 * 2**20


def test_absurd_matroska_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.mkv"
    path.write_bytes(_matroska(100_000, 100_000))
    before = psutil.Process().memory_info().rss
    _refused(path)
    assert psutil.Process().memory_info().rss - before < 100 * 2**20


def _ebml(mark: bytes, body: bytes) -> bytes:
    return mark + (len(body) | 1 << 56).to_bytes(8, "big") + body


def _matroska(width: int, height: int) -> bytes:
    """A VP8 track of two pictures with this size in its header."""
    head = _ebml(
        b"\x1a\x45\xdf\xa3",
        _ebml(b"\x42\x82", b"webm") + _ebml(b"\x42\x87", b"\4") + _ebml(b"\x42\x85", b"\2"),
    )
    video = _ebml(b"\xb0", width.to_bytes(4, "big")) + _ebml(b"\xba", height.to_bytes(4, "big"))
    track = _ebml(
        b"\xae",
        _ebml(b"\xd7", b"\1")
        + _ebml(b"\x73\xc5", b"\1")
        + _ebml(b"\x83", b"\1")
        + _ebml(b"\x86", b"V_VP8")
        + _ebml(b"\xe0", video),
    )
    blocks = b"".join(
        _ebml(
            b"\xa3",
            b"\x81" + struct.pack(">h", at) + b"\x80" + b"\x10\0\0\x9d\x01\x2a" + b"\0" * 40,
        )
        for at in (0, 40)
    )
    cluster = _ebml(b"\x1f\x43\xb6\x75", _ebml(b"\xe7", b"\0") + blocks)
    return head + _ebml(b"\x18\x53\x80\x67", _ebml(b"\x16\x54\xae\x6b", track) + cluster)


def test_years_of_time_stamps_are_refused(small_mp4: Path, tmp_path: Path) -> None:
    path = tmp_path / "years.mkv"
    late = ["-i", str(small_mp4), "-c", "copy", "-bsf:v", "setts=ts='if(gt(N,4),TS+1e6/TB,TS)'"]
    run_ffmpeg([*late, str(path)], timeout_seconds=30)
    assert "hours" in _refused(path)


@pytest.mark.parametrize(
    "name",
    [
        "with space.mp4",
        "quote ' and \" here.mp4",
        "emoji 😀 中 ü.mp4",
        "-rf.mp4",
        "a:b|c%03d;$(x).mp4",
        "new\nline.mp4",
        "http:evil.mp4",
        "concat:a.mp4",
    ],
)
def test_odd_names_work_everywhere(
    name: str, small_mp4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(small_mp4.read_bytes())
    monkeypatch.chdir(tmp_path)
    media = probe(name)
    assert media.duration == pytest.approx(1.0, abs=0.1)
    with FrameReader(media, width=32) as reader:
        assert len(list(reader.every(media.span))) == 10
    extract_audio(media, tmp_path / "out.wav")
    assert (tmp_path / "out.wav").stat().st_size > 30_000


def test_name_that_is_no_unicode_works(small_mp4: Path, tmp_path: Path) -> None:
    path = tmp_path / b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    path.write_bytes(small_mp4.read_bytes())
    media = probe(path)
    extract_audio(media, tmp_path / "out.wav")
    with FrameReader(media, width=32) as reader:
        assert len(list(reader.keyframes())) >= 1


def _ends_well(path: Path) -> Media | None:
    """Probe, decode and extract; whatever happens must be a record or a known error."""
    began = time.monotonic()
    try:
        media: Media | None = probe(path)
    except MediaError as error:
        lines = str(error).splitlines()
        media = None
    assert time.monotonic() - began < 30
    if media is None:
        assert len(lines) == 1
        return None
    assert media.duration > 0
    if media.video is not None:
        with FrameReader(media, width=16) as reader, contextlib.suppress(MediaError):
            for frame in reader.every(media.span):
                assert frame.image.size
            reader.at([0.0])
    if media.audio is not None and media.duration < 100:
        with contextlib.suppress(RenderError):
            extract_audio(media, path.with_suffix(".wav"))
    assert Span(0, media.duration) == media.span
    return media


def test_random_bytes_behind_every_known_beginning(tmp_path: Path) -> None:
    noise = random.Random(7)
    starts = [
        b"\0\0\0\x18ftypisom", b"\x1aE\xdf\xa3", b"RIFF\xff\xff\xff\xffAVI ", b"OggS\0",
        b"RIFF\xff\xff\xff\xffWAVEfmt ", b"fLaC", b"FLV\x01\5\0\0\0\x09", b"\0\0\1\xba",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"\x06\x0e\x2b\x34\x02\x05\x01\x01", b"caff\0\1",
        b"FORM\0\0\1\0AIFF", b"#!AMR\n", b"ID3\4\0\0\0\0\0\0",
    ]  # fmt: skip
    for number, start in enumerate(starts):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(start + noise.randbytes(20_000))
        _ends_well(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi", "flv", "mpg", "wav", "mp3", "ogg"])
def test_cut_anywhere(kind: str, share: float, small_mp4: Path, tmp_path: Path) -> None:
    whole = tmp_path / f"whole.{kind}"
    codecs = {"avi": ["-c:v", "mpeg4"], "mpg": ["-c:v", "mpeg2video", "-r", "25"], "ogg": ["-vn"]}
    codecs["flv"] = ["-c", "copy"]
    sound_only = ["-vn"] if kind in ("wav", "mp3") else []
    arguments = [*codecs.get(kind, []), *sound_only]
    run_ffmpeg(["-i", str(small_mp4), *arguments, str(whole)], timeout_seconds=30)
    data = whole.read_bytes()
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(data[: int(len(data) * share)])
    media = _ends_well(path)
    if media is not None:
        assert media.duration <= probe(whole).duration + 0.05


@pytest.mark.parametrize("kind", ["flv", "wmv", "ts", "avi", "mkv", "mpg"])
def test_damage_of_other_containers_ends_well(kind: str, small_mp4: Path, tmp_path: Path) -> None:
    whole = tmp_path / f"whole.{kind}"
    codecs = {"flv": ["-c", "copy"], "mpg": ["-c:v", "mpeg2video", "-r", "25"]}
    run_ffmpeg(["-i", str(small_mp4), *codecs.get(kind, []), str(whole)], timeout_seconds=30)
    noise = random.Random(3)
    for number in range(6):
        data = bytearray(whole.read_bytes())
        for _ in range(4 * (number + 1)):
            # Headers matter most: half of the damage goes there.
            reach = len(data) if noise.random() < 0.5 else min(2000, len(data))
            at = noise.randrange(reach)
            data[at : at + 4] = noise.choice([b"\xff" * 4, b"\0" * 4, noise.randbytes(4)])
        path = tmp_path / f"{number}.{kind}"
        path.write_bytes(bytes(data))
        _ends_well(path)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=8)), max_size=12
    )
)
def test_changed_bytes_give_a_record_or_a_media_error(
    changes: list[tuple[int, bytes]], small_mp4: Path, tmp_path: Path
) -> None:
    data = bytearray(small_mp4.read_bytes())
    # Half of the changes go where the structure is: the tables at the end of the file.
    tables = data.index(b"moov")
    for number, (place, put) in enumerate(changes):
        at = tables + place % (len(data) - tables) if number % 2 else place % len(data)
        data[at : at + len(put)] = put
    path = tmp_path / "changed.mp4"
    path.write_bytes(bytes(data))
    _ends_well(path)
