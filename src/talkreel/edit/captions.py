"""Captions: cues of a few words, broken at phrases, clear of the platforms and of faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from talkreel.core.edits import (
    Box,
    Canvas,
    CaptionCue,
    Captions,
    CaptionStyle,
    CaptionWord,
    join_words,
)
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.mending import played_words
from talkreel.edit.phrases import LineLimits, into_cues
from talkreel.edit.placement import CueBlock, choose_bands
from talkreel.edit.safe_area import caption_bands, safe_area
from talkreel.edit.scripts import split_unspaced
from talkreel.media.fonts import font_for, text_width

FacesAt = Callable[[float], Sequence[Box]]
"""Boxes of the visible faces on the canvas (shares) at a source second."""

# A silence this long takes the caption off the screen.
CUE_GAP_SECONDS = 0.8
# A cue stays this long after its last word, so that it does not blink.
CUE_HOLD_SECONDS = 0.35
_LEAST_WORD_SECONDS = 0.02
# A style is made this much smaller at most for one long word; then the word is broken.
_SMALLEST_SCALE = 0.7
# Measured widths agree with libass to well under this; it keeps text off the very edge.
_WIDTH_MARGIN = 0.97
# As the renderer draws: distance of lines, and how far a plate reaches beyond its text, in em.
LINE_HEIGHT_EM = 1.2
_PLATE_ACROSS_EM = 0.38
_PLATE_DOWN_EM = 0.16
_REFERENCE = 4.0 / 3.0


def make_captions(
    words: Sequence[Word],
    kept: Sequence[Span],
    style: CaptionStyle,
    canvas: Canvas,
    *,
    faces_at: FacesAt | None = None,
    changes: Sequence[float] = (),
) -> Captions | None:
    """Captions for the words inside ``kept``; None when there is none.

    Args:
        words: of the transcript, in order of time.
        kept: what is played, source clock.
        style: how they should look; made smaller, or given the fallback font, if need be.
        canvas: they are drawn on.
        faces_at: visible faces on the canvas; the text keeps off them where it can.
        changes: source seconds at which the picture changes: only there may the text move up
            or down.
    """
    shown = caption_words(words, kept)
    return lay_out(shown, kept, style, canvas, faces_at=faces_at, changes=changes)


def lay_out(
    shown: Sequence[CaptionWord],
    kept: Sequence[Span],
    style: CaptionStyle,
    canvas: Canvas,
    *,
    faces_at: FacesAt | None = None,
    changes: Sequence[float] = (),
) -> Captions | None:
    """The same for words that are caption words already (``make_captions`` has the terms)."""
    if not shown:
        return None
    shown = split_unspaced(shown)
    style = fit_style(style, canvas, [word.text for word in shown])
    limit = line_limit(style, canvas)
    untils = [*(word.span.start for word in shown[1:]), shown[-1].span.end]
    shown = [
        part
        for word, until in zip(shown, untils, strict=True)
        for part in _broken(word, until, style, limit)
    ]
    limits = LineLimits(limit, style.words_per_cue, lambda text: text_width(text, style))
    groups: list[list[list[CaptionWord]]] = []
    for run in _runs(shown, kept):
        texts, starts = [w.text for w in run], [w.span.start for w in run]
        glued = [w.glued for w in run] if any(w.glued for w in run) else None
        cues = into_cues(texts, starts, limits, glued)
        groups += [[list(run[a:b]) for a, b in lines] for lines in cues]
    spans = _cue_spans(groups, kept)
    blocks = [
        CueBlock(span, len(lines), max(line_width(line, style, canvas) for line in lines))
        for span, lines in zip(spans, groups, strict=True)
    ]
    bands = caption_bands(canvas, block_height(style, 2), edge_height(style))
    tops = choose_bands(blocks, bands, block_height(style, 1), faces_at, changes)
    cues_out = tuple(
        CaptionCue(span, tuple(tuple(line) for line in lines), top)
        for span, lines, top in zip(spans, groups, tops, strict=True)
    )
    return Captions(style, cues_out)


def fit_style(style: CaptionStyle, canvas: Canvas, texts: Sequence[str]) -> CaptionStyle:
    """``style`` for a canvas and the words it must hold.

    Sizes of the named styles are meant for a 9:16 canvas; on others they follow the square
    root of the area, so text looks equally large. A word wider than the safe area makes the
    whole style smaller, so that all cues match.
    """
    style = font_for(style, texts)
    scale = _REFERENCE * (canvas.width / canvas.height) ** 0.5
    style = _scaled(style, scale)
    widest = max(text_width(text, style) for text in texts)
    room = line_limit(style, canvas)
    if widest > room:
        style = _scaled(style, max(_SMALLEST_SCALE, room / widest))
    return style


def line_limit(style: CaptionStyle, canvas: Canvas) -> float:
    """Widest line in em that stays inside the safe area with its outline or plate."""
    em_px = style.size * canvas.height
    plate_px = _PLATE_ACROSS_EM * em_px if style.plate_colour else 0.0
    edge_px = max((style.outline + style.shadow) * canvas.height, plate_px)
    safe_px = safe_area(canvas).width * canvas.width - 2 * edge_px
    return _WIDTH_MARGIN * safe_px / em_px


def block_height(style: CaptionStyle, lines: int) -> float:
    """Height of a text block without its edge, as a share of the canvas height."""
    return lines * LINE_HEIGHT_EM * style.size


def edge_height(style: CaptionStyle) -> float:
    """How far outline, shadow or plate reach above and below a block (share of the height)."""
    plate = _PLATE_DOWN_EM * style.size if style.plate_colour else 0.0
    return max(style.outline + style.shadow, plate)


def caption_words(words: Sequence[Word], kept: Sequence[Span]) -> list[CaptionWord]:
    """The words played, each cut to its kept span, starts strictly ascending.

    Two people talking at once give words with equal starts; they are set a hair apart, so
    that every word gets its moment.
    """
    shown: list[CaptionWord] = []
    earliest = kept[0].start
    for word in played_words(words, kept):
        home = next((span for span in kept if span.contains(word.span.middle)), None)
        if home is None:
            continue
        last = home.end - _LEAST_WORD_SECONDS
        start = min(max(word.span.start, home.start, earliest), max(last, earliest))
        end = min(home.end, max(word.span.end, start + _LEAST_WORD_SECONDS))
        if end <= start:
            continue
        shown.append(CaptionWord(word.text, Span(start, end)))
        earliest = start + _LEAST_WORD_SECONDS / 4
    return shown


def _scaled(style: CaptionStyle, scale: float) -> CaptionStyle:
    return replace(
        style,
        size=style.size * scale,
        outline=style.outline * scale,
        shadow=style.shadow * scale,
    )


def _broken(
    word: CaptionWord, until: float, style: CaptionStyle, limit: float
) -> list[CaptionWord]:
    """``word`` in pieces that fit on a line each, sharing its time by their length.

    Args:
        word: as spoken.
        until: when the next word starts; every piece starts before it.
        style: measures the pieces.
        limit: widest line in em.
    """
    if text_width(word.text, style) <= limit:
        return [word]
    pieces = [""]
    for character in word.text:
        if pieces[-1] and text_width(pieces[-1] + character, style) > limit:
            pieces.append("")
        pieces[-1] += character
    start = word.span.start
    seconds = max(0.0, min(word.span.end, until) - start)
    parts, done = [], 0
    for piece in pieces:
        begin = start + seconds * done / len(word.text)
        done += len(piece)
        span = Span(begin, start + seconds * done / len(word.text))
        parts.append(replace(word, text=piece, span=span))
    return parts


def _runs(shown: Sequence[CaptionWord], kept: Sequence[Span]) -> list[Sequence[CaptionWord]]:
    """Words between pauses, joins and sentence ends."""
    cuts = [0]
    for i, (before, after) in enumerate(pairwise(shown), start=1):
        pause = after.span.start - before.span.end
        joined = _home(before, kept) != _home(after, kept)
        closed = Word(before.text, before.span).ends_sentence
        if pause > CUE_GAP_SECONDS or joined or closed:
            cuts.append(i)
    cuts.append(len(shown))
    return [shown[a:b] for a, b in pairwise(cuts)]


def _home(word: CaptionWord, kept: Sequence[Span]) -> int:
    middle = word.span.middle
    return next((i for i, span in enumerate(kept) if middle < span.end), len(kept) - 1)


def _cue_spans(groups: list[list[list[CaptionWord]]], kept: Sequence[Span]) -> list[Span]:
    """From the first word's start to a little after the last word's end, never overlapping."""
    starts = [lines[0][0].span.start for lines in groups]
    spans = []
    for i, lines in enumerate(groups):
        last = lines[-1][-1]
        end = max(word.span.end for line in lines for word in line) + CUE_HOLD_SECONDS
        end = min(end, kept[_home(last, kept)].end)
        if i + 1 < len(groups):
            end = min(end, starts[i + 1])
        spans.append(Span(starts[i], max(end, starts[i])))
    return spans


def line_width(line: Sequence[CaptionWord], style: CaptionStyle, canvas: Canvas) -> float:
    """Share of the canvas' width that a line takes."""
    return text_width(join_words(line), style) * style.size * canvas.height / canvas.width
