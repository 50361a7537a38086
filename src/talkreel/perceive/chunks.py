"""Cuts speech into stretches that are recognised one by one, each without its neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from talkreel.core.spans import Span

# Measured with the bundled recogniser: word errors fall up to 15-16 s of context, stay level
# to 20 s and rise at 30 s; the aligner also stays reliable below 20 s.
LONGEST_SECONDS = 16.0
# Where a pause is looked for: from here to LONGEST_SECONDS after the chunk's start.
SHORTEST_SECONDS = 6.0
# A pause this long separates thoughts; waiting for a later one gains nothing.
HARD_PAUSE_SECONDS = 1.2
# Onsets and releases that voice activity misses; never beyond the middle of a pause.
PAD_SECONDS = 0.25


def plan_chunks(voice: Sequence[Span], duration: float) -> tuple[Span, ...]:
    """Chunks of at most ``LONGEST_SECONDS`` (and padding), cut at the longest pauses.

    The plan runs from left to right and looks ahead by one chunk only, so hearing more of a
    talk changes at most the last chunk.

    Args:
        voice: stretches of speech in order, as ``voiced_spans`` gives them.
        duration: seconds of the media; nothing reaches beyond.

    Raises:
        ValueError: the stretches overlap or are out of order.
    """
    for first, second in pairwise(voice):
        if second.start < first.end:
            raise ValueError(f"voiced spans overlap or are out of order: {first} then {second}")
    pieces = [piece for span in voice for piece in _split(span)]
    speech: list[Span] = []
    at = 0
    while at < len(pieces):
        last = _last_of_chunk(pieces, at)
        speech.append(Span(pieces[at].start, pieces[last].end))
        at = last + 1
    return _padded(speech, duration)


def _split(span: Span) -> list[Span]:
    """Even parts of a stretch that is longer than a chunk may be."""
    count = max(1, -int(-span.duration // LONGEST_SECONDS))
    edges = [span.start + i * span.duration / count for i in range(count)] + [span.end]
    return [Span(a, b) for a, b in pairwise(edges)]


def _last_of_chunk(pieces: Sequence[Span], first: int) -> int:
    """Index of the last piece that belongs with ``pieces[first]``."""
    start = pieces[first].start
    at = first
    while at + 1 < len(pieces):
        if pieces[at + 1].start - pieces[at].end >= HARD_PAUSE_SECONDS:
            return at
        if pieces[at + 1].end - start > LONGEST_SECONDS:
            break
        at += 1
    else:
        return at
    late = [i for i in range(first, at + 1) if pieces[i].end - start >= SHORTEST_SECONDS]
    return max(late or [at], key=lambda i: (pieces[i + 1].start - pieces[i].end, i))


def _padded(speech: Sequence[Span], duration: float) -> tuple[Span, ...]:
    chunks: list[Span] = []
    for i, span in enumerate(speech):
        low = (speech[i - 1].end + span.start) / 2 if i else 0.0
        high = (span.end + speech[i + 1].start) / 2 if i + 1 < len(speech) else duration
        # Whole milliseconds: they come back the same from JSON.
        start = round(max(low, span.start - PAD_SECONDS), 3)
        end = min(round(min(high, span.end + PAD_SECONDS), 3), math.floor(duration * 1000) / 1000)
        if end > start:
            chunks.append(Span(start, end))
    return tuple(chunks)
