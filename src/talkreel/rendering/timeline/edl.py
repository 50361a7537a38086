"""CMX 3600 edit decision list: the cuts alone, on one picture and one sound track."""

from __future__ import annotations

from collections.abc import Iterator

from talkreel.rendering.timeline.records import Piece, Timeline, timecode

_FIRST_HOUR = 1


def to_edl(timeline: Timeline) -> str:
    """The timeline as an EDL that starts at one hour; captions are locators.

    Only cuts travel: the format has no frame size, no second picture track and no moves.
    """
    drop = timeline.drop_frame
    mode = "DROP FRAME" if drop else "NON-DROP FRAME"
    lines = [f"TITLE: {_line(timeline.name)[:70]}", f"FCM: {mode}", ""]
    lines += _events(timeline)
    return "\n".join(lines) + "\n"


def _events(timeline: Timeline) -> Iterator[str]:
    zero = _first_frame(timeline)
    channels = "AA/V" if timeline.pictures and timeline.sounds else "V"
    if not timeline.pictures:
        channels = "AA"
    pieces = _cuts(timeline)
    for number, piece in enumerate(pieces, start=1):
        source = _pair(timeline, piece.source, piece.frames)
        record = _pair(timeline, zero + piece.start, piece.frames)
        yield f"{number:03d}  AX       {channels:<5} C        {source} {record}"
        yield f"* FROM CLIP NAME: {_line(timeline.media.path.name)}"
        yield f"* SOURCE FILE: {_line(str(timeline.media.path))}"
        for mark in timeline.marks:
            if piece.start <= mark.start < piece.end:
                yield f"* LOC: {_code(timeline, zero + mark.start)} WHITE   {_line(mark.text)}"


def _cuts(timeline: Timeline) -> list[Piece]:
    """Cuts of the clip; a crop that only jumps is none here."""
    if timeline.sounds:
        return list(timeline.sounds)
    merged: list[Piece] = []
    for piece in timeline.pictures:
        if piece.track > 1:
            continue
        last = merged[-1] if merged else None
        if last and last.end == piece.start and last.source + last.frames == piece.source:
            frames = last.frames + piece.frames
            merged[-1] = Piece(1, last.start, frames, last.source)
        else:
            merged.append(Piece(1, piece.start, piece.frames, piece.source))
    return merged


def _first_frame(timeline: Timeline) -> int:
    """Frames that timecode 01:00:00:00 counts from zero."""
    whole = timeline.timebase * 3600 * _FIRST_HOUR
    return whole - (timeline.timebase // 15) * 54 * _FIRST_HOUR if timeline.drop_frame else whole


def _pair(timeline: Timeline, first: int, frames: int) -> str:
    return f"{_code(timeline, first)} {_code(timeline, first + frames)}"


def _code(timeline: Timeline, frame: int) -> str:
    return timecode(frame, timeline.timebase, drop_frame=timeline.drop_frame)


def _line(text: str) -> str:
    return " ".join(text.split())
