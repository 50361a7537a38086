"""When each word is spoken: forced alignment of known words with sound (English).

pocketsphinx finds the likeliest times for the words' phones. One utterance is aligned at a
time (a chunk of at most about 20 s), so memory is flat and a bad chunk spoils no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.spans import Span
from talkreel.perceive.normalize import spoken_words
from talkreel.perceive.pronounce import guess

SAMPLE_RATE = 16_000
_FRAMES_PER_SECOND = 100
# (beam, word beam, phone beam): the first is fast and fits nearly everything; the wider one is
# tried only when the last word was pruned away.
_BEAMS = ((1e-100, 1e-80, 1e-100), (1e-250, 1e-250, 1e-250))
# Of a pause between words; the model's own .005 lets words swallow pauses shorter than .1 s,
# and a caption would light up too early.
_PAUSE_PROBABILITY = 0.1
# Quieter sound loses detail in 16 bits.
_PEAK = 0.5
_ENERGY_FRAME = SAMPLE_RATE // _FRAMES_PER_SECOND
# Without some silence after it the last word is pruned away where a chunk ends in speech.
_TAIL_SECONDS = 0.3
_TAIL_LEVEL = 2 / 32768
_SETTLING_SECONDS = 0.2
# Sound counts as speech within this range below the loud part, when times must be guessed.
_ACTIVE_RANGE = 10 ** (-30 / 20)


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """When one word is spoken.

    Attributes:
        span: seconds from the first sample.
        interpolated: the time was spread, not found.
    """

    span: Span
    interpolated: bool = False


class Aligner:
    """Finds words in sound; keeps its models, so make one and use it often."""

    name = "pocketsphinx"
    version = 1

    def __init__(self) -> None:
        self._decoders: dict[int, Any] = {}

    def __call__(
        self, samples: NDArray[np.float32], words: Sequence[str]
    ) -> tuple[AlignedWord, ...]:
        """Times for ``words``, all of them spoken in [N] samples of 16 kHz sound.

        A word shown as digits covers everything that is said for it. Words are in order,
        do not overlap and stay inside the sound. Where no alignment exists the words are
        spread over the sounding part and flagged.

        Raises:
            ValueError: a word is blank.
        """
        return self.find(samples, words) or spread(samples, words)

    def find(
        self, samples: NDArray[np.float32], words: Sequence[str]
    ) -> tuple[AlignedWord, ...] | None:
        """As calling, but None where no alignment exists: the words are not what is said."""
        if any(not word.strip() for word in words):
            raise ValueError("a word to align cannot be blank")
        if not words:
            return ()
        duration = len(samples) / SAMPLE_RATE
        spoken = [spoken_words(word) or (_filler(word),) for word in words]
        flat = [part for parts in spoken for part in parts]
        found = self._search(to_pcm(samples), flat)
        if found is None or found[-1].start >= duration:
            return None
        aligned: list[AlignedWord] = []
        at = 0
        for word, parts in zip(words, spoken, strict=True):
            span = Span(found[at].start, found[at + len(parts) - 1].end)
            aligned.append(AlignedWord(span.clamp(Span(0.0, duration)), not spoken_words(word)))
            at += len(parts)
        return tuple(aligned)

    def _search(self, pcm: bytes, words: Sequence[str]) -> list[Span] | None:
        for level in range(len(_BEAMS)):
            decoder = self._decoder(level)
            for word in words:
                _know(decoder, word)
            decoder.set_align_text(" ".join(words))
            listen(decoder, pcm)
            found = _segments(decoder)
            if [word for word, _ in found] == list(words):
                return [span for _, span in found]
        return None

    def _decoder(self, level: int) -> Any:
        if level not in self._decoders:
            from pocketsphinx import Decoder

            beam, word_beam, phone_beam = _BEAMS[level]
            # Batch mean normalisation: an utterance must not depend on those before it. The
            # lattice search after the first pass would drop words, up to the whole ending.
            self._decoders[level] = Decoder(
                lm=None,
                loglevel="FATAL",
                cmn="batch",
                bestpath=False,
                silprob=_PAUSE_PROBABILITY,
                beam=beam,
                wbeam=word_beam,
                pbeam=phone_beam,
            )
        return self._decoders[level]


def listen(decoder: Any, pcm: bytes) -> None:
    """Decode one utterance, whatever was decoded before.

    The acoustic model starts its search for each frame from the frame before, also across
    utterances; a fixed bit of noise first makes every utterance start alike.
    """
    for sound in (_settling_noise(), pcm):
        decoder.start_utt()
        decoder.process_raw(sound, full_utt=True)
        decoder.end_utt()


@lru_cache(maxsize=1)
def _settling_noise() -> bytes:
    noise = np.random.default_rng(1).standard_normal(round(_SETTLING_SECONDS * SAMPLE_RATE))
    return bytes((noise * 300).astype("<i2").tobytes())


def _know(decoder: Any, word: str) -> None:
    if decoder.lookup_word(word) is None:
        phones = guess(word, decoder.lookup_word)
        decoder.add_word(word, phones or _filler_phones(word), True)


def _filler(word: str) -> str:
    """A made-up spelling for a word in a script that English cannot read."""
    return f"[filler-{min(len(word), 12)}]"


def _filler_phones(word: str) -> str:
    size = word.strip("[]").rpartition("-")[2]
    return " ".join(["AH"] * max(1, int(size) if size.isdigit() else 1))


def _segments(decoder: Any) -> list[tuple[str, Span]]:
    """Words found, pauses left out and variants of pronunciation (``the(2)``) folded."""
    if decoder.hyp() is None:
        return []
    found = []
    for segment in decoder.seg():
        if segment.word.startswith(("<", "[NOISE", "[SPEECH")):
            continue
        name = segment.word
        if name.endswith(")") and "(" in name:
            name = name[: name.rindex("(")]
        start = segment.start_frame / _FRAMES_PER_SECOND
        found.append((name, Span(start, (segment.end_frame + 1) / _FRAMES_PER_SECOND)))
    return found


def to_pcm(samples: NDArray[np.float32]) -> bytes:
    """16 bit little endian sound as the aligner wants it: loud enough, silent at the end."""
    peak = float(np.abs(samples).max(initial=0.0))
    gain = 32767 * (_PEAK / peak if 0 < peak < _PEAK else 1.0)
    tail = np.random.default_rng(0).standard_normal(round(_TAIL_SECONDS * SAMPLE_RATE))
    padded = np.concatenate([samples * gain, tail * _TAIL_LEVEL * 32767])
    pcm: NDArray[np.int16] = np.clip(np.rint(padded), -32768, 32767).astype("<i2")
    return pcm.tobytes()


def spread(samples: NDArray[np.float32], words: Sequence[str]) -> tuple[AlignedWord, ...]:
    """Words spread by their length over the frames that sound; all flagged."""
    if not words or not len(samples):
        return tuple(AlignedWord(Span(0.0, 0.0), interpolated=True) for _ in words)
    count = max(1, len(samples) // _ENERGY_FRAME)
    frames = np.resize(samples, count * _ENERGY_FRAME).reshape(count, _ENERGY_FRAME)
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    active = np.flatnonzero(level >= _ACTIVE_RANGE * np.percentile(level, 95))
    edges = np.append(active, active[-1] + 1) / _FRAMES_PER_SECOND
    lengths = np.cumsum([0, *(len(word) + 1 for word in words)])
    places = lengths / lengths[-1] * (len(edges) - 1)
    times = np.interp(places, np.arange(len(edges)), edges)
    duration = len(samples) / SAMPLE_RATE
    return tuple(
        AlignedWord(Span(float(a), float(b)).clamp(Span(0.0, duration)), interpolated=True)
        for a, b in pairwise(times)
    )
