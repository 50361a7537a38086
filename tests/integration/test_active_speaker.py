"""Who speaks in real pictures, from the file to the answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.perceive.active import ActiveSpeaker
from talkreel.perceive.faces import FaceFinder
from talkreel.perceive.speakers import diarize

pytestmark = pytest.mark.integration


def _energy_voice(audio: Audio) -> Signal:
    samples = audio.samples(Span(0, audio.duration))
    frames = samples[: len(samples) // 512 * 512].reshape(-1, 512)
    return Signal("voice", np.sqrt((frames**2).mean(axis=1)) > 0.01, "probability", step=0.032)


def _watch(path: Path, span: Span, tmp: Path, models: Path | None) -> tuple[FaceTrack, ...]:
    media = probe(path)
    extract_audio(media, tmp / "sound.wav")
    audio = Audio(tmp / "sound.wav")
    voice = _energy_voice(audio)
    grid = np.arange(0.0, audio.duration - 0.3, 0.3).tolist()
    words = [Word("word", Span(t, t + 0.3)) for t in grid]
    words = [word for word in words if voice.mean_over(word.span) > 0.3]
    shots = [Shot(Span(0, 16)), Shot(Span(16, media.duration))]
    tracks = FaceFinder(models)(media, [span], shots)
    spoken = diarize(audio, voice, words)
    return ActiveSpeaker(models)(media, tracks, audio, voice, shots, words=spoken)


def _accuracy(tracks: tuple[FaceTrack, ...], truth: Path, span: Span) -> float:
    right = []
    for segment in json.loads(truth.read_text())["segments"]:
        inside = Span(segment["start"], segment["end"]).intersect(span)
        for time in np.arange(inside.start, inside.end, 0.04) if inside else ():
            sides = {
                "L" if track.boxes[0, 0] < 0.5 else "R": float(
                    np.interp(time, track.times, track.speaking)
                )
                for track in tracks
                if track.span.contains(time)
            }
            if len(sides) == 2 and max(sides.values()) > 0.05:
                right.append((sides["L"] > sides["R"]) == (segment["speaker_side"] == "L"))
    return float(np.mean(right))


@pytest.mark.parametrize("name", ["asd_dev_easy", "asd_dev_hard"])
def test_mouths_in_step_tell_the_speaker_without_weights(
    name: str, media_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TALKREEL_MODELS", raising=False)
    monkeypatch.setattr("talkreel.store.weights.user_folder", lambda: tmp_path)
    span = Span(0, 16)
    tracks = _watch(media_dir / f"{name}.mp4", span, tmp_path, None)
    assert len(tracks) == 2
    assert _accuracy(tracks, media_dir / "truth" / f"{name}.json", span) > 0.85
    assert {track.speaker for track in tracks} == {"A", "B"}


def test_the_network_tells_the_speaker(media_dir: Path, models_dir: Path, tmp_path: Path) -> None:
    span = Span(4, 12)
    tracks = _watch(media_dir / "asd_dev_easy.mp4", span, tmp_path, models_dir)
    assert _accuracy(tracks, media_dir / "truth" / "asd_dev_easy.json", span) > 0.9
