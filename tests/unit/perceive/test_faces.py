"""Faces in real pictures, with and without the better detector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.media import AudioStream
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.media.probe import probe
from talkreel.perceive.detectors import HogDetector, load_detector, look_everywhere, look_near
from talkreel.perceive.faces import FaceFinder, shot_pieces


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any weights."""
    monkeypatch.delenv("TALKREEL_MODELS", raising=False)
    monkeypatch.setattr("talkreel.store.weights.user_folder", lambda: tmp_path)


@pytest.mark.usefixtures("bare")
def test_two_faces_are_followed_and_cut_at_the_shot(media_dir: Path) -> None:
    media = probe(media_dir / "asd_dev_easy.mp4")
    shots = [Shot(Span(0, 16)), Shot(Span(16, 32))]
    finder = FaceFinder()
    shares: list[float] = []
    tracks = finder(media, [Span(14, 16.5), Span(16, 18)], shots, progress=shares.append)
    assert finder.name == "faces-hog"
    assert [track.id for track in tracks] == [0, 1, 2, 3]
    assert [track.span.start >= 16 for track in tracks] == [False, False, True, True]
    assert all(track.span.end <= 18 for track in tracks)
    left, right = tracks[:2]
    assert 0.1 < left.boxes[:, 0].mean() < left.boxes[:, 2].mean() < 0.5
    assert 0.5 < right.boxes[:, 0].mean() < right.boxes[:, 2].mean() < 0.9
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_yunet_finds_the_small_faces(media_dir: Path, models_dir: Path) -> None:
    media = probe(media_dir / "avobjects_trump_biden_debate.mp4")
    finder = FaceFinder(models_dir)
    tracks = finder(media, [Span(0, 3)], ())
    assert finder.name == "faces-yunet"
    places = sorted(float(track.boxes[:, 0].mean()) for track in tracks)
    assert places[0] < 0.2
    assert places[-1] > 0.8


@pytest.mark.usefixtures("bare")
def test_no_face_where_there_is_none(media_dir: Path) -> None:
    media = probe(media_dir / "edge" / "no_face_tone_only.mp4")
    assert FaceFinder()(media, [media.span], ()) == ()


@pytest.mark.usefixtures("bare")
def test_sound_alone_and_empty_spans_have_no_faces(media_dir: Path) -> None:
    media = probe(media_dir / "asd_dev_easy.mp4")
    sound = AudioStream(index=0, sample_rate=48_000, channels=2, codec="aac")
    finder = FaceFinder()
    assert finder(replace(media, video=None, audio=sound), [Span(0, 2)], ()) == ()
    assert finder(media, [], ()) == ()
    assert finder(media, [Span(40, 50)], ()) == ()


def test_pieces_are_merged_clamped_and_cut(media_dir: Path) -> None:
    media = probe(media_dir / "asd_dev_easy.mp4")
    shots = [Shot(Span(0, 16)), Shot(Span(16, media.duration))]
    pieces = shot_pieces(media, [Span(10, 18), Span(17, 99)], shots)
    assert pieces == (Span(10, 16), Span(16, media.duration))


@pytest.mark.usefixtures("bare")
def test_a_box_outside_the_picture_finds_nothing() -> None:
    detector = load_detector()
    assert isinstance(detector, HogDetector)
    plain = np.full((90, 160, 3), 127, np.uint8)
    assert len(look_near(detector, plain, np.array([1.5, 0.2, 1.7, 0.6])).boxes) == 0
    assert len(look_everywhere(detector, plain, 180).boxes) == 0
