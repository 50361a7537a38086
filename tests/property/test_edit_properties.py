"""What must hold for every edit, whatever was perceived."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.edits import SCHEMA, Edit, LayoutKind, Motion, join_words
from talkreel.core.jsonio import document, read_document
from talkreel.core.media import AudioStream, Media, VideoStream
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack, Shot, Transition
from talkreel.core.transcript import Transcript, Word
from talkreel.edit.build import build_edit, restyle
from talkreel.edit.captions import block_height, edge_height
from talkreel.edit.options import ASPECTS, EditOptions
from talkreel.edit.paths import SPEED_LIMIT
from talkreel.edit.safe_area import safe_area
from talkreel.edit.shares import face_share, speaker_share
from talkreel.edit.styles import STYLES
from talkreel.media.fonts import text_width

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DURATION = 40.0
TOKENS = ["a", "the", "to", "of", "and", "42", "I", "so,", "well.", "talk", "people?", "$3.50"]
TOKENS += ["extraordinarily", "Donaudampfschifffahrtsgesellschaftskapitän", "naïve", "שלום", "😀"]


@st.composite
def word_lists(draw):
    """Words with all sorts of gaps, overlaps and zero lengths."""
    words = []
    start = draw(st.floats(0.0, 8.0))
    for _ in range(draw(st.integers(1, 60))):
        length = draw(st.sampled_from([0.0, 0.05, 0.2, 0.4, 0.9]))
        if start + length > DURATION - 1.0:
            break
        span = Span(start, start + length)
        speaker = draw(st.sampled_from([None, "A", "B"]))
        words.append(Word(draw(st.sampled_from(TOKENS)), span, speaker=speaker))
        start += max(0.0, length + draw(st.sampled_from([-0.1, 0.0, 0.03, 0.3, 0.75, 2.0])))
    return words or [Word("word", Span(3.0, 4.0))]


@st.composite
def face_tracks(draw):
    """People who stand, sway, walk, flicker, come and go."""
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    tracks = []
    for number in range(draw(st.integers(0, 4))):
        first = draw(st.floats(0.0, 30.0))
        times = np.arange(first, min(DURATION, first + draw(st.floats(0.2, 40.0))), 0.2)
        height = draw(st.sampled_from([0.03, 0.08, 0.2, 0.35, 0.7]))
        walk = np.cumsum(rng.normal(0, draw(st.sampled_from([0.0, 0.003, 0.03])), len(times)))
        x = np.clip(draw(st.floats(0.0, 1.0)) + walk, 0.0, 1.0)
        y = draw(st.floats(0.0, 0.6))
        half = height * 9 / 16 * 0.4
        boxes = np.stack([x - half, 0 * x + y, x + half, 0 * x + y + height], axis=1)
        known = draw(st.booleans())
        speaking = rng.uniform(0, 1, len(times)) if known else np.full(len(times), np.nan)
        scores = (rng.uniform(0, 1, len(times)) < draw(st.floats(0.1, 1.0))) * 0.9
        speaker = draw(st.sampled_from([None, "A", "B"]))
        tracks.append(FaceTrack(number, times, boxes, scores, speaking, speaker))
    return tuple(tracks)


@st.composite
def analyses(draw):
    size = draw(st.sampled_from([(1920, 1080), (640, 360), (352, 288), (540, 960), (720, 720)]))
    rate = draw(st.sampled_from([Fraction(30000, 1001), Fraction(25), Fraction(5), Fraction(120)]))
    video = VideoStream(
        index=0,
        width=size[0],
        height=size[1],
        coded_width=size[0],
        coded_height=size[1],
        frame_rate=rate,
        codec="h264",
    )
    media = Media(
        uri="/talk.mp4",
        digest="0" * 64,
        container="mp4",
        duration=DURATION,
        video=video,
        audio=AudioStream(index=1, sample_rate=48000, channels=2, codec="aac"),
    )
    cuts = sorted(set(draw(st.lists(st.floats(0.5, DURATION - 0.5), max_size=6))))
    edges = [0.0, *cuts, DURATION]
    shots = tuple(Shot(Span(a, b), Transition.CUT) for a, b in pairwise(edges))
    return Analysis(
        media=media,
        transcript=Transcript("en", tuple(draw(word_lists()))),
        shots=shots,
        looked=(media.span,),
        faces=draw(face_tracks()),
    )


@st.composite
def edits(draw):
    analysis = draw(analyses())
    words = analysis.transcript.words
    first = draw(st.integers(0, len(words) - 1))
    last = draw(st.integers(first, len(words) - 1))
    end = max(words[last].span.end, words[first].span.start + 0.2)
    options = EditOptions(
        aspect=draw(st.sampled_from(sorted(ASPECTS))),
        captions=draw(st.sampled_from(sorted(STYLES))),
        tighten=draw(st.booleans()),
        upscale_limit=draw(st.sampled_from([1.0, 2.0])),
    )
    candidate = Candidate("c", Span(words[first].span.start, end), 50, (), "title")
    return analysis, options, build_edit(candidate, analysis, options)


@SETTINGS
@given(edits())
def test_time(case):
    _, _, edit = case
    time_map = edit.time_map
    frames = time_map.duration * float(edit.canvas.frame_rate)
    assert frames == pytest.approx(round(frames), abs=1e-3)
    assert edit.kept[0].start >= 0.0
    assert edit.kept[-1].end <= DURATION + 1e-6
    clip = np.linspace(0, time_map.duration - 1e-6, 50)
    source = [time_map.to_source(float(t)) for t in clip]
    assert all(b > a for a, b in pairwise(source))
    assert [time_map.to_clip(t) for t in source] == pytest.approx(list(clip), abs=1e-6)


@SETTINGS
@given(edits())
def test_picture(case):
    analysis, _, edit = case
    video = analysis.media.video
    covered = sum(layout.span.overlap(kept) for layout in edit.layouts for kept in edit.kept)
    assert covered == pytest.approx(edit.time_map.duration, abs=1e-6)
    assert all(a.span.end <= b.span.start + 1e-9 for a, b in pairwise(edit.layouts))
    for layout in edit.layouts:
        assert layout.reason
        assert 0.0 <= layout.confidence <= 1.0
        halves = 2 if layout.kind is LayoutKind.SPLIT else 1
        place = edit.canvas.width / (edit.canvas.height // halves)
        for path in layout.paths:
            for key in path.keys:
                left, top, right, bottom = key.box
                assert min(key.box) >= -1e-9
                assert max(key.box) <= 1 + 1e-9
                width, height = (right - left) * video.width, (bottom - top) * video.height
                if layout.kind is not LayoutKind.FIT:
                    slack = (
                        1.0 if min(width / place, height) < min(video.width, video.height) else 2
                    )
                    assert width == pytest.approx(height * place, abs=slack, rel=0.02)


@SETTINGS
@given(edits())
def test_camera(case):
    _, options, edit = case
    for layout in edit.layouts:
        for path in layout.paths:
            keys = path.keys
            width = keys[0].box[2] - keys[0].box[0]
            if path.motion is Motion.LINEAR:
                assert len(keys) <= max(3, 2 * (keys[-1].time - keys[0].time)) + 2
            for a, b in pairwise(keys):
                # Jumps happen between layouts, so within one everything is slow.
                assert path.motion is Motion.LINEAR
                speed = abs(b.box[0] - a.box[0]) / (b.time - a.time)
                assert speed <= SPEED_LIMIT * width * 1.001 + 1e-6
                assert b.box[1] == pytest.approx(a.box[1], abs=1e-9)
    assert options.upscale_limit >= 1


@SETTINGS
@given(edits())
def test_a_path_belongs_to_one_person(case):
    """No pan between people: a moving crop stays near the face that it names."""
    analysis, _, edit = case
    by_id = {face.id: face for face in analysis.faces}
    for layout in edit.layouts:
        if layout.kind is not LayoutKind.CROP or not layout.subjects:
            continue
        path = layout.paths[0]
        if path.motion is Motion.LINEAR:
            own = [by_id[i] for i in layout.subjects]
            for a, b in pairwise(sorted(own, key=lambda f: f.times[0])):
                assert a.times[-1] < b.times[0]


@SETTINGS
@given(edits())
def test_captions(case):
    analysis, _, edit = case
    spoken = [
        word.text
        for word in analysis.transcript.words
        if any(span.contains(word.span.middle) for span in edit.kept)
    ]
    if edit.captions is None:
        assert not spoken
        return
    cues, style, area = edit.captions.cues, edit.captions.style, safe_area(edit.canvas)
    shown = [word for cue in cues for line in cue.lines for word in line]
    assert "".join(word.text for word in shown) == "".join(spoken)
    starts = [word.span.start for word in shown]
    assert starts == sorted(starts)
    assert all(a.span.end <= b.span.start + 1e-9 for a, b in pairwise(cues))
    for cue in cues:
        assert any(
            span.start - 1e-9 <= cue.span.start and cue.span.end <= span.end + 1e-9
            for span in edit.kept
        )
        assert len(cue.lines) <= 2
        assert cue.top - edge_height(style) >= area.top - 1e-9
        bottom = cue.top + block_height(style, len(cue.lines)) + edge_height(style)
        assert bottom <= area.lowest + 1e-9
        for line in cue.lines:
            width = text_width(join_words(line), style) * style.size * edit.canvas.height
            assert width <= area.width * edit.canvas.width + 1e-6


@SETTINGS
@given(edits())
def test_documents_and_measures(case):
    analysis, _, edit = case
    again = read_document(Edit, document(edit, SCHEMA), SCHEMA)
    assert len(again.layouts) == len(edit.layouts)
    for share in (
        face_share(edit, analysis.faces),
        speaker_share(edit, analysis.faces, analysis.transcript.words),
    ):
        assert share is None or 0.0 <= share <= 1.0


@SETTINGS
@given(edits(), st.sampled_from(sorted(STYLES)))
def test_restyle_keeps_the_words(case, style):
    _, _, edit = case
    if edit.captions is None:
        return
    other = restyle(edit, style)
    texts = [
        "".join(w.text for cue in e.captions.cues for line in cue.lines for w in line)
        for e in (edit, other)
    ]
    assert texts[0] == texts[1]
