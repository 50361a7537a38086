"""Transcription on real and synthetic speech, against the bars the project sets itself."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

import pytest

from talkreel.core.transcript import Transcript
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.perceive.transcribe import LocalTranscriber, transcribe
from talkreel.perceive.vad import voice_activity, voiced_spans
from talkreel.perceive.word_errors import edit_distance, spoken, word_error_rate

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MAX_WORD_ERROR_RATE = 0.10
MAX_MEDIAN_ONSET_SECONDS = 0.050
FOREIGN = {
    "es": "Buenos días a todos. Hoy quiero hablarles de algo que me parece muy importante para "
    "nuestro futuro. Durante los últimos años hemos aprendido que el agua es un recurso limitado.",
    "de": "Guten Morgen meine Damen und Herren. Ich möchte Ihnen heute erzählen, warum wir vor "
    "fünf Jahren angefangen haben, unsere Werkstatt für alle zu öffnen.",
    "fr": "Bonjour à tous et merci d'être venus. Je voudrais vous parler aujourd'hui d'un sujet "
    "qui me tient à coeur depuis longtemps, les villes modernes et leurs habitants.",
    "it": "Buongiorno a tutti, grazie per essere qui. Oggi vorrei raccontarvi la storia di un "
    "piccolo paese di montagna che stava scomparendo, e di una ragazza che ha aperto un forno.",
}
ENGLISH = (
    "Good morning everybody, and thank you for being here. Today I want to talk about something "
    "that I care about very much. When I was a child there were no books in our house."
)

Hear = Callable[[Path], Transcript]


@pytest.fixture(scope="module")
def hear(tmp_path_factory: pytest.TempPathFactory) -> Hear:
    transcriber = LocalTranscriber(workers=0)
    wav = tmp_path_factory.mktemp("sound") / "sound.wav"

    def run(path: Path) -> Transcript:
        extract_audio(probe(path), wav)
        audio = Audio(wav)
        transcript = transcribe(transcriber, audio, voiced_spans(voice_activity(audio)))
        words = transcript.words
        assert all(a.span.end <= b.span.start for a, b in pairwise(words))
        assert not words or (words[0].span.start >= 0 and words[-1].span.end <= audio.duration)
        return transcript

    return run


@pytest.fixture
def speak(tmp_path: Path) -> Callable[[str, str], Path]:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")

    def run(voice: str, text: str) -> Path:
        wav = tmp_path / f"{voice}.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", wav, text], check=True)
        return wav

    return run


def test_word_errors_stay_under_the_bar(media_dir: Path, hear: Hear) -> None:
    folder = media_dir / "audio" / "wer"
    lines = (folder / "manifest.jsonl").read_text().splitlines()[::2]
    errors = words = 0
    for entry in map(json.loads, lines):
        wanted = spoken(entry["text"])
        errors += edit_distance(wanted, spoken(hear(folder / entry["file"]).text))
        words += len(wanted)
    assert words > 200
    assert errors / words <= MAX_WORD_ERROR_RATE


def test_words_start_when_they_are_spoken(media_dir: Path, hear: Hear) -> None:
    errors = []
    for path in sorted((media_dir / "audio" / "word_times").glob("*.json")):
        truth = [w for w in json.loads(path.read_text())["w"] if w["t"][0] not in "<["]
        wanted = [w["t"].partition("(")[0] for w in truth]
        heard = hear(path.with_suffix(".wav")).words
        got = [(spoken(word.text) or [""])[0] for word in heard]
        for a, b, size in SequenceMatcher(None, wanted, got, False).get_matching_blocks():
            errors += [abs(heard[b + i].span.start - truth[a + i]["b"]) for i in range(size)]
    assert len(errors) >= 35
    assert statistics.median(errors) <= MAX_MEDIAN_ONSET_SECONDS


def test_the_samples_own_words_are_found_in_time(sample_dir: Path, hear: Hear) -> None:
    truth = json.loads((sample_dir / "talk.truth.json").read_text())["words"]
    transcript = hear(sample_dir / "talk.mp4")
    assert word_error_rate(" ".join(w["text"] for w in truth), transcript.text) <= 0.12
    wanted = [(spoken(w["text"]) or [""])[0] for w in truth]
    got = [(spoken(word.text) or [""])[0] for word in transcript.words]
    errors = [
        abs(transcript.words[b + i].span.start - truth[a + i]["start"])
        for a, b, size in SequenceMatcher(None, wanted, got, False).get_matching_blocks()
        for i in range(size)
    ]
    assert statistics.median(errors) <= MAX_MEDIAN_ONSET_SECONDS


def test_a_talk_becomes_sentences(media_dir: Path, hear: Hear) -> None:
    transcript = hear(media_dir / "talk_podium.mp4")
    assert "system of representative government" in transcript.text
    assert len(transcript.sentences) >= 5
    assert transcript.warnings == ()


@pytest.mark.parametrize("name", ["no_face_tone_only.mp4", "silent_audio.mp4"])
def test_sound_without_speech_has_no_words(media_dir: Path, hear: Hear, name: str) -> None:
    assert hear(media_dir / "edge" / name).words == ()


def test_real_speech_in_another_language_is_told(media_dir: Path, hear: Hear) -> None:
    transcript = hear(media_dir / "audio" / "whisperkit_es_test_clip.wav")
    assert transcript.words == ()
    assert transcript.language == "und"
    assert len(transcript.warnings) == 1


@pytest.mark.parametrize("language", sorted(FOREIGN))
def test_synthetic_speech_in_another_language_is_told(
    speak: Callable[[str, str], Path], hear: Hear, language: str
) -> None:
    transcript = hear(speak(language, FOREIGN[language]))
    assert transcript.language == "und"
    assert transcript.words == ()


@pytest.mark.parametrize("voice", ["en-us", "en-gb-scotland", "en-029"])
def test_synthetic_english_of_any_accent_is_english(
    speak: Callable[[str, str], Path], hear: Hear, voice: str
) -> None:
    transcript = hear(speak(voice, ENGLISH))
    assert transcript.language == "en"
    assert word_error_rate(ENGLISH, transcript.text) <= 0.25


@pytest.mark.parametrize(
    "name",
    [
        "csci576_interview.mp4",
        "csci576_sports.mp4",
        "visualvoice_interview.mp4",
        "avobjects_trump_biden_debate.mp4",
    ],
)
def test_noisy_and_overlapping_english_is_english(media_dir: Path, hear: Hear, name: str) -> None:
    transcript = hear(media_dir / name)
    assert transcript.language == "en"
    assert transcript.words
