from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from talkreel.core.edits import LayoutKind
from talkreel.core.spans import Span
from talkreel.edit.build import build_edit
from talkreel.edit.options import EditOptions
from talkreel.edit.saliency import find_salience
from talkreel.edit.screens import same_picture, screen_likeness, still_share
from talkreel.media.fonts import find_font


def noisy(seed=0, mean=90):
    """A filmed-looking frame: soft shapes and sensor noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:180, 0:320]
    base = mean + 40 * np.sin(x / 37.0) * np.cos(y / 29.0)
    return np.clip(base[..., None] + rng.normal(0, 6, (180, 320, 3)), 0, 255).astype(np.uint8)


def slide(ink=(25, 25, 30), paper=(250, 250, 248), lines=7):
    image = Image.new("RGB", (1280, 720), paper)
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(find_font("Roboto-Medium.ttf")), 48)
    for i in range(lines):
        draw.text((90, 60 + 85 * i), "What we learned from the numbers", font=font, fill=ink)
    return np.asarray(image.resize((320, 180), Image.Resampling.BILINEAR))


def spot(x=0.8):
    """A bright, coloured thing on a dull ground."""
    frame = noisy(1, 60) // 2
    column = int(x * 320)
    frame[60:120, column - 25 : column + 25] = (250, 60, 40)
    return frame


def looking(frame):
    return lambda times: [frame for _ in times]


@pytest.fixture
def frame(scenario, sentence):
    def build(faces=(), look=None, media=None, aspect="9:16", cuts=(), words=None):
        extra = {"media": media} if media else {}
        scene = scenario(words or sentence, faces, cuts, **extra)
        return build_edit(scene.candidate(), scene.analysis, EditOptions(aspect=aspect), look=look)

    return build


def kinds(edit):
    return [layout.kind for layout in edit.layouts]


def test_one_person_fills_the_canvas(frame, face_of):
    edit = frame([face_of(7, 0.7)])
    assert kinds(edit) == [LayoutKind.CROP]
    assert edit.layouts[0].subjects == (7,)
    assert "only person" in edit.layouts[0].reason


def test_a_wide_shot_of_a_listener_is_shown_whole(frame, face_of):
    edit = frame([face_of(7, 0.85, height=0.1, speaking=0.05)])
    assert kinds(edit) == [LayoutKind.FIT]
    close = frame([face_of(7, 0.6, height=0.3, speaking=0.05)])
    assert kinds(close) == [LayoutKind.CROP]


def test_two_who_fit_share_one_crop(frame, face_of):
    edit = frame([face_of(1, 0.45, height=0.15), face_of(2, 0.56, height=0.15)])
    assert kinds(edit) == [LayoutKind.CROP]
    assert edit.layouts[0].subjects == (1, 2)


def test_two_apart_of_whom_nothing_is_known_are_split(frame, face_of):
    edit = frame([face_of(2, 0.75), face_of(1, 0.25)])
    assert kinds(edit) == [LayoutKind.SPLIT]
    first, second = (path.keys[0].box for path in edit.layouts[0].paths)
    assert first[0] < second[0]
    assert edit.layouts[0].confidence < 0.7
    for box in (first, second):
        aspect = (box[2] - box[0]) * 1920 / ((box[3] - box[1]) * 1080)
        assert aspect == pytest.approx(1080 / 960)


def test_three_apart_are_shown_whole(frame, face_of):
    edit = frame([face_of(1, 0.15), face_of(2, 0.5), face_of(3, 0.85)])
    assert kinds(edit) == [LayoutKind.FIT]


def test_a_square_canvas_has_no_room_for_two_halves(frame, face_of):
    edit = frame([face_of(1, 0.12), face_of(2, 0.88)], aspect="1:1")
    assert kinds(edit) == [LayoutKind.FIT]


def test_the_camera_cuts_and_never_pans_between_people(frame, face_of):
    left = face_of(1, 0.25, speaking=lambda t: np.where(t < 12, 0.9, 0.1))
    right = face_of(2, 0.75, speaking=lambda t: np.where(t < 12, 0.1, 0.9))
    edit = frame([left, right])
    assert [layout.subjects for layout in edit.layouts] == [(1,), (2,)]
    assert all(len(path.keys) == 1 for layout in edit.layouts for path in layout.paths)


def test_the_same_person_is_framed_the_same_way_again(frame, face_of):
    def talks(t):
        return np.where((t < 9) | (t > 14), 0.9, 0.1)

    left = face_of(1, 0.25, speaking=talks)
    right = face_of(2, 0.75, speaking=lambda t: 1 - talks(t))
    edit = frame([left, right])
    boxes = [layout.paths[0].keys[0].box for layout in edit.layouts if layout.subjects == (1,)]
    assert len(boxes) == 2
    assert boxes[0] == boxes[1]


def test_background_faces_do_not_matter(frame, face_of):
    edit = frame([face_of(1, 0.3), face_of(2, 0.8, height=0.09)])
    assert edit.layouts[0].subjects == (1,)


def test_a_pattern_taken_for_a_face_is_not_followed(frame, face_of):
    edit = frame([face_of(1, 0.3, found=0.2)], look=looking(noisy()))
    assert kinds(edit) == [LayoutKind.FIT]


def test_a_lost_face_is_joined_again(frame, face_of):
    edit = frame([face_of(1, 0.3, span=(0, 9)), face_of(2, 0.32, span=(10.5, 60))])
    assert edit.layouts[0].subjects == (1, 2)


def test_layouts_change_with_the_shot(frame, face_of):
    faces = [face_of(1, 0.3, span=(0, 10)), face_of(2, 0.7, span=(10, 60))]
    edit = frame(faces, cuts=[10.0])
    assert [layout.subjects for layout in edit.layouts] == [(1,), (2,)]
    assert edit.layouts[1].span.start == pytest.approx(10.0, abs=1e-3)


def test_a_sliver_of_a_shot_keeps_its_neighbours_framing(frame, face_of):
    edit = frame([face_of(1, 0.3)], cuts=[10.0, 10.06])
    assert len(edit.layouts) == 2


@pytest.mark.parametrize("picture", [slide(), slide((230, 230, 240), (20, 24, 60)), slide(lines=2)])
def test_slides_are_shown_whole(frame, picture):
    edit = frame(look=looking(picture))
    assert kinds(edit) == [LayoutKind.FIT]
    assert "lides" in edit.layouts[0].reason


def test_a_webcam_in_the_corner_does_not_hide_the_screen(frame, face_of):
    picture = slide().copy()
    picture[130:, 260:] = noisy()[130:, 260:]
    edit = frame([face_of(1, 0.9, height=0.12, top=0.78)], look=looking(picture))
    assert kinds(edit) == [LayoutKind.FIT]


def test_a_person_before_a_filmed_room_is_cropped(frame, face_of):
    assert kinds(frame([face_of(1, 0.5)], look=looking(noisy()))) == [LayoutKind.CROP]


def test_a_thing_that_stands_out_is_cropped(frame):
    edit = frame(look=looking(spot(0.8)))
    assert kinds(edit) == [LayoutKind.CROP]
    left, _, right, _ = edit.layouts[0].paths[0].keys[0].box
    assert left < 0.8 < right


def test_a_landscape_is_shown_whole(frame):
    assert kinds(frame(look=looking(noisy()))) == [LayoutKind.FIT]


def test_blackness_is_shown_whole(frame):
    black = np.zeros((180, 320, 3), dtype=np.uint8)
    assert kinds(frame(look=looking(black))) == [LayoutKind.FIT]


def test_nothing_known_is_shown_whole(frame):
    edit = frame()
    assert kinds(edit) == [LayoutKind.FIT]
    assert edit.layouts[0].confidence < 0.5


def test_a_face_that_leaves_does_not_leave_the_camera_on_the_wall(frame, face_of):
    def look(times):
        return [noisy() if time < 11 else slide() for time in times]

    edit = frame([face_of(1, 0.2, span=(0, 11))], look=look)
    assert kinds(edit) == [LayoutKind.CROP, LayoutKind.FIT]


def test_a_turned_head_keeps_its_framing(frame, face_of):
    faces = [face_of(1, 0.3, span=(0, 8)), face_of(2, 0.3, span=(14, 60))]
    edit = frame(faces, look=looking(noisy()))
    assert kinds(edit) == [LayoutKind.CROP]


def test_an_upright_source_is_not_cut(frame, media_of, video_of):
    same = frame(media=media_of(video_of(540, 960)))
    assert kinds(same) == [LayoutKind.CROP]
    assert same.layouts[0].paths[0].keys[0].box == pytest.approx((0, 0, 1, 1))
    other = frame(media=media_of(video_of(720, 960)))
    assert kinds(other) == [LayoutKind.FIT]


@pytest.mark.parametrize("aspect", ["16:9", "source"])
def test_the_shape_of_the_source_shows_all_of_it(frame, face_of, aspect):
    edit = frame([face_of(1, 0.3)], aspect=aspect)
    assert kinds(edit) == [LayoutKind.CROP]
    assert edit.layouts[0].paths[0].keys[0].box == pytest.approx((0, 0, 1, 1))


def test_a_standard_definition_picture_keeps_the_head_in_a_wide_canvas(
    frame, face_of, media_of, video_of
):
    edit = frame([face_of(1, 0.5, top=0.05)], media=media_of(video_of(720, 540)), aspect="16:9")
    box = edit.layouts[0].paths[0].keys[0].box
    assert kinds(edit) == [LayoutKind.CROP]
    assert box[1] == 0.0


def test_sound_alone_is_drawn(frame, media_of):
    edit = frame(media=media_of(picture=False))
    assert kinds(edit) == [LayoutKind.WAVEFORM]
    assert edit.layouts[0].paths == ()


def test_someone_who_runs_is_shown_whole(frame, face_of):
    dash = face_of(1, lambda t: np.where(np.floor(t) % 2 == 0, 0.1, 0.9))
    edit = frame([dash])
    assert kinds(edit) == [LayoutKind.FIT]


def test_layouts_follow_one_another(frame, face_of):
    edit = frame([face_of(1, 0.3, span=(0, 8))], cuts=[7.0, 9.5, 13.0])
    assert all(a.span.end == b.span.start for a, b in pairwise(edit.layouts))


def test_film_is_not_taken_for_a_screen():
    assert screen_likeness([noisy(), noisy(1)]) < 0.2
    assert screen_likeness([slide()]) > 0.8


def test_stillness():
    assert still_share([slide(), slide()]) == 1.0
    assert still_share([noisy(0, 60), noisy(1, 120)]) < 0.3
    assert same_picture(noisy(0), noisy(1))
    assert not same_picture(noisy(0, 60), slide())


def test_no_frames_is_a_mistake():
    with pytest.raises(ValueError, match="at least one frame"):
        screen_likeness([])
    with pytest.raises(ValueError, match="at least one frame"):
        find_salience([], 0.3)
    with pytest.raises(ValueError, match="share of the width"):
        find_salience([noisy()], 1.5)


def test_a_candidate_outside_the_media_is_refused(scenario, sentence):
    scene = scenario(sentence)
    with pytest.raises(ValueError, match="outside the media"):
        build_edit(scene.candidate(Span(80, 90)), scene.analysis, EditOptions())
