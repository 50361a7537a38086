"""Candidate plus analysis to a complete edit: pure given its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.edits import AudioChain, Box, Canvas, Captions, CaptionStyle, Edit, Layout
from talkreel.core.errors import InputError
from talkreel.core.spans import Span, TimeMap
from talkreel.core.tracks import FaceTrack
from talkreel.edit.boundaries import snap_span
from talkreel.edit.canvas import choose_canvas
from talkreel.edit.captions import block_height, edge_height, lay_out, make_captions
from talkreel.edit.options import EditOptions
from talkreel.edit.reframe import make_layouts
from talkreel.edit.regions import regions_at
from talkreel.edit.safe_area import caption_bands
from talkreel.edit.screens import LookAt
from talkreel.edit.styles import find_style
from talkreel.edit.tighten import tighten_span

# Raised whenever the same arguments would give another edit.
VERSION = 1


def build_edit(
    candidate: Candidate, analysis: Analysis, options: EditOptions, *, look: LookAt | None = None
) -> Edit:
    """The whole edit of one candidate.

    Args:
        candidate: whole sentences to play.
        analysis: what was perceived; faces are used where they were looked for.
        options: the user's choices.
        look: shows small frames of the source (see ``screens.LookAt``); without it, pictures
            without faces are shown whole.

    Raises:
        ValueError: the candidate lies outside the media.
    """
    media = analysis.media
    canvas = choose_canvas(media, options)
    kept = _kept(candidate.span, analysis, options, canvas)
    time_map = TimeMap(kept)
    layouts = make_layouts(
        time_map, analysis, canvas, upscale_limit=options.upscale_limit, look=look
    )
    edit = Edit(
        id=candidate.id,
        title=candidate.title,
        media_uri=media.uri,
        media_digest=media.digest,
        kept=kept,
        canvas=canvas,
        layouts=layouts,
        captions=None,
        audio=AudioChain() if media.audio is not None else None,
        encoding=options.encoding,
    )
    return restyle(edit, options.captions, analysis)


def _kept(span: Span, analysis: Analysis, options: EditOptions, canvas: Canvas) -> tuple[Span, ...]:
    """What is played of ``span``: moved into pauses, and without the long ones where asked."""
    words, frame_rate = analysis.transcript.words, canvas.frame_rate
    snapped = snap_span(
        span,
        words,
        analysis.shots,
        analysis.media.span,
        pre_roll=options.pre_roll,
        post_roll=options.post_roll,
        frame_rate=frame_rate,
    )
    if not options.tighten:
        return (snapped,)
    return tighten_span(
        snapped,
        words,
        analysis.shots,
        frame_rate=frame_rate,
        voice=analysis.signals.get("voice"),
        reaction=analysis.signals.get("reaction"),
    )


def restyle(edit: Edit, style: str | None, analysis: Analysis | None = None) -> Edit:
    """``edit`` with its captions in another style (None: without captions).

    The words come from the captions the edit has, so words corrected by hand stay; the text
    stays at the height it was put to, in the bands of the new style. An edit without captions
    takes its words from ``analysis``.

    Raises:
        ValueError: no style of that name.
        InputError: captions are asked for and the edit holds no words to make them from.
    """
    if style is None:
        return replace(edit, captions=None)
    wanted = find_style(style)
    if edit.captions is None and analysis is not None:
        captions = _captions(analysis, wanted, edit.kept, edit.canvas, edit.layouts)
        return replace(edit, captions=captions)
    if edit.captions is None:
        raise InputError(
            "this edit holds no caption words: make it again from the analysis with captions on"
        )
    words = [word for cue in edit.captions.cues for line in cue.lines for word in line]
    fresh = lay_out(words, edit.kept, wanted, edit.canvas)
    assert fresh is not None
    return replace(edit, captions=_at_old_heights(fresh, edit.captions, edit.canvas))


def _captions(
    analysis: Analysis,
    style: CaptionStyle,
    kept: Sequence[Span],
    canvas: Canvas,
    layouts: Sequence[Layout],
) -> Captions | None:
    return make_captions(
        analysis.transcript.words,
        kept,
        style,
        canvas,
        faces_at=_faces_on_canvas(analysis, canvas, layouts),
        changes=[layout.span.start for layout in layouts[1:]],
    )


def _faces_on_canvas(
    analysis: Analysis, canvas: Canvas, layouts: Sequence[Layout]
) -> Callable[[float], list[Box]] | None:
    video = analysis.media.video
    if video is None or not analysis.faces:
        return None
    aspect = video.width / video.height

    def faces_at(time: float) -> list[Box]:
        layout = next((x for x in layouts if x.span.contains(time)), layouts[-1])
        regions = regions_at(layout, time, canvas, aspect)
        here = [face for face in analysis.faces if _there(face, time)]
        boxes = [_as_box(face, time) for face in here]
        placed = [region.place(box) for region in regions for box in boxes]
        return [box for box in placed if box is not None]

    return faces_at


def _there(face: FaceTrack, time: float) -> bool:
    return face.span.pad(0.3, 0.3).contains(time)


def _as_box(face: FaceTrack, time: float) -> Box:
    left, top, right, bottom = (float(value) for value in face.box_at(time))
    return (left, top, right, bottom)


def _at_old_heights(fresh: Captions, old: Captions, canvas: Canvas) -> Captions:
    """``fresh`` in the bands (lower, middle, upper) that the old cues were in."""
    old_bands = caption_bands(canvas, block_height(old.style, 2), edge_height(old.style))
    new_bands = caption_bands(canvas, block_height(fresh.style, 2), edge_height(fresh.style))
    cues = []
    for cue in fresh.cues:
        before = min(old.cues, key=lambda c: abs(c.span.middle - cue.span.middle))
        band = min(range(len(old_bands)), key=lambda i: abs(old_bands[i] - before.top))
        cues.append(replace(cue, top=new_bands[band]))
    return Captions(fresh.style, tuple(cues))
