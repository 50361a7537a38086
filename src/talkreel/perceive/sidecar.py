"""A transcript file beside the video: it always wins over recognition."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from talkreel.core.errors import SchemaError, TranscriptError
from talkreel.core.jsonio import read_document
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.perceive.language import is_english_text
from talkreel.perceive.subtitles import attach_marks, in_sequence, read_cues, spread, words_of

SCHEMA = "transcript/1"
# JSON first: it can carry times and probabilities of single words.
SUFFIXES = (".json", ".vtt", ".srt")
MAX_BYTES = 64 << 20
# Cues commonly stay on screen a little after the last word.
MAX_OVERHANG_SECONDS = 2.0
# Less of the media than this covered, and more than that left over: another cut of the talk.
_MIN_COVERED = 0.4
_MAX_UNCOVERED_SECONDS = 120.0
# The fastest talkers stay below 7 words a second; over a whole file nobody exceeds this.
_MAX_WORDS_PER_SECOND = 10.0


def find_sidecar(media_path: Path) -> Path | None:
    """``talk.json``, ``talk.vtt`` or ``talk.srt`` beside ``talk.mp4``, or None.

    A JSON file counts only when it looks like a transcript: others keep their metadata there.
    """
    path = Path(media_path)
    for suffix in SUFFIXES:
        for spelling in (suffix, suffix.upper()):
            candidate = path.with_name(path.stem + spelling)
            if candidate.is_file() and (suffix != ".json" or _is_transcript_json(candidate)):
                return candidate
    return None


def read_transcript(path: Path, media_duration: float) -> Transcript:
    """Words of a SubRip, WebVTT or JSON transcript, with times inside the media.

    JSON is either a ``transcript/1`` document or what Whisper tools write: ``segments`` with
    ``words`` (``word``, ``start``, ``end``, ``probability``), or ``words`` alone.

    Raises:
        TranscriptError: unreadable, garbled, without words, or of other length than the media.
        ValueError: ``media_duration`` is not positive.
    """
    if not media_duration > 0:
        raise ValueError(f"media_duration must be positive, got {media_duration}")
    path = Path(path)
    text = _read_text(path)
    if text.lstrip().startswith(("{", "[")):
        transcript = _read_json(path, text)
    else:
        words = words_of(read_cues(text))
        if not words:
            raise TranscriptError(
                f"{path} holds no words with times: give SubRip (.srt), WebVTT (.vtt) or "
                "JSON (.json)"
            )
        language = "en" if is_english_text(word.text for word in words) else "und"
        transcript = Transcript(language, words)
    words = _inside(path, transcript.words, media_duration)
    return replace(transcript, words=words, source=f"sidecar:{path.name}")


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise TranscriptError(f"cannot read transcript {path}: {error.strerror}") from error
    if size > MAX_BYTES:
        raise TranscriptError(f"transcript {path} is larger than {MAX_BYTES >> 20} MB")
    encodings = ["utf-8-sig", "cp1252"]  # the latter is what old subtitle tools write
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise TranscriptError(f"transcript {path} is not text: save it as UTF-8")


def _is_transcript_json(path: Path) -> bool:
    try:
        data = json.loads(_read_text(path))
    except (TranscriptError, ValueError, RecursionError):
        return False
    if not isinstance(data, dict):
        return False
    named = str(data.get("schema", "")).startswith("transcript/")
    return named or any(isinstance(data.get(key), list) for key in ("segments", "words"))


def _read_json(path: Path, text: str) -> Transcript:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"transcript {path} is not JSON: {error}") from error
    try:
        if isinstance(data, dict) and "schema" in data:
            return read_document(Transcript, data, SCHEMA)
        words, language = _whisper_words(data)
    except (SchemaError, ValueError, TypeError, KeyError) as error:
        raise TranscriptError(f"transcript {path} cannot be understood: {error}") from error
    if not words:
        raise TranscriptError(f"transcript {path} holds no words with times")
    if not language:
        language = "en" if is_english_text(word.text for word in words) else "und"
    return Transcript(language, words)


def _whisper_words(data: Any) -> tuple[tuple[Word, ...], str]:
    segments = _list(data if isinstance(data, list) else data.get("segments", []))
    language = "" if isinstance(data, list) else str(data.get("language") or "")
    words: list[Word] = []
    for segment in segments:
        words.extend(_segment_words(_object(segment)))
    if not words and isinstance(data, dict):
        words = _listed_words(_list(data.get("words", [])), None)
    return in_sequence(words), _LANGUAGE_NAMES.get(language.lower(), language.lower())


_LANGUAGE_NAMES = {
    "english": "en",
    "spanish": "es",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "russian": "ru",
    "hindi": "hi",
    "chinese": "zh",
    "japanese": "ja",
}


def _segment_words(segment: dict[str, Any]) -> list[Word]:
    speaker = segment.get("speaker")
    label = str(speaker) if speaker is not None else None
    if segment.get("words"):
        bounds = None
        if "start" in segment and "end" in segment:
            bounds = Span(_number(segment["start"]), _number(segment["end"]))
        return _listed_words(_list(segment["words"]), label, bounds)
    texts = attach_marks(str(segment.get("text", "")).split())
    if not texts:
        return []
    span = Span(_number(segment["start"]), _number(segment["end"]))
    return [
        Word(text, at, speaker=label, interpolated=True)
        for text, at in zip(texts, spread(texts, span), strict=True)
    ]


def _listed_words(
    items: Sequence[Any], speaker: str | None, bounds: Span | None = None
) -> list[Word]:
    """Words with times; those without (some tools leave digits untimed) fill the gaps."""
    words: list[Word] = []
    untimed: list[str] = []
    at = bounds.start if bounds else None
    for item in map(_object, items):
        text = str(item.get("word", item.get("text", ""))).strip()
        if not text:
            continue
        if item.get("start") is None or item.get("end") is None:
            untimed.append("".join(text.split()))
            continue
        span = Span(_number(item["start"]), _number(item["end"]))
        words.extend(_fill(untimed, at if at is not None else span.start, span.start, speaker))
        untimed = []
        sure = item.get("probability", item.get("score", item.get("confidence")))
        confidence = 1.0 if sure is None else min(1.0, max(0.0, _number(sure)))
        own = str(item["speaker"]) if item.get("speaker") is not None else speaker
        words.extend(
            Word(part, place, confidence, own, len(text.split()) > 1)
            for part, place in zip(text.split(), spread(text.split(), span), strict=True)
        )
        at = span.end
    if untimed:
        start = at if at is not None else 0.0
        words.extend(_fill(untimed, start, bounds.end if bounds else start, speaker))
    return words


def _fill(texts: Sequence[str], start: float, end: float, speaker: str | None) -> list[Word]:
    if not texts:
        return []
    spans = spread(texts, Span(start, max(start, end)))
    return [
        Word(text, span, speaker=speaker, interpolated=True)
        for text, span in zip(texts, spans, strict=True)
    ]


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {str(value)[:40]!r}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list, got {str(value)[:40]!r}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"expected a number, got {str(value)[:40]!r}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, got {value}")
    return number


def _inside(path: Path, words: Sequence[Word], duration: float) -> tuple[Word, ...]:
    """The words clamped to the media, once they are known to belong to it."""
    if not words:
        raise TranscriptError(f"transcript {path} holds no words")
    first, last = words[0].span.start, max(word.span.end for word in words)
    if first < 0 or last > duration + MAX_OVERHANG_SECONDS:
        raise TranscriptError(
            f"transcript {path} runs from {_clock(first)} to {_clock(last)} but the media is "
            f"{_clock(duration)} long: give the transcript of this very file"
        )
    if last < _MIN_COVERED * duration and duration - last > _MAX_UNCOVERED_SECONDS:
        raise TranscriptError(
            f"transcript {path} ends at {_clock(last)} but the media is {_clock(duration)} "
            "long: give the transcript of the whole file"
        )
    if len(words) > _MAX_WORDS_PER_SECOND * max(1.0, last - first):
        raise TranscriptError(
            f"transcript {path} has {len(words)} words in {last - first:.0f} s, more than "
            "anybody can say: its times are wrong"
        )
    bounds = Span(0.0, duration)
    return tuple(
        replace(word, span=word.span.clamp(bounds)) for word in words if word.span.start < duration
    )


def _clock(seconds: float) -> str:
    sign = "-" if seconds < 0 else ""
    minutes, rest = divmod(abs(seconds), 60)
    return f"{sign}{int(minutes)}:{rest:04.1f}"
