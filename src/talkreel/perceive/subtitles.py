"""SubRip and WebVTT to words: cues, styling, speakers, times of single words."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest

from talkreel.core.spans import Span
from talkreel.core.transcript import Word

_CLOCK = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[,.](\d{1,3})"
_TIMING = re.compile(rf"^\s*{_CLOCK}\s*-+>\s*{_CLOCK}")
_STAMP = re.compile(rf"<{_CLOCK}>")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?[A-Za-z][^>]*>|</>|\{\\[^}]*\}|\{/?[biuBIU]\}")
_NOT_SPOKEN = re.compile(r"\[[^\]]*\]|[♪♫]+")
_ASIDE = re.compile(r"^\s*\([^()]*\)\s*$")
_CAPITALS = re.compile(r"^([A-Z][A-Z0-9 .'-]{0,30}[A-Z0-9.]):(?:\s+|$)")
_NAME = re.compile(r"^((?:[A-Z][\w.'-]*)(?: [A-Z0-9][\w.'-]*){0,2}):\s+")
_DASH = re.compile(r"^\s*(?:[-–—]\s*|>>+\s*)")
_SKIPPED_BLOCKS = ("NOTE", "STYLE", "REGION")
# Between two stamps a word lasts no longer than this: the rest is a pause.
_LONGEST_WORD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Cue:
    """Text shown for a while.

    Attributes:
        span: when it is shown.
        lines: as written, tags included.
    """

    span: Span
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of words inside a cue; ``start`` is None when only the cue's time is known."""

    words: tuple[str, ...]
    start: float | None
    speaker: str | None


def read_cues(text: str) -> list[Cue]:
    """Cues of SubRip or WebVTT text in order of start; numbers, notes and styles left out.

    Cues that end before they start are left out.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cues: list[Cue] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(_SKIPPED_BLOCKS) and "-->" not in line:
            while at < len(lines) and lines[at].strip():
                at += 1
        timing = _TIMING.match(line) if at < len(lines) else None
        at += 1
        if timing is None:
            continue
        body = []
        while at < len(lines) and lines[at].strip() and not _TIMING.match(lines[at]):
            body.append(lines[at].strip())
            at += 1
        if at < len(lines) and _TIMING.match(lines[at]) and body and body[-1].isdigit():
            body.pop()  # no blank line before the next cue's number
        start, end = _seconds(timing.groups()[:4]), _seconds(timing.groups()[4:])
        if end >= start:
            cues.append(Cue(Span(start, end), tuple(body)))
    return sorted(cues, key=lambda cue: cue.span.start)


def words_of(cues: Sequence[Cue]) -> tuple[Word, ...]:
    """Words with times; interpolated where only the cue's time is known.

    Tags, styling and descriptions of sound in brackets are left out; ``NAME:``, ``>>`` and
    ``<v Name>`` become speakers.
    """
    cues = _without_rolling(cues)
    names = _names(cues)
    words: list[Word] = []
    speaker: str | None = None
    for cue, following in zip_longest(cues, cues[1:]):
        pieces: list[_Piece] = []
        for piece in _pieces(cue, names, speaker):
            pieces.append(piece)
            speaker = piece.speaker
        end = cue.span.end
        if following is not None and cue.span.start < following.span.start < end:
            end = following.span.start
        if _VOICE.search(" ".join(cue.lines)):
            speaker = None  # voice tags hold for their cue only
        words.extend(_timed(pieces, Span(cue.span.start, end)))
    return in_sequence(words)


def in_sequence(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words without overlaps: each ends no later than the next one starts."""
    ordered = sorted(words, key=lambda word: word.span.start)
    return tuple(
        word
        if after is None or word.span.end <= after.span.start
        else replace(word, span=Span(word.span.start, after.span.start))
        for word, after in zip_longest(ordered, ordered[1:])
    )


def spread(texts: Sequence[str], span: Span) -> list[Span]:
    """Times for words spoken evenly over ``span``, long words longer."""
    lengths = [len(text) + 1 for text in texts]
    total = sum(lengths)
    edges = [span.start]
    for length in lengths:
        edges.append(edges[-1] + span.duration * length / total)
    edges[-1] = span.end
    return [Span(a, max(a, b)) for a, b in pairwise(edges)]


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    assert fraction is not None
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + float(f"0.{fraction}")


def _plain(line: str) -> str:
    text = html.unescape(_TAG.sub("", _STAMP.sub("", line)))
    return _NOT_SPOKEN.sub(" ", text).strip()


def _without_rolling(cues: Sequence[Cue]) -> list[Cue]:
    """Live captions show the last line again above the new one: keep each line once."""
    if not any(_STAMP.search(line) for cue in cues for line in cue.lines):
        return list(cues)
    kept: list[Cue] = []
    last: list[str] = []
    for cue in cues:
        plain = [_plain(line) for line in cue.lines]
        repeated = 0
        while repeated < len(plain) and plain[repeated] in last:
            repeated += 1
        fresh = cue.lines[repeated:]
        if fresh:
            kept.append(Cue(cue.span, fresh))
        last = [line for line in plain if line] or last
    return kept


def _names(cues: Sequence[Cue]) -> frozenset[str]:
    """Mixed-case labels that occur at least twice: ``Bob:`` is one, ``Remember:`` is not."""
    found = [_NAME.match(_plain(line)) for cue in cues for line in cue.lines]
    counts = Counter(match[1] for match in found if match)
    return frozenset(name for name, count in counts.items() if count > 1)


def _pieces(cue: Cue, names: frozenset[str], speaker: str | None) -> Iterator[_Piece]:
    for line in cue.lines:
        voice = _VOICE.search(line)
        if voice:
            speaker = html.unescape(voice[1]).strip()
        text = line
        if not _ASIDE.match(_plain(text)):
            speaker, text = _label(text, names, speaker)
            yield from _stamped(text, speaker)


def _label(line: str, names: frozenset[str], speaker: str | None) -> tuple[str | None, str]:
    """The speaker from here on, and the line without the label."""
    text = html.unescape(_TAG.sub("", line)).lstrip()
    dashed = _DASH.match(text)
    if dashed:
        text = text[dashed.end() :]
        speaker = None
    label = _CAPITALS.match(text) or _NAME.match(text)
    if label and (_CAPITALS.match(text) or label[1] in names):
        return label[1].strip(), text[label.end() :]
    return speaker, text


def _stamped(text: str, speaker: str | None) -> Iterator[_Piece]:
    """Runs of words between the stamps of a line."""
    start: float | None = None
    at = 0
    for stamp in [*_STAMP.finditer(text), None]:
        part = _NOT_SPOKEN.sub(" ", text[at : stamp.start() if stamp else len(text)])
        words = tuple(attach_marks(part.split()))
        if words:
            yield _Piece(words, start, speaker)
        if stamp:
            start, at = _seconds(stamp.groups()), stamp.end()


def attach_marks(words: Sequence[str]) -> list[str]:
    """Words with free-standing punctuation (`` — ``) joined to the word before it."""
    joined: list[str] = []
    for word in words:
        if any(c.isalnum() for c in word) or any(c in "%&+=@$€£" for c in word):
            joined.append(word)
        elif joined:
            joined[-1] += word
    return joined


def _timed(pieces: Sequence[_Piece], span: Span) -> Iterator[Word]:
    """Words of one cue; unstamped runs share the time that is left to them."""
    stamps = any(piece.start is not None for piece in pieces)
    if not stamps:
        flat = [(word, piece.speaker) for piece in pieces for word in piece.words]
        spans = spread([word for word, _ in flat], span) if flat else []
        for (word, speaker), at in zip(flat, spans, strict=True):
            yield Word(word, at, speaker=speaker, interpolated=True)
        return
    starts = [span.start if p.start is None else max(span.start, p.start) for p in pieces]
    for piece, start, end in zip(pieces, starts, [*starts[1:], span.end], strict=True):
        longest = start + _LONGEST_WORD_SECONDS * len(piece.words)
        until = max(start, min(end, longest))
        guessed = len(piece.words) > 1
        for word, at in zip(piece.words, spread(piece.words, Span(start, until)), strict=True):
            yield Word(word, at, speaker=piece.speaker, interpolated=guessed)
