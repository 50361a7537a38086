"""Which demuxer a file needs, from its first bytes alone: names are never trusted."""

from __future__ import annotations

from collections.abc import Callable

from talkreel.core.errors import MediaError

SNIFF_BYTES = 64 * 1024
ALLOWED = (
    "mp4, mov, m4a, mkv, webm, avi, ts, mpg, flv, wmv, mxf, ogg, wav, flac, mp3, aac, aiff, caf"
)

_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"FLV\x01", "flv"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "mxf"),
    (b"caff", "caf"),
    (b"#!AMR", "amr"),
)
_IMAGES: tuple[bytes, ...] = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"\xff\x0a",
    b"\x00\x00\x00\x0cJXL ",
    b"\x00\x00\x00\x0cjP  ",
    b"8BPS",
)
_PLAYLISTS: tuple[bytes, ...] = (
    b"#extm3u",
    b"ffconcat",
    b"[playlist]",
    b"#ext-x-",
    b"<smil",
    b"<asx",
    b"<mpd",
    b"[reference]",
    b"v=0",
)
_MOV_BOXES = frozenset(
    [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp", b"pnot", b"sidx"]
)
_IMAGE_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"avif", b"mif1", b"mif2", b"jpeg"])
_CHUNKED = {b"AVI ": "avi", b"WAVE": "wav", b"AIFF": "aiff", b"AIFC": "aiff"}


def sniff(head: bytes, name: str) -> str:
    """The libavformat demuxer for a file that begins with ``head``.

    Args:
        head: the first ``SNIFF_BYTES`` bytes, or all of a shorter file.
        name: how the message calls the file.

    Raises:
        MediaError: an image, a playlist, text, or bytes of no allowed kind.
    """
    demuxer = _known(head)
    if demuxer is not None:
        return demuxer
    if _is_image(head):
        raise MediaError(f"{name} is an image, not video or sound: give a video ({ALLOWED})")
    if _is_playlist(head):
        raise MediaError(
            f"{name} is a playlist that points to other files, which is never followed: "
            "give the media file itself"
        )
    if _is_text(head):
        raise MediaError(f"{name} holds text, not video or sound: give one of {ALLOWED}")
    raise MediaError(f"{name} is not a known kind of video or sound: give one of {ALLOWED}")


def _known(head: bytes) -> str | None:
    for prefix, demuxer in _PREFIXES:
        if head.startswith(prefix):
            return demuxer
    if head[4:8] in _MOV_BOXES:
        return None if head[8:12] in _IMAGE_BRANDS and head[4:8] == b"ftyp" else "mov"
    if head[:4] in (b"RIFF", b"RF64", b"RIFX", b"FORM", b"BW64"):
        return _CHUNKED.get(head[8:12])
    if _is_transport_stream(head):
        return "mpegts"
    return _raw_sound(head)


def _is_transport_stream(head: bytes) -> bool:
    # Packets of 188 bytes begin with 0x47; Blu-ray puts 4 bytes before each, some broadcasts
    # 16 bytes of parity after. Recordings may start in the middle of a packet.
    for size in (188, 192, 204):
        for offset in range(size):
            marks = head[offset : offset + size * 8 : size]
            if len(marks) >= 5 and marks == b"\x47" * len(marks):
                return True
    return False


def _raw_sound(head: bytes) -> str | None:
    """MP3, ADTS AAC and FLAC, behind an ID3 tag or bare."""
    if head[:3] == b"ID3" and len(head) > 10:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | (byte & 0x7F)
        after = head[10 + size :]
        if after.startswith(b"fLaC"):
            return "flac"
        return "aac" if _is_adts(after) else "mp3"
    if _is_adts(head):
        return "aac"
    return "mp3" if _is_mp3(head) else None


def _is_adts(head: bytes) -> bool:
    return _frames_follow(head, _adts_length)


def _is_mp3(head: bytes) -> bool:
    return _frames_follow(head, _mp3_length)


def _frames_follow(head: bytes, length_at: Callable[[bytes, int], int], wanted: int = 3) -> bool:
    """Whether ``wanted`` frames, or all that fit, follow each other from the first byte."""
    position, seen = 0, 0
    while position + 7 <= len(head) and seen < wanted:
        length = length_at(head, position)
        if not length:
            return False
        position += length
        seen += 1
    return seen > 0


def _adts_length(head: bytes, at: int) -> int:
    """Bytes of the ADTS frame at ``at`` (ISO 13818-7, 6.2), or 0."""
    if head[at] != 0xFF or head[at + 1] & 0xF6 != 0xF0:
        return 0
    length = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
    return length if length >= 7 else 0


_MP3_KBITS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_length(head: bytes, at: int) -> int:
    """Bytes of the MPEG audio layer III frame at ``at`` (ISO 11172-3, 2.4.2.3), or 0."""
    if head[at] != 0xFF or head[at + 1] & 0xE6 != 0xE2:
        return 0
    version, rate, hertz = head[at + 1] >> 3 & 3, head[at + 2] >> 4, head[at + 2] >> 2 & 3
    if version == 1 or rate in (0, 15) or hertz == 3:
        return 0
    kbits = _MP3_KBITS[1 if version == 3 else 2][rate]
    samples = 144 if version == 3 else 72
    return samples * kbits * 1000 // _MP3_HZ[version][hertz] + (head[at + 2] >> 1 & 1)


def _is_image(head: bytes) -> bool:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return True
    if head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS:
        return True
    return head.startswith(_IMAGES) or b"<svg" in head[:1024]


def _is_playlist(head: bytes) -> bool:
    text = head[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return text.startswith(_PLAYLISTS) or (text.startswith(b"<?xml") and b"<mpd" in text)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < SNIFF_BYTES else "ignore")
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\t\r\n\f" for c in text)
