"""Word errors, word-onset errors and speed of transcription on the folder of real media.

    python experiments/benchmarks/transcription.py [MEDIA_FOLDER]

``MEDIA_FOLDER`` defaults to ``$TALKREEL_MEDIA`` or ``../shared/media``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.perceive.transcribe import LocalTranscriber, transcribe
from talkreel.perceive.vad import voice_activity, voiced_spans
from talkreel.perceive.word_errors import edit_distance, spoken

# The end of this reference is uncertain: words recognised after it are not counted.
OPEN_ENDED = "So at minimum"
SPEED_SECONDS = 600.0


class _Looped:
    """Sound repeated up to a length, for timing."""

    sample_rate = 16_000

    def __init__(self, audio: Audio, duration: float) -> None:
        self._samples = audio.samples(Span(0, audio.duration))
        self.duration = duration

    def samples(self, span: Span) -> np.ndarray:
        first, last = round(span.start * 16_000), round(span.end * 16_000)
        places = np.arange(first, last)
        wrapped = self._samples[places % len(self._samples)]
        inside = (places >= 0) & (places < self.duration * 16_000)
        return np.where(inside, wrapped, 0).astype(np.float32)


def main() -> None:
    """Print the tables."""
    default = os.environ.get("TALKREEL_MEDIA", "../shared/media")
    media = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    transcriber = LocalTranscriber(workers=0)
    with tempfile.TemporaryDirectory() as scratch:
        wav = Path(scratch) / "sound.wav"
        word_errors(media, wav, transcriber)
        onset_errors(media, wav, transcriber)
        speed(media, wav)


def hear(path: Path, wav: Path, transcriber: LocalTranscriber) -> Transcript:
    """One file, from the container to words."""
    extract_audio(probe(path), wav)
    audio = Audio(wav)
    return transcribe(transcriber, audio, voiced_spans(voice_activity(audio)))


def word_errors(media: Path, wav: Path, transcriber: LocalTranscriber) -> None:
    """A row per reference text."""
    truth = json.loads((media / "truth" / "transcripts.json").read_text())
    lines = (media / "audio" / "wer" / "manifest.jsonl").read_text().splitlines()
    short = [(media / "audio" / "wer" / e["file"], e["text"]) for e in map(json.loads, lines)]
    copperfield = (media / "truth" / "copperfield_ch1_06.ref.txt").read_text()
    stm = (media / "audio" / "sample.stm").read_text().splitlines()
    talk = truth["talk_podium.mp4"]["text"].partition(OPEN_ENDED)[0]
    sets: list[tuple[str, Sequence[tuple[Path, str]]]] = [
        ("audio/wer (58 files)", short),
        ("copperfield_ch1_06.mp3", [(media / "audio/copperfield_ch1_06.mp3", copperfield)]),
        ("talk_podium.mp4", [(media / "talk_podium.mp4", talk)]),
        ("nasa_13013.mp4", [(media / "nasa_13013.mp4", truth["nasa_13013.mp4"]["text"])]),
        ("jfk.flac", [(media / "audio/jfk.flac", truth["audio/jfk.flac"]["text"])]),
        (
            "sample.wav (2 speakers)",
            [(media / "audio/sample.wav", " ".join(line.split(None, 5)[5] for line in stm))],
        ),
    ]
    print(f"{'word errors':<26}{'words':>7}{'errors':>8}{'WER %':>8}{'untimed':>9}")
    for name, files in sets:
        words = errors = untimed = 0
        for path, text in files:
            transcript = hear(path, wav, transcriber)
            wanted, got = spoken(text), spoken(transcript.text)
            ends = range(len(wanted), len(got) + 1) if path.name == "talk_podium.mp4" else []
            errors += min(edit_distance(wanted, got[:end]) for end in [len(got), *ends])
            words += len(wanted)
            untimed += sum(word.interpolated for word in transcript.words)
        print(f"{name:<26}{words:>7}{errors:>8}{100 * errors / words:>8.1f}{untimed:>9}")


def onset_errors(media: Path, wav: Path, transcriber: LocalTranscriber) -> None:
    """Recognised words against the word times, where the words agree."""
    errors: list[float] = []
    words = 0
    for path in sorted((media / "audio" / "word_times").glob("*.json")):
        items = [w for w in json.loads(path.read_text())["w"] if w["t"][0] not in "<["]
        wanted = [(w["t"].partition("(")[0], w["b"]) for w in items]
        heard = hear(path.with_suffix(".wav"), wav, transcriber).words
        # A word shown as one may be several in the reference: its onset is the first one's.
        got = [(spoken(word.text) or [""], word.span.start) for word in heard]
        flat = [(part, at if i == 0 else None) for parts, at in got for i, part in enumerate(parts)]
        matcher = SequenceMatcher(None, [w for w, _ in wanted], [w for w, _ in flat], False)
        for a, b, size in matcher.get_matching_blocks():
            for i in range(size):
                at = flat[b + i][1]
                if at is not None:
                    errors.append(1000 * (at - wanted[a + i][1]))
        words += len(wanted)
    size = np.abs(errors)
    print(f"\n{'word onsets, ms':<26}{'words':>7}{'median':>8}{'p90':>8}{'max':>8}{'bias':>8}")
    print(
        f"{'audio/word_times':<26}{len(errors):>4}/{words:<3}{np.median(size):>7.0f}"
        f"{np.percentile(size, 90):>8.0f}{size.max():>8.0f}{np.mean(errors):>8.1f}"
    )


def speed(media: Path, wav: Path) -> None:
    """Ten minutes of one reader, looped: each part against real time."""
    extract_audio(probe(media / "audio/copperfield_ch1_06.mp3"), wav)
    audio = _Looped(Audio(wav), SPEED_SECONDS)
    print(f"\n{'speed, 10 minutes':<26}{'wall s':>7}{'x real':>8}")
    began = time.perf_counter()
    voice = voice_activity(audio)  # type: ignore[arg-type]
    _row("voice activity", time.perf_counter() - began)
    spans = voiced_spans(voice)
    cores = len(os.sched_getaffinity(0))
    for workers in sorted({1, min(cores, 4)}):
        began = time.perf_counter()
        transcribe(LocalTranscriber(workers=workers), audio, spans)  # type: ignore[arg-type]
        _row(f"words, {workers} process(es)", time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of a worker: {peak:.0f} MB")


def _row(name: str, seconds: float) -> None:
    print(f"{name:<26}{seconds:>7.1f}{SPEED_SECONDS / seconds:>8.0f}")


if __name__ == "__main__":
    main()
