from dataclasses import replace

import numpy as np
import pytest

from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.errors import InputError
from talkreel.core.jsonio import document, read_document
from talkreel.core.spans import Span
from talkreel.edit.build import build_edit, restyle
from talkreel.edit.options import EditOptions
from talkreel.edit.shares import face_share, speaker_share


@pytest.fixture
def interview(scenario, sentence, face_of):
    """Two people; the left one says the first half."""
    middle = sentence[20].span.start
    words = [replace(w, speaker="A" if w.span.start < middle else "B") for w in sentence]
    left = face_of(1, 0.25, speaking=lambda t: np.where(t < middle, 0.9, 0.1), speaker="A")
    right = face_of(2, 0.75, speaking=lambda t: np.where(t < middle, 0.1, 0.9), speaker="B")
    return scenario(words, [left, right])


def build(scene, **options):
    return build_edit(scene.candidate(), scene.analysis, EditOptions(**options))


def words_of_edit(edit):
    return [w.text for cue in edit.captions.cues for line in cue.lines for w in line]


def test_the_edit_is_complete_and_survives_json(interview):
    edit = build(interview)
    assert edit.id == "clip-1"
    assert edit.captions is not None
    assert edit.audio is not None
    again = read_document(Edit, document(edit, SCHEMA), SCHEMA)
    assert again.layouts == edit.layouts or again.id == edit.id


def test_the_same_input_gives_the_same_edit(interview):
    assert build(interview) == build(interview)


def test_the_clip_is_a_whole_number_of_frames(interview):
    for tighten in (False, True):
        edit = build(interview, tighten=tighten)
        frames = edit.time_map.duration * float(edit.canvas.frame_rate)
        assert frames == pytest.approx(round(frames), abs=1e-4)


def test_tightening_shortens_and_keeps_the_words(interview, words_of, scenario):
    words = words_of("One two three four, five six seven eight.", 5.0, pause=1.4)
    scene = scenario(words)
    loose, tight = build(scene), build(scene, tighten=True)
    assert tight.time_map.duration < loose.time_map.duration - 0.9
    assert words_of_edit(tight) == words_of_edit(loose)


def test_no_captions_when_not_wanted_or_without_words(interview, scenario):
    assert build(interview, captions=None).captions is None
    silent = scenario([])
    edit = build_edit(silent.candidate(Span(3, 20)), silent.analysis, EditOptions())
    assert edit.captions is None


def test_a_silent_film_has_no_audio_chain(interview):
    media = replace(interview.media, audio=None)
    assert build(replace(interview, media=media)).audio is None


def test_restyle_keeps_words_and_picture(interview):
    edit = build(interview)
    for name in ("clean", "pop", "minimal"):
        other = restyle(edit, name)
        assert other.captions is not None
        assert other.captions.style.name == name
        assert words_of_edit(other) == words_of_edit(edit)
        assert (other.layouts, other.kept) == (edit.layouts, edit.kept)


def test_restyle_there_and_back_is_the_same_edit(interview):
    edit = build(interview)
    assert restyle(restyle(edit, "clean"), "bold") == edit


def test_restyle_keeps_words_corrected_by_hand(interview):
    edit = build(interview)
    cue = edit.captions.cues[0]
    line = (replace(cue.lines[0][0], text="Corrected"), *cue.lines[0][1:])
    cues = (replace(cue, lines=(line, *cue.lines[1:])), *edit.captions.cues[1:])
    edit = replace(edit, captions=replace(edit.captions, cues=cues))
    assert words_of_edit(restyle(edit, "pop"))[0] == "Corrected"


def test_restyle_without_captions_needs_the_analysis(interview):
    bare = restyle(build(interview), None)
    assert bare.captions is None
    with pytest.raises(InputError, match="make it again from the analysis"):
        restyle(bare, "bold")
    assert restyle(bare, "bold", interview.analysis) == build(interview)
    with pytest.raises(ValueError, match="no caption style"):
        restyle(bare, "nosuch", interview.analysis)


def test_shares_of_a_good_edit(interview):
    edit = build(interview)
    faces, words = interview.faces, interview.words
    assert face_share(edit, faces) == 1.0
    assert speaker_share(edit, faces, words) > 0.97


def test_shares_of_a_camera_on_the_listener(interview):
    edit = build(interview)
    first, second = edit.layouts
    wrong = replace(
        edit,
        layouts=(replace(first, paths=second.paths), replace(second, paths=first.paths)),
    )
    assert speaker_share(wrong, interview.faces, interview.words) < 0.05
    assert face_share(wrong, interview.faces) == 1.0


def test_shares_are_none_when_nobody_looked(interview):
    edit = build(interview)
    assert face_share(edit, ()) is None
    assert speaker_share(edit, (), interview.words) is None
    assert face_share(edit, interview.faces, looked=()) is None
    assert face_share(edit, (), looked=(Span(0, 60),)) == 0.0


def test_speaker_share_is_none_when_no_speaker_is_known(interview, face_of):
    edit = build(interview)
    assert speaker_share(edit, [face_of(1, 0.25)], interview.words) is None


def test_tightening_says_what_it_did_and_why_not(interview, words_of, scenario):
    words = words_of("One two three four, five six seven eight.", 5.0, pause=1.4)
    note = build(scenario(words), tighten=True, fillers=True).notes[0]
    assert (note.feature, note.applied) == ("tighten", True)
    assert "1 long pause shortened" in note.text
    silent = replace(interview, media=replace(interview.media, audio=None), words=[])
    edit = build_edit(
        silent.candidate(Span(3, 20)), silent.analysis, EditOptions(tighten=True, fillers=True)
    )
    assert not edit.notes[0].applied
    assert "nothing to take out" in edit.notes[0].text
    assert build(interview, tighten=True).notes == ()
