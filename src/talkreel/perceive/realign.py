"""Words of a subtitle file moved to where they are spoken, by forced alignment (English)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.transcript import Transcript, Word
from talkreel.media.audio import Audio
from talkreel.perceive.align import AlignedWord
from talkreel.perceive.speech_pool import SpeechPool
from talkreel.perceive.speech_worker import parse_words

# Longer runs leave fewer ends at which a cue's own, inexact time matters.
_LONGEST_SECONDS = 12.0
_LONGEST_GAP_SECONDS = 1.0
# Cue times are set by hand: speech may begin this much before and end after them.
_REACH_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class _Run:
    """Words ``first:last`` of a transcript, spoken somewhere inside ``sound``."""

    first: int
    last: int
    sound: Span


def align_transcript(
    transcript: Transcript,
    audio: Audio,
    *,
    workers: int | None = None,
    progress: Progress = silent,
) -> Transcript:
    """The same words with the times at which they are heard, where they can be found.

    Only words flagged ``interpolated`` move, and only in English; where no alignment exists
    the words keep the times they had.
    """
    progress(0.0)
    runs = list(_runs(transcript.words)) if transcript.language == "en" else []
    if not runs:
        progress(1.0)
        return transcript
    words = list(transcript.words)
    requests = (
        (
            {"task": "align", "words": [word.text for word in words[run.first : run.last]]},
            audio.samples(run.sound),
        )
        for run in runs
    )
    aligned: list[tuple[_Run, tuple[AlignedWord, ...]]] = []
    with SpeechPool(workers) as pool:
        for run, found in zip(runs, pool.map(requests, parse_words), strict=True):
            aligned.append((run, found))
            progress(len(aligned) / len(runs))
    for run, found in aligned:
        if not all(word.interpolated for word in found):
            _move(words, run, found)
    return replace(transcript, words=_untangled(words, audio.duration))


def _runs(words: Sequence[Word]) -> Iterator[_Run]:
    """Interpolated words in runs, cut at sentence ends and gaps where there is a choice."""
    first = 0
    while first < len(words):
        if not words[first].interpolated:
            first += 1
            continue
        last = first + 1
        best = None
        while last < len(words) and words[last].interpolated:
            before, word = words[last - 1], words[last]
            if word.span.start - before.span.end > _LONGEST_GAP_SECONDS:
                best = last
                break
            if word.span.end - words[first].span.start > _LONGEST_SECONDS:
                best = best or last
                break
            if before.ends_sentence or word.span.start > before.span.end:
                best = last
            last += 1
        else:
            best = last
        yield _Run(first, best, _sound(words, first, best))
        first = best


def _sound(words: Sequence[Word], first: int, last: int) -> Span:
    start, end = words[first].span.start, words[last - 1].span.end
    return Span(max(0.0, start - _REACH_SECONDS), end + _REACH_SECONDS)


def _move(words: list[Word], run: _Run, found: Sequence[AlignedWord]) -> None:
    for i, at in enumerate(found):
        words[run.first + i] = replace(
            words[run.first + i],
            span=_rounded(at.span.shift(run.sound.start)),
            interpolated=at.interpolated,
        )


def _rounded(span: Span) -> Span:
    return Span(round(span.start, 3), round(span.end, 3))


def _untangled(words: Sequence[Word], duration: float) -> tuple[Word, ...]:
    """Neighbouring runs may reach into each other: words start in order and do not overlap."""
    bounds = Span(0.0, duration)
    starts = [0.0]
    for word in words:
        starts.append(max(starts[-1], word.span.clamp(bounds).start))
    edges = [*starts[1:], duration]
    return tuple(
        replace(word, span=Span(start, min(max(start, word.span.end), after)))
        for word, (start, after) in zip(words, pairwise(edges), strict=True)
    )
