"""Where a clip begins and ends: room around the speech, never into a neighbour's word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Word

# A shot time is the first frame's own time; this keeps the ends of a clip on their side of it
# through rounding of time stamps (MP4 and Matroska round to a millisecond at worst).
CUT_MARGIN_SECONDS = 0.002
_EPS = 1e-6


def snap_span(
    span: Span,
    words: Sequence[Word],
    shots: Sequence[Shot],
    bounds: Span,
    *,
    pre_roll: float,
    post_roll: float,
    frame_rate: Fraction,
) -> Span:
    """``span`` with room around its speech, a whole number of frames long.

    The room takes at most half of the pause to the neighbouring word and stays in
    ``bounds``. Where the picture cuts inside that room the clip begins or ends at the cut,
    so no flash of another shot is left.

    Args:
        span: whole sentences, source clock.
        words: of the whole transcript, in order.
        shots: of the whole media.
        bounds: what can be played.
        pre_roll: seconds wanted before the first word.
        post_roll: seconds wanted after the last word.
        frame_rate: of the canvas.

    Raises:
        ValueError: ``span`` lies outside ``bounds``.
    """
    speech = _speech(span, words).clamp(bounds)
    if speech.duration <= 0:
        raise ValueError(f"the span {span.start:.3f}..{span.end:.3f} s lies outside the media")
    before, after = _neighbours(speech, span, words, bounds)
    start = max(speech.start - pre_roll, speech.start - (speech.start - before) / 2)
    end = min(speech.end + post_roll, speech.end + (after - speech.end) / 2)
    if before == bounds.start:
        start = max(bounds.start, speech.start - pre_roll)
    if after == bounds.end:
        end = min(bounds.end, speech.end + post_roll)
    cuts = [shot.span.start for shot in shots]
    start = max([start, *(c + CUT_MARGIN_SECONDS for c in cuts if start < c < speech.start)])
    end = min([end, *(c - CUT_MARGIN_SECONDS for c in cuts if speech.end < c < end)])
    start, end = min(start, speech.start), max(end, speech.end)
    return whole_frames(Span(start, end), speech, Span(before, after), frame_rate)


def whole_frames(span: Span, speech: Span, limits: Span, frame_rate: Fraction) -> Span:
    """``span`` with a length of whole frames: shortened, unless that would cut ``speech``.

    If shortening cuts the speech it is lengthened inside ``limits``, at the end or else at
    the start; only where there is no room at all up to a frame of speech is lost.
    """
    rate = float(frame_rate)
    count = math.floor(span.duration * rate + _EPS)
    start = span.start
    if count < 1 or start + count / rate < speech.end - _EPS:
        count += 1
        beyond = start + count / rate - limits.end
        if beyond > _EPS:
            if start - beyond >= limits.start - _EPS:
                start = max(limits.start, start - beyond)
            else:
                count = max(1, count - 1)
    return Span(start, start + count / rate)


def _speech(span: Span, words: Sequence[Word]) -> Span:
    """``span`` grown to the whole of the words whose middle it holds."""
    inside = [word.span for word in words if span.contains(word.span.middle)]
    start = min([span.start, *(s.start for s in inside)])
    end = max([span.end, *(s.end for s in inside)])
    return Span(start, end)


def _neighbours(
    speech: Span, span: Span, words: Sequence[Word], bounds: Span
) -> tuple[float, float]:
    """End of the last word before and start of the first word after, held to ``bounds``."""
    outside = [word.span for word in words if not span.contains(word.span.middle)]
    before = [s.end for s in outside if s.middle < span.start]
    after = [s.start for s in outside if s.middle >= span.end]
    first = max([bounds.start, *before])
    last = min([bounds.end, *after])
    return min(first, speech.start), max(last, speech.end)
