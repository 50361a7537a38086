"""Candidate plus analysis to a complete edit: pure given its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.edits import (
    AudioChain,
    Box,
    Canvas,
    Captions,
    CaptionStyle,
    CaptionWord,
    Edit,
    Layout,
)
from talkreel.core.errors import InputError
from talkreel.core.signals import Signal
from talkreel.core.spans import Span, TimeMap
from talkreel.core.tracks import FaceTrack
from talkreel.edit.boundaries import snap_span
from talkreel.edit.canvas import choose_canvas
from talkreel.edit.captions import block_height, caption_words, edge_height, lay_out
from talkreel.edit.holes import Sound
from talkreel.edit.options import EditOptions
from talkreel.edit.punch import Punched, Scene, punch_in
from talkreel.edit.quiet import Quiet
from talkreel.edit.reframe import make_layouts
from talkreel.edit.regions import regions_at
from talkreel.edit.safe_area import caption_bands
from talkreel.edit.screens import LookAt
from talkreel.edit.styles import find_style
from talkreel.edit.tighten import Tightened, tighten_span
from talkreel.edit.tighten_note import tighten_note

# Raised whenever the same arguments would give another edit.
VERSION = 2


def build_edit(
    candidate: Candidate,
    analysis: Analysis,
    options: EditOptions,
    *,
    look: LookAt | None = None,
    level: Signal | None = None,
) -> Edit:
    """The whole edit of one candidate.

    Args:
        candidate: whole sentences to play.
        analysis: what was perceived; faces are used where they were looked for.
        options: the user's choices.
        look: shows small frames of the source (see ``screens.LookAt``); without it, pictures
            without faces are shown whole.
        level: dBFS in fine steps over what may be played; without it, pauses are taken to be
            silent and no filler goes.

    Raises:
        ValueError: the candidate lies outside the media.
    """
    media = analysis.media
    canvas = choose_canvas(media, options)
    tightened = _kept(candidate.span, analysis, options, canvas, level)
    kept = tightened.kept
    time_map = TimeMap(kept)
    layouts = make_layouts(
        time_map, analysis, canvas, upscale_limit=options.upscale_limit, look=look
    )
    punched = Punched(layouts)
    if options.fillers and look is not None and media.video is not None:
        scene = Scene(
            kept, analysis.shots, analysis.faces, media.video, canvas, options.upscale_limit, look
        )
        punched = punch_in(layouts, scene)
    edit = Edit(
        id=candidate.id,
        title=candidate.title,
        media_uri=media.uri,
        media_digest=media.digest,
        kept=kept,
        canvas=canvas,
        layouts=punched.layouts,
        captions=None,
        audio=AudioChain() if media.audio is not None else None,
        encoding=options.encoding,
        notes=(tighten_note(tightened, punched, analysis),) if options.fillers else (),
    )
    return restyle(edit, options.captions, analysis)


def _kept(
    span: Span, analysis: Analysis, options: EditOptions, canvas: Canvas, level: Signal | None
) -> Tightened:
    """What is played of ``span``: moved into pauses, and tightened where asked."""
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
        return Tightened((snapped,))
    sound = Sound(
        voice=analysis.signals.get("voice"),
        reaction=analysis.signals.get("reaction"),
        quiet=None if level is None else Quiet.of(level, snapped.pad(2.0, 2.0)),
    )
    return tighten_span(
        snapped, words, analysis.shots, sound, frame_rate=frame_rate, fillers=options.fillers
    )


def restyle(
    edit: Edit,
    style: str | CaptionStyle | None,
    analysis: Analysis | None = None,
    *,
    words: Sequence[CaptionWord] | None = None,
) -> Edit:
    """``edit`` with its captions in another style (None: without captions).

    The words come from the captions the edit has, so words corrected by hand stay; the text
    stays at the height it was put to, in the bands of the new style. An edit without captions
    takes its words from ``analysis``.

    Args:
        edit: as it is.
        style: one of the named ones, or one of somebody's own.
        analysis: of the source, for words and faces.
        words: to show instead of those of the analysis, in order.

    Raises:
        ValueError: no style of that name.
        InputError: captions are asked for and the edit holds no words to make them from.
    """
    if style is None:
        return replace(edit, captions=None)
    wanted = find_style(style) if isinstance(style, str) else style
    if edit.captions is None and analysis is not None:
        if words is None:
            words = caption_words(analysis.transcript.words, edit.kept)
        return replace(edit, captions=_captions(edit, words, wanted, analysis))
    if edit.captions is None:
        raise InputError(
            "this edit holds no caption words: make it again from the analysis with captions on"
        )
    words = [word for cue in edit.captions.cues for line in cue.lines for word in line]
    fresh = lay_out(words, edit.kept, wanted, edit.canvas)
    assert fresh is not None
    return replace(edit, captions=_at_old_heights(fresh, edit.captions, edit.canvas))


def _captions(
    edit: Edit, words: Sequence[CaptionWord], style: CaptionStyle, analysis: Analysis
) -> Captions | None:
    return lay_out(
        words,
        edit.kept,
        style,
        edit.canvas,
        faces_at=_obstacles(edit, faces_on_canvas(analysis, edit.canvas, edit.layouts)),
        changes=[layout.span.start for layout in edit.layouts[1:]],
    )


def _obstacles(
    edit: Edit, faces_at: Callable[[float], list[Box]] | None
) -> Callable[[float], list[Box]] | None:
    """Faces, and the logo."""
    logo = edit.graphics.logo
    if logo is None:
        return faces_at
    return lambda time: [logo.box, *(faces_at(time) if faces_at else [])]


def faces_on_canvas(
    analysis: Analysis, canvas: Canvas, layouts: Sequence[Layout]
) -> Callable[[float], list[Box]] | None:
    """Boxes of the faces on the canvas at a source second; None where none are known."""
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
