"""A change to a clip as a new edit; the renderer then has nothing to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from talkreel.core.analysis import Analysis
from talkreel.core.edits import (
    Box,
    Canvas,
    CaptionCue,
    Captions,
    CaptionWord,
    CropKey,
    CropPath,
    Edit,
    Layout,
    LayoutKind,
)
from talkreel.core.errors import InputError
from talkreel.core.spans import Span, TimeMap
from talkreel.edit.boundaries import whole_frames
from talkreel.edit.build import restyle
from talkreel.edit.canvas import choose_canvas
from talkreel.edit.layouts import Stage
from talkreel.edit.options import EditOptions
from talkreel.edit.reframe import make_layouts
from talkreel.pipeline.options import LONGEST_CLIP_SECONDS, SHORTEST_CLIP_SECONDS
from talkreel.pipeline.presets import Preset

BY_HAND = "Set by hand"
_SLIVER_SECONDS = 1e-4
_SAME_SHAPE = 0.02
# A part is laid out anew from faces only if they were looked for nearly all through it.
_LEAST_SEEN = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is asked for; None leaves a thing as it is.

    Attributes:
        title: another title.
        spans: what to play, in order, source clock; taken as given, to the frame.
        style: a caption style, or ``none`` for no captions.
        words: caption word number to its text; several words, or none, may take its place.
        crop: a part of the picture that must be seen throughout.
        aspect: one of ``talkreel.edit.options.ASPECTS``.
    """

    title: str | None = None
    spans: tuple[Span, ...] | None = None
    style: str | None = None
    words: Mapping[int, str] = field(default_factory=dict)
    crop: Box | None = None
    aspect: str | None = None


def change_edit(edit: Edit, change: Change, analysis: Analysis, preset: Preset) -> Edit:
    """The changed edit.

    What was decided about the picture stays where it still applies; only new parts are laid out
    anew. Caption words corrected before stay corrected.

    Raises:
        InputError: something that is not possible, with what is.
        ValueError: no such caption style or aspect.
    """
    canvas = _canvas(edit, change, analysis, preset)
    kept = edit.kept if change.spans is None else _kept(change.spans, analysis, canvas)
    base = replace(
        edit,
        title=change.title or edit.title,
        kept=kept,
        canvas=canvas,
        layouts=_layouts(edit, change, kept, canvas, analysis, preset),
        captions=None,
    )
    before = _corrected(edit.captions, change.words)
    style = change.style or (edit.captions.style.name if edit.captions else "none")
    if style == "none":
        return base
    moved = (base.kept, base.canvas, base.layouts) != (edit.kept, edit.canvas, edit.layouts)
    if before is not None and not moved:
        return restyle(replace(base, captions=before), style)
    placed = restyle(base, style, analysis)
    if placed.captions is None or before is None:
        return placed
    words = _merged(edit.kept, before, placed.captions, kept)
    return restyle(replace(placed, captions=_recut(placed.captions, words)), style)


def _canvas(edit: Edit, change: Change, analysis: Analysis, preset: Preset) -> Canvas:
    if change.aspect is None:
        return edit.canvas
    options = EditOptions(
        aspect=change.aspect, height=preset.long_side, upscale_limit=preset.upscale_limit
    )
    return choose_canvas(analysis.media, options)


def _kept(spans: Sequence[Span], analysis: Analysis, canvas: Canvas) -> tuple[Span, ...]:
    bounds = analysis.media.span
    for span in spans:
        if span.start < bounds.start or span.end > bounds.end + 0.05:
            raise InputError(
                f"the span {span.start:g} to {span.end:g} s is not inside the source, which is "
                f"{bounds.duration:.2f} s long"
            )
    seconds = sum(span.duration for span in spans)
    if not SHORTEST_CLIP_SECONDS <= seconds <= LONGEST_CLIP_SECONDS:
        raise InputError(
            f"a clip is {SHORTEST_CLIP_SECONDS:g} to {LONGEST_CLIP_SECONDS:g} s long, these spans "
            f"are {seconds:.2f} s"
        )
    cut = [span.clamp(bounds) for span in spans]
    framed = tuple(
        whole_frames(span, Span(span.start, span.start), bounds, canvas.frame_rate) for span in cut
    )
    try:
        TimeMap(framed)
    except ValueError as error:
        raise InputError(f"spans are in order of time and do not overlap: {error}") from error
    return framed


def _layouts(
    edit: Edit,
    change: Change,
    kept: tuple[Span, ...],
    canvas: Canvas,
    analysis: Analysis,
    preset: Preset,
) -> tuple[Layout, ...]:
    if analysis.media.video is None:
        if change.crop is not None:
            raise InputError("the source has no picture to crop")
        return make_layouts(TimeMap(kept), analysis, canvas, upscale_limit=preset.upscale_limit)
    box = change.crop or _box_by_hand(edit)
    if box is not None:
        return (_cropped(box, kept, canvas, analysis, preset),)
    if kept == edit.kept and canvas == edit.canvas:
        return edit.layouts
    old = _still_good(edit, canvas, analysis)
    return tuple(layout for span in kept for layout in _cover(span, old, canvas, analysis, preset))


def _box_by_hand(edit: Edit) -> Box | None:
    first = edit.layouts[0]
    if first.reason != BY_HAND or len(first.paths) != 1:
        return None
    return first.paths[0].keys[0].box


def _cropped(
    box: Box, kept: tuple[Span, ...], canvas: Canvas, analysis: Analysis, preset: Preset
) -> Layout:
    """One still crop of the canvas' shape around ``box``, as much of it as can be shown."""
    assert analysis.media.video is not None
    view = Stage.of(analysis.media.video, canvas, preset.upscale_limit).view
    left, top, right, bottom = box
    _, height = view.size(max(bottom - top, (right - left) / view.width_per_height))
    place = view.box((left + right) / 2, (top + bottom) / 2 - height / 2, height)
    hull = Span(kept[0].start, kept[-1].end)
    path = CropPath((CropKey(hull.start, place),))
    return Layout(hull, LayoutKind.CROP, (path,), BY_HAND, 1.0)


def _still_good(edit: Edit, canvas: Canvas, analysis: Analysis) -> tuple[Layout, ...]:
    """Layouts of the old edit that also suit the new canvas."""
    old = edit.canvas.width / edit.canvas.height
    new = canvas.width / canvas.height
    if abs(new - old) <= _SAME_SHAPE * old:
        return edit.layouts
    video = analysis.media.video
    assert video is not None
    source = video.width / video.height
    shapes = (abs(shape - source) <= _SAME_SHAPE * source for shape in (old, new))
    if any(shapes):
        return ()
    # What was shown whole on purpose, such as slides, is shown whole again.
    return tuple(layout for layout in edit.layouts if layout.kind is LayoutKind.FIT)


def _cover(
    span: Span, old: Sequence[Layout], canvas: Canvas, analysis: Analysis, preset: Preset
) -> list[Layout]:
    """Layouts for ``span``: old ones where there are, new ones for the rest."""
    layouts: list[Layout] = []
    at = span.start
    for layout in old:
        part = layout.span.intersect(Span(at, span.end)) if at < span.end else None
        if part is None or part.duration < _SLIVER_SECONDS:
            continue
        layouts += _fill(Span(at, part.start), old, canvas, analysis, preset)
        layouts.append(replace(layout, span=part))
        at = part.end
    return layouts + _fill(Span(at, span.end), old, canvas, analysis, preset)


def _fill(
    gap: Span, old: Sequence[Layout], canvas: Canvas, analysis: Analysis, preset: Preset
) -> list[Layout]:
    layouts: list[Layout] = []
    shots = [shot.span for shot in analysis.shots] or [analysis.media.span]
    for shot in shots:
        part = gap.intersect(shot)
        if part is None or part.duration < _SLIVER_SECONDS:
            continue
        beside = [layout for layout in old if layout.span.overlap(shot) > 0]
        seen = sum(part.overlap(looked) for looked in analysis.looked)
        if beside and seen < _LEAST_SEEN * part.duration:
            # Nobody looked for faces here, but it is the same shot: the camera stays.
            nearest = min(beside, key=lambda layout: layout.span.gap(part))
            layouts.append(replace(nearest, span=part))
        else:
            layouts += make_layouts(
                TimeMap((part,)), analysis, canvas, upscale_limit=preset.upscale_limit
            )
    return layouts


def _corrected(captions: Captions | None, words: Mapping[int, str]) -> Captions | None:
    """``captions`` with some words replaced; None when there are none (left)."""
    if captions is None:
        if words:
            raise InputError("the clip has no captions, so no words to correct: give a style first")
        return None
    wrong = [index for index in words if index >= captions.word_count]
    if wrong:
        raise InputError(
            f"there is no caption word {min(wrong)}: the clip has {captions.word_count}, counted "
            "from 0"
        )
    number = 0
    cues: list[CaptionCue] = []
    for cue in captions.cues:
        lines = []
        for line in cue.lines:
            numbered = enumerate(line, start=number)
            fresh = [new for i, word in numbered for new in _texts(word, words.get(i))]
            number += len(line)
            if fresh:
                lines.append(tuple(fresh))
        if lines:
            cues.append(replace(cue, lines=tuple(lines)))
    return replace(captions, cues=tuple(cues)) if cues else None


def _texts(word: CaptionWord, text: str | None) -> list[CaptionWord]:
    """``word`` with another text, its time shared by the words of that."""
    if text is None:
        return [word]
    parts = text.split()
    step = word.span.duration / max(1, len(parts))
    starts = [word.span.start + step * i for i in range(len(parts))]
    return [
        CaptionWord(part, Span(start, start + step))
        for part, start in zip(parts, starts, strict=True)
    ]


def _merged(
    old_kept: Sequence[Span], old: Captions, new: Captions, kept: Sequence[Span]
) -> list[CaptionWord]:
    """Old caption words where the clip was before, new ones where it is new, in order."""

    def plays(spans: Sequence[Span], word: CaptionWord) -> bool:
        return any(span.contains(word.span.middle) for span in spans)

    words = [word for word in _flat(old) if plays(kept, word)]
    words += [word for word in _flat(new) if not plays(old_kept, word)]
    return sorted(words, key=lambda word: word.span.start)


def _flat(captions: Captions) -> list[CaptionWord]:
    return [word for cue in captions.cues for line in cue.lines for word in line]


def _recut(captions: Captions, words: Sequence[CaptionWord]) -> Captions:
    """``words`` in the cues of ``captions`` they are nearest to; heights stay."""
    shares: list[list[CaptionWord]] = [[] for _ in captions.cues]
    for word in words:
        nearest = min(range(len(captions.cues)), key=lambda i: captions.cues[i].span.gap(word.span))
        shares[nearest].append(word)
    cues = [
        replace(cue, lines=(tuple(share),))
        for cue, share in zip(captions.cues, shares, strict=True)
        if share
    ]
    return replace(captions, cues=tuple(cues) or captions.cues)
