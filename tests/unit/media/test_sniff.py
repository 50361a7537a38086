from __future__ import annotations

import pytest

from talkreel.core.errors import MediaError
from talkreel.media.sniff import SNIFF_BYTES, sniff

ADTS = bytes([0xFF, 0xF1, 0x50, 0x80, 0x02, 0x00, 0xFC]) + b"\0" * 9  # 16 bytes long
MP3 = bytes([0xFF, 0xFB, 0x90, 0x00]) + b"\0" * 413  # 128 kbit/s at 44.1 kHz: 417 bytes


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\0\0\0\x20ftypisom" + b"\0" * 32, "mov"),
        (b"\0\0\0\x08wide\0\0\0\x08mdat", "mov"),
        (b"\x1aE\xdf\xa3" + b"\0" * 32, "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"FORM\0\0\0\0AIFFCOMM", "aiff"),
        (b"OggS\0\2", "ogg"),
        (b"fLaC\0\0", "flac"),
        (b"FLV\x01\5", "flv"),
        (b"\0\0\1\xba\x44", "mpeg"),
        ((b"\x47" + b"\0" * 187) * 10, "mpegts"),
        (b"\0" * 40 + (b"\x47" + b"\0" * 187) * 10, "mpegts"),
        ((b"\0\0\0\0\x47" + b"\0" * 187) * 10, "mpegts"),
        (ADTS * 4, "aac"),
        (MP3 * 4, "mp3"),
        (b"ID3\4\0\0\0\0\0\x0a" + b"\0" * 10 + MP3 * 4, "mp3"),
        (b"ID3\4\0\0\0\0\0\x0a" + b"\0" * 10 + ADTS * 4, "aac"),
        (b"ID3\4\0\0\0\0\0\x0a" + b"\0" * 10 + b"fLaC", "flac"),
    ],
)
def test_knows_media_by_content(head: bytes, demuxer: str) -> None:
    assert sniff(head, "x") == demuxer


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "playlist"),
        (b"\xef\xbb\xbf\n #EXTM3U\n", "playlist"),
        (b"ffconcat version 1.0\nfile a.mp4\n", "playlist"),
        (b"[playlist]\nFile1=http://a", "playlist"),
        (b'<?xml version="1.0"?>\n<MPD xmlns="x">', "playlist"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "playlist"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (b"GIF89a\1\0\1\0", "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "image"),
        (b"<svg xmlns='x'/>", "image"),
        (b"hello there\n", "text"),
        ("gr\u00fc\u00dfe \U0001f600".encode(), "text"),
        (b"\x7fELF\2\1\1\0", "not a known kind"),
        (b"PK\3\4\0\0\xff\xfe", "not a known kind"),
        (b"\xff\xfb", "not a known kind"),
        (b"\0" * SNIFF_BYTES, "not a known kind"),
    ],
)
def test_refuses_what_is_no_media_in_one_line(head: bytes, word: str) -> None:
    with pytest.raises(MediaError, match=word) as caught:
        sniff(head, "'x.mp4'")
    assert "\n" not in str(caught.value)
    assert "give" in str(caught.value)
