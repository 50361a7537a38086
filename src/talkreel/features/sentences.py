"""What the engagement model is fed with: one row per sentence, the same in training and in use.

Five streams: ``text`` (meaning, words and form), ``timing``, ``sound`` (level and pitch),
``visual`` and ``mel`` (the log-mel picture). A stream that a source lacks is masked, never
guessed. Nothing tells a sentence's place in the talk.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray, check_shape
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript
from talkreel.features.sentence_sound import MEL_SIZE, sentence_mel

if TYPE_CHECKING:
    from talkreel.media.audio import Audio

FEATURES = "sentences/2"
FEATURES_HEARD = "sentences/2+mel/1"  # with the picture of the sound
STREAMS = ("text", "timing", "sound", "visual", "mel")
TEXT, TIMING, SOUND, VISUAL, MEL = range(5)
# Mean states of these layers of MiniLM are read: the last one was trained for topic
# (experiments/2026-11-22-engagement).
LAYERS = (3, 5)
TEXT_SIZE = 384 * len(LAYERS)
WORD_SLOTS = 64  # words and pairs of a sentence that are looked at; 99 % of sentences fit
FORM = (
    "log_words", "log_letters", "ends_sentence", "question", "exclamation", "dash", "quote",
    "comma", "numbers", "capitals", "first_singular", "first_plural", "second_person", "echo",
    "like_before", "like_after", "longer_than_before", "shorter_than_after",
)  # fmt: skip
_NEIGHBOURS = FORM[-4:]
TIMING_NAMES = ("log_seconds", "words_per_second", "log_gap_before", "log_gap_after")
SOUND_NAMES = ("loudness", "loudness_change", "pitch", "pitch_range")
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+|[?!]")
_HASH_SPACE = 1 << 20  # reduced to the table of a net by its own modulus
_I = frozenset(["i", "me", "my", "i'm", "i've", "i'll", "i'd", "mine", "myself"])
_WE = frozenset(["we", "us", "our", "we're", "we've", "we'll", "ours", "ourselves"])
_YOU = frozenset(["you", "your", "you're", "you've", "you'll", "yours"])
_LONGEST_GAP_SECONDS = 10.0
_SILENT_LUFS = -70.0

IntArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class TalkFeatures:
    """The streams of one talk.

    Attributes:
        text: [N, D] mean states of ``LAYERS``.
        words: [N, WORD_SLOTS] hashes of words and pairs of words, 1.. ; 0 pads.
        form: [N, len(FORM)].
        timing: [N, len(TIMING_NAMES)]; 0 where not known.
        sound: [N, len(SOUND_NAMES)]; likewise.
        visual: [N, V] picture embeddings; V is 0 without pictures.
        mel: [N, MEL_SIZE] float16 log-mel energies; [N, 0] without.
        known: [N, len(STREAMS)] 1 where a stream speaks.
    """

    text: FloatArray
    words: IntArray
    form: FloatArray
    timing: FloatArray
    sound: FloatArray
    visual: FloatArray
    mel: NDArray[np.float16]
    known: FloatArray

    def __len__(self) -> int:
        return len(self.text)


def talk_features(
    texts: Sequence[str],
    embeddings: FloatArray | None,
    *,
    wording: FloatArray | None = None,
    times: FloatArray | None = None,
    signals: Mapping[str, Signal] | None = None,
    visual: FloatArray | None = None,
    mel: NDArray[np.float16] | None = None,
) -> TalkFeatures:
    """Features of a talk, one row per sentence.

    Args:
        texts: [N] sentences in order.
        embeddings: [N, D] of them, for how close neighbours are in meaning, or None.
        wording: [N, W] mean states of ``LAYERS``, each of length 1, or None where only words and
            form speak.
        times: [N, 2] seconds of start and end, or None.
        signals: curves of the sound (``loudness``, ``pitch``); used only with ``times``. Curves
            of the room's reaction are not looked at: they are what is to be predicted.
        visual: [N, V] picture embeddings; rows of NaN are not known.
        mel: [N, MEL_SIZE] of ``sentence_mel``; likewise.

    Raises:
        ValueError: arrays that do not fit the texts.
    """
    count = len(texts)
    # Untouched zeros take no memory: a large set without embeddings stays small.
    vectors = np.zeros((count, 1), np.float32) if embeddings is None else embeddings
    check_shape("embeddings", vectors, (count, None))
    states = np.zeros((count, TEXT_SIZE), np.float32) if wording is None else wording
    check_shape("wording", states, (count, None))
    tokens = [_TOKEN.findall(text.lower().replace("’", "'")) for text in texts]
    timing = np.full((count, len(TIMING_NAMES)), np.nan)
    sound = np.full((count, len(SOUND_NAMES)), np.nan)
    if times is not None:
        check_shape("times", times, (count, 2))
        timing = _timing(np.asarray(times, dtype=np.float64), [len(found) for found in tokens])
        sound = _sound(np.asarray(times, dtype=np.float64), signals or {})
    pictures = np.zeros((count, 0)) if visual is None else np.asarray(visual)
    check_shape("visual", pictures, (count, None))
    heard = _mel_of(mel, count)
    return TalkFeatures(
        text=np.asarray(states, dtype=np.float32),
        words=_hashed(tokens),
        form=np.hstack([_form(texts, tokens), _neighbours(vectors, tokens)]),
        timing=np.nan_to_num(timing).astype(np.float32),
        sound=np.nan_to_num(sound).astype(np.float32),
        visual=np.nan_to_num(pictures).astype(np.float32),
        mel=np.nan_to_num(heard),
        known=_known(wording is not None, timing, sound, pictures, heard),
    )


def _mel_of(mel: NDArray[np.float16] | None, count: int) -> NDArray[np.float16]:
    heard = np.zeros((count, 0), np.float16) if mel is None else np.asarray(mel, dtype=np.float16)
    check_shape("mel", heard, (count, None))
    if heard.shape[1] not in (0, MEL_SIZE):
        raise ValueError(f"mel must have {MEL_SIZE} columns, got {heard.shape[1]}")
    return heard


def _known(
    worded: bool,
    timing: FloatArray,
    sound: FloatArray,
    pictures: FloatArray,
    mel: NDArray[np.float16],
) -> FloatArray:
    """[N, 5] 1 where a sentence has something in a stream."""
    known = np.zeros((len(timing), len(STREAMS)), dtype=np.float32)
    known[:, TEXT] = worded
    known[:, TIMING] = ~np.isnan(timing).all(axis=1)
    known[:, SOUND] = ~np.isnan(sound).all(axis=1)
    known[:, VISUAL] = ~np.isnan(pictures).any(axis=1) if pictures.shape[1] else 0
    known[:, MEL] = ~np.isnan(mel).any(axis=1) if mel.shape[1] else 0
    return known


def transcript_features(
    transcript: Transcript,
    embeddings: FloatArray,
    signals: Mapping[str, Signal] | None = None,
    *,
    wording: FloatArray | None = None,
    visual: FloatArray | None = None,
    audio: Audio | None = None,
) -> TalkFeatures:
    """Features of ``transcript.sentences``, as ``talk_features``; ``mel`` is heard in ``audio``."""
    times = sentence_times(transcript)
    return talk_features(
        [sentence.text for sentence in transcript.sentences],
        embeddings,
        wording=wording,
        times=times,
        signals=signals,
        visual=visual,
        mel=None if audio is None else sentence_mel(audio, times),
    )


def sentence_times(transcript: Transcript) -> FloatArray:
    """[N, 2] seconds of start and end of ``transcript.sentences``."""
    spans = [sentence.span for sentence in transcript.sentences]
    return np.array([(span.start, span.end) for span in spans], dtype=np.float64).reshape(-1, 2)


def _hashed(tokens: Sequence[Sequence[str]]) -> IntArray:
    """Words first, then pairs: what does not fit are the pairs of long sentences."""
    rows = np.zeros((len(tokens), WORD_SLOTS), dtype=np.int32)
    for row, words in enumerate(tokens):
        grams = [*words, *(f"{a} {b}" for a, b in pairwise(words))]
        if words:
            grams += [f"^{words[0]}", f"{words[-1]}$"]
        distinct = list(dict.fromkeys(grams))[:WORD_SLOTS]
        rows[row, : len(distinct)] = [_hash(gram) for gram in distinct]
    return rows


@lru_cache(maxsize=200_000)
def _hash(gram: str) -> int:
    return 1 + zlib.crc32(gram.encode("utf-8")) % _HASH_SPACE


def _form(texts: Sequence[str], tokens: Sequence[Sequence[str]]) -> FloatArray:
    rows = [
        _form_row(text, words, tokens[i - 1] if i else ())
        for i, (text, words) in enumerate(zip(texts, tokens, strict=True))
    ]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(FORM) - len(_NEIGHBOURS))


def _form_row(text: str, words: Sequence[str], before: Sequence[str]) -> list[float]:
    bare = text.rstrip("\"')]}»”’ ")
    total = max(1, len(words))
    spelled = text.split()
    shown = sum(word[0].isupper() for word in spelled[1:]) / max(1, len(spelled) - 1)
    return [
        float(np.log1p(len(words))),
        float(np.log1p(len(text))),
        float(bare.endswith((".", "?", "!", "…"))),
        float("?" in text),
        float("!" in text),
        float(any(dash in text for dash in ("—", "–", "--"))),
        float(any(quote in text for quote in '"“”')),
        float(text.count(",")) / total,
        float(any(c.isdigit() for c in text)),
        shown,
        sum(word in _I for word in words) / total,
        sum(word in _WE for word in words) / total,
        sum(word in _YOU for word in words) / total,
        len(set(words) & set(before)) / total,
    ]


def _neighbours(vectors: FloatArray, tokens: Sequence[Sequence[str]]) -> FloatArray:
    """Closeness in meaning and length against the sentences beside it; 0 at the ends."""
    rows = np.zeros((len(tokens), len(_NEIGHBOURS)), dtype=np.float32)
    if len(tokens) > 1:
        closeness = np.einsum("nd,nd->n", vectors[1:], vectors[:-1])
        change = np.diff(np.log1p([len(words) for words in tokens]))
        rows[1:, 0] = rows[:-1, 1] = closeness
        rows[1:, 2] = rows[:-1, 3] = change
    return rows


def _timing(times: FloatArray, counts: Sequence[int]) -> FloatArray:
    if not len(times):
        return np.zeros((0, len(TIMING_NAMES)))
    seconds = np.maximum(times[:, 1] - times[:, 0], 0.05)
    gaps = np.clip(times[1:, 0] - times[:-1, 1], 0, _LONGEST_GAP_SECONDS)
    edge = [np.median(gaps) if len(gaps) else 0.0]
    rows = [
        np.log(seconds),
        np.minimum(np.asarray(counts) / seconds, 10.0),
        np.log1p(np.concatenate([edge, gaps])),
        np.log1p(np.concatenate([gaps, edge])),
    ]
    return np.stack(rows, axis=1)


def _sound(times: FloatArray, signals: Mapping[str, Signal]) -> FloatArray:
    """Levels against the talk's own median, so that a quiet recording is no quiet talk."""
    spans = [Span(start, max(end, start + 0.05)) for start, end in times]
    loudness = np.array([_loudness(signals.get("loudness"), span) for span in spans])
    pitch = np.array([_pitch(signals.get("pitch"), span) for span in spans]).reshape(-1, 2)
    loudness = loudness - _median(loudness)
    change = np.concatenate([loudness[:1] * 0, np.diff(loudness)])  # NaN stays NaN
    return np.stack([loudness, change, pitch[:, 0] - _median(pitch[:, 0]), pitch[:, 1]], axis=1)


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _loudness(signal: Signal | None, span: Span) -> float:
    if signal is None:
        return float("nan")
    values = np.asarray(signal.over(span), dtype=np.float64)
    heard = values[np.isfinite(values) & (values > _SILENT_LUFS)]
    return float(heard.mean()) if heard.size else float("nan")


def _pitch(signal: Signal | None, span: Span) -> tuple[float, float]:
    """Median in semitones, and the range from the 10th to the 90th percentile."""
    if signal is None:
        return float("nan"), float("nan")
    values = np.asarray(signal.over(span), dtype=np.float64)
    voiced = values[np.isfinite(values) & (values > 0)]
    if voiced.size < 8:
        return float("nan"), float("nan")
    low, middle, high = 12 * np.log2(np.percentile(voiced, [10, 50, 90]))
    return float(middle), float(high - low)
