"""What the trained models read in a talk, with the bundles in use; what is missing is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.emotions import EMOTIONS, Emotion
from talkreel.core.errors import ModelMissing
from talkreel.core.signals import Signal
from talkreel.core.transcript import Transcript
from talkreel.features.seconds import STEP_SECONDS, by_second
from talkreel.media.audio import Audio
from talkreel.models.bundle import Bundle, BundleSpec, read_spec
from talkreel.models.emotion import fuse, reliability
from talkreel.models.shipped import bundle_folder, load_bundle
from talkreel.ranking.readings import Readings

VERSION = 3
# Longer sentences do not hook: a viewer decides in the first seconds.
OPENING_WORDS = 25
# Channels that were measured as less reliable on people they do not know have no say in what is
# chosen. The shipped voice model, learned from German actors, has 0.33; a better one of your own
# (``TALKREEL_BUNDLES``) speaks up by itself.
LEAST_RELIABILITY = 0.5

T = TypeVar("T")


def read_sentences(
    transcript: Transcript,
    embeddings: FloatArray,
    signals: Mapping[str, Signal],
    audio: Audio | None = None,
) -> Readings:
    """Read every sentence of ``transcript`` with the bundles in use.

    Args:
        transcript: words with times.
        embeddings: [S, 384] of its sentences.
        signals: curves of the sound; may be empty.
        audio: of the recording; without it voices are not read.

    Raises:
        SchemaError: a bundle was changed or does not fit this version.
    """
    texts = [sentence.text for sentence in transcript.sentences]
    if not texts or transcript.language != "en":
        return Readings()
    sources: list[str] = []

    def with_bundle(name: str, read: Callable[[Bundle], T]) -> T | None:
        try:
            bundle = load_bundle(name)
        except ModelMissing:
            return None
        sources.append(label(bundle.spec))
        return read(bundle)

    reaction = with_bundle(
        "engagement", lambda b: _reaction(b, transcript, embeddings, signals, audio)
    )
    hook = with_bundle("hook", lambda b: _hook(b, texts))
    channels = {"text": with_bundle("emotion-text", lambda b: _words(b, texts))}
    if audio is not None and _trusted("voice"):
        channels["voice"] = with_bundle("emotion-voice", lambda b: _voice(b, audio, transcript))
    spoken = {name: channel for name, channel in channels.items() if channel is not None}
    return Readings(
        reaction=reaction,
        hook=hook,
        emotions=pooled(spoken),
        emotion_names=EMOTIONS if spoken else (),
        channels=tuple(spoken),
        sources=tuple(sources),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """What one channel says of S sentences.

    Attributes:
        rows: [S, 7]; NaN where it is silent.
        reliability: > 0.
    """

    rows: FloatArray
    reliability: float


def pooled(channels: Mapping[str, Channel]) -> FloatArray | None:
    """[S, 7] what the channels say together, each sentence by those that spoke in it.

    Where none did the sentence counts as neutral. None without channels.
    """
    if not channels:
        return None
    count = len(next(iter(channels.values())).rows)
    rows = np.zeros((count, len(EMOTIONS)))
    rows[:, EMOTIONS.index("neutral")] = 1.0
    reliabilities = {name: channel.reliability for name, channel in channels.items()}
    for i in range(count):
        said = [
            Emotion(channel.rows[i], (name,))
            for name, channel in channels.items()
            if np.isfinite(channel.rows[i]).all()
        ]
        if said:
            rows[i] = fuse(said, reliabilities).emotion.probabilities
    return rows


def label(spec: BundleSpec) -> str:
    """A bundle as it is named in results: ``engagement/1``."""
    return f"{spec.name}/{spec.version}"


def curves(transcript: Transcript, readings: Readings) -> dict[str, Signal]:
    """The readings by the second, for the report and for notebooks: engagement and emotion."""
    found = {}
    if readings.reaction is not None:
        values = by_second(transcript, readings.reaction[:, None])[:, 0]
        found["engagement"] = Signal("engagement", values, "probability", 0.0, STEP_SECONDS)
    if readings.emotions is not None:
        found["emotion"] = Signal(
            "emotion",
            by_second(transcript, readings.emotions),
            "probability",
            0.0,
            STEP_SECONDS,
            readings.emotion_names,
        )
    return found


def _reaction(
    bundle: Bundle,
    transcript: Transcript,
    embeddings: FloatArray,
    signals: Mapping[str, Signal],
    audio: Audio | None,
) -> FloatArray:
    from talkreel.models.predict_engagement import EngagementPredictor

    return EngagementPredictor(bundle)(transcript, embeddings, signals, audio=audio).reaction


def _hook(bundle: Bundle, texts: Sequence[str]) -> FloatArray:
    from talkreel.models.hook import HookRanker

    openings = [" ".join(text.split()[:OPENING_WORDS]) for text in texts]
    return HookRanker(bundle).score(openings)


def _trusted(channel: str) -> bool:
    try:
        spec = read_spec(bundle_folder(f"emotion-{channel}"))
    except ModelMissing:
        return False
    return reliability(channel, spec) >= LEAST_RELIABILITY


def _words(bundle: Bundle, texts: Sequence[str]) -> Channel:
    from talkreel.models.emotion_text import EmotionTextReader

    rows = EmotionTextReader(bundle).ekman(texts)
    return Channel(rows, reliability("text", bundle.spec))


def _voice(bundle: Bundle, audio: Audio, transcript: Transcript) -> Channel:
    from talkreel.models.predict_voice import VoiceEmotionPredictor

    heard = VoiceEmotionPredictor(bundle)(audio, transcript.words)
    rows = np.full((len(transcript.sentences), len(EMOTIONS)), np.nan)
    for i, sentence in enumerate(transcript.sentences):
        here = heard.over(sentence.span)
        here = here[np.isfinite(here).all(axis=1)]
        if len(here):
            rows[i] = here.mean(axis=0) / here.mean(axis=0).sum()
    return Channel(rows, reliability("voice", bundle.spec))
