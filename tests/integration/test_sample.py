"""The committed sample and its ground truth belong together."""

from __future__ import annotations

import ctypes.util
import importlib.util
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def truth(sample_dir: Path) -> dict[str, Any]:
    data = json.loads((sample_dir / "talk.truth.json").read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


@pytest.fixture(scope="module")
def picture(sample_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frame times, and the mean change from the frame before (grey levels, frame 0: 0)."""
    import av

    times, changes, before = [], [], None
    with av.open(str(sample_dir / "talk.mp4")) as container:
        for frame in container.decode(video=0):
            grey = frame.reformat(160, 90, "gray").to_ndarray().astype(np.int16)
            changes.append(0.0 if before is None else float(np.abs(grey - before).mean()))
            times.append(frame.time)
            before = grey
    return np.array(times), np.array(changes)


@pytest.fixture(scope="module")
def sound(sample_dir: Path) -> np.ndarray:
    """16 kHz mono samples."""
    import av

    resampler = av.AudioResampler("flt", "mono", 16000)
    with av.open(str(sample_dir / "talk.mp4")) as container:
        frames = [
            out.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for out in resampler.resample(frame)
        ]
    return np.concatenate(frames)


def test_file_is_small_and_ninety_seconds_long(
    sample_dir: Path, truth: dict[str, Any], picture: tuple[np.ndarray, np.ndarray]
) -> None:
    assert (sample_dir / "talk.mp4").stat().st_size <= 4_000_000
    times, _ = picture
    assert len(times) == truth["frames"]
    assert 85 <= truth["duration"] <= 95
    assert truth["duration"] == pytest.approx(times[-1] + 1 / 25, abs=1e-3)


def test_nothing_beside_it_reads_as_a_transcript(sample_dir: Path) -> None:
    for suffix in (".srt", ".vtt", ".json"):
        assert not (sample_dir / f"talk{suffix}").exists()


def test_cuts_are_where_the_picture_changes(
    truth: dict[str, Any], picture: tuple[np.ndarray, np.ndarray]
) -> None:
    times, changes = picture
    frames = [cut["frame"] for cut in truth["cuts"]]
    assert len(frames) >= 3
    assert sorted(np.argsort(changes)[-len(frames) :]) == frames
    others = np.delete(changes, frames)
    assert changes[frames].min() > 4 * others.max()
    for cut in truth["cuts"]:
        assert times[cut["frame"]] == pytest.approx(cut["time"], abs=1e-3)


def test_shots_cover_the_talk_and_both_scenes(truth: dict[str, Any]) -> None:
    shots = truth["shots"]
    assert {shot["kind"] for shot in shots} == {"stage", "slides"}
    assert shots[0]["start"] == 0
    assert shots[-1]["end"] == truth["duration"]
    for first, second in pairwise(shots):
        assert first["end"] == second["start"]
    assert [shot["start"] for shot in shots[1:]] == [cut["time"] for cut in truth["cuts"]]


def test_words_ascend_inside_their_sentences(truth: dict[str, Any]) -> None:
    words = iter(truth["words"])
    for sentence in truth["sentences"]:
        inside = [next(words) for _ in sentence["text"].split()]
        assert [word["text"] for word in inside] == sentence["text"].split()
        assert inside[0]["start"] == sentence["start"]
        assert inside[-1]["end"] == sentence["end"]
        assert {word["speaker"] for word in inside} == {sentence["speaker"]}
        for word in inside:
            assert word["start"] < word["end"]
        for first, second in pairwise(inside):
            assert first["end"] <= second["start"] + 1e-3
    assert next(words, None) is None
    assert {sentence["speaker"] for sentence in truth["sentences"]} == {"A", "B"}
    exact = [word["exact"] for word in truth["words"]]
    assert np.mean(exact) > 0.9


def test_sentences_are_where_the_sound_is(truth: dict[str, Any], sound: np.ndarray) -> None:
    level = np.sqrt(np.convolve(sound**2, np.ones(320) / 320, mode="same"))

    def loudest(start: float, end: float) -> float:
        return float(level[round(start * 16000) : round(end * 16000)].max())

    sentences = truth["sentences"]
    for sentence in sentences:
        assert loudest(sentence["start"], sentence["end"]) > 0.1
        # Speech begins at the stated time: quiet before, sound soon after.
        assert loudest(sentence["start"] - 0.15, sentence["start"] - 0.03) < 0.02
        assert loudest(sentence["start"], sentence["start"] + 0.15) > 0.02
    for clapping in truth["applause"]:
        assert loudest(clapping["start"] + 0.3, clapping["end"] - 0.3) > 0.05


def test_faces_are_inside_the_picture_and_absent_on_plain_slides(truth: dict[str, Any]) -> None:
    shown = {shot["name"]: [] for shot in truth["shots"]}
    for face in truth["faces"]:
        shot = next(s for s in truth["shots"] if s["start"] <= face["time"] < s["end"])
        shown[shot["name"]].append(face["box"])
        if face["box"]:
            left, top, right, bottom = face["box"]
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1
    assert all(box is None for name in ("slide_gap", "slide_question") for box in shown[name])
    stage = [box for name, boxes in shown.items() if name.startswith("stage") for box in boxes]
    assert stage
    assert all(box and box[2] - box[0] > 0.12 for box in stage)
    walked = [box[0] for box in shown["stage_medium"]]
    assert max(walked) - min(walked) > 0.1


def test_face_boxes_hold_the_face(sample_dir: Path, truth: dict[str, Any]) -> None:
    """The built-in detector finds a face at the stated place in every stage frame it is given."""
    import av
    import dlib

    detector = dlib.get_frontal_face_detector()
    wanted = {
        round(face["time"] * 25): face["box"]
        for face in truth["faces"][::25]
        if face["box"] and face["box"][2] - face["box"][0] > 0.12
    }
    assert len(wanted) >= 8
    with av.open(str(sample_dir / "talk.mp4")) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index not in wanted:
                continue
            found = detector(frame.reformat(640, 360, "rgb24").to_ndarray(), 0)
            left, top, right, bottom = wanted[index]
            centres = [(r.center().x / 640, r.center().y / 360) for r in found]
            assert any(left < x < right and top < y < bottom for x, y in centres), index


@pytest.mark.slow
def test_truth_is_the_same_when_made_again(sample_dir: Path, tmp_path: Path) -> None:
    for need in ("espeak-ng", "skimage"):
        have = ctypes.util.find_library(need) or importlib.util.find_spec(need)
        if not have:
            pytest.skip(f"making the sample needs {need}")
    script = str(sample_dir / "make_sample.py")
    command = [sys.executable, script, "--truth-only", "--out", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    made = (tmp_path / "talk.truth.json").read_text(encoding="utf-8")
    assert made == (sample_dir / "talk.truth.json").read_text(encoding="utf-8")
