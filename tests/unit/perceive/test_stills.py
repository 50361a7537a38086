"""Which picture makes the better cover."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.perceive.detectors import Detections, load_detector, look_everywhere
from talkreel.perceive.stills import Still, eye_hits, open_eyes, read_still, worths

PLACES = ((0.1, 0.05, 0.9, 0.25), (0.1, 0.4, 0.9, 0.6), (0.1, 0.7, 0.9, 0.9))


class Nobody:
    name, near_face_px, short_sides_px = "nobody", 80, (360,)

    def __call__(self, image: np.ndarray) -> Detections:
        return Detections.none()


class Somebody(Nobody):
    def __call__(self, image: np.ndarray) -> Detections:
        return Detections(np.array([[0.3, 0.4, 0.7, 0.65]]), np.array([0.9]))


def picture() -> np.ndarray:
    """Plain above, busy below."""
    rng = np.random.default_rng(1)
    image = np.full((640, 360, 3), 120, np.uint8)
    blocks = rng.integers(0, 255, (20, 22), dtype=np.uint8)
    image[320:] = np.kron(blocks, np.ones((16, 17), np.uint8))[:320, :360, None]
    return image


def test_room_is_where_it_is_plain_and_neither_face_nor_caption_stands() -> None:
    plain, _, busy = read_still(picture(), Nobody(), PLACES).room
    assert plain > 0.9
    assert busy < 0.3
    assert read_still(picture(), Somebody(), PLACES).room[1] == 0.0
    assert read_still(picture(), Nobody(), PLACES, hidden=(0.1, 0.2)).room[0] == 0.0


def test_a_blurred_picture_is_less_sharp() -> None:
    blurred = np.asarray(Image.fromarray(picture()).filter(ImageFilter.GaussianBlur(3)))
    sharp = read_still(picture(), Nobody(), PLACES)
    assert sharp.sharpness > 3 * read_still(blurred, Nobody(), PLACES).sharpness


def still(**change: object) -> Still:
    usual = {
        "face": (0.3, 0.2, 0.7, 0.5),
        "certainty": 0.8,
        "sharpness": 100.0,
        "eyes": 80.0,
        "light": 120.0,
        "room": (0.5,),
    }
    return Still(**{**usual, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "worse",
    [
        {"face": None, "certainty": 0.0, "eyes": 0.0},
        {"sharpness": 20.0},
        {"eyes": 8.0},
        {"certainty": 0.3},
        {"light": 12.0},
    ],
)
def test_each_fault_makes_a_worse_cover(worse: dict[str, object]) -> None:
    good, bad = worths([still(), still(**worse)], titled=False)
    assert good > bad


def test_eyes_that_close_are_found_less(sample_dir: Path) -> None:
    media = probe(sample_dir / "talk.mp4")
    with FrameReader(media, width=1280) as reader:
        image = reader.at([5.0])[0].image
    face = look_everywhere(load_detector(), image, 360).boxes[0] * [1280, 720, 1280, 720]
    left, top, right, bottom = face.astype(int)
    opened = image[top:bottom, left:right].mean(axis=2, dtype=np.float32)
    closed = opened.copy()
    height, width = opened.shape
    # Lids of the colour of the cheek below.
    rows = slice(int(0.3 * height), int(0.46 * height))
    skin = closed[int(0.5 * height) : int(0.6 * height), int(0.2 * width) : int(0.8 * width)].mean()
    closed[rows, int(0.12 * width) : int(0.88 * width)] = skin
    assert eye_hits(opened) > 5 * max(1.0, eye_hits(closed))


def test_nobody_is_preferred_for_eyes_wider_than_open() -> None:
    hits = np.array([0.0, 100.0, 120.0, 250.0, 0.0])
    faces = np.array([True, True, True, True, False])
    assert open_eyes(hits, faces).tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    assert open_eyes(np.zeros(2), np.array([False, False])).tolist() == [0.0, 0.0]


def test_room_counts_only_for_a_title_and_expression_where_it_was_read() -> None:
    pair = [still(room=(0.1,)), still(room=(0.9,))]
    assert worths(pair, titled=False)[0] == worths(pair, titled=False)[1]
    assert worths(pair, titled=True)[0] < worths(pair, titled=True)[1]
    lively = worths([still(), still()], np.array([0.1, 0.9]), titled=False)
    assert lively[0] < lively[1]
