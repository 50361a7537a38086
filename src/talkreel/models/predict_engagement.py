"""From a transcript to an engagement curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import SchemaError
from talkreel.core.signals import Signal
from talkreel.core.transcript import Transcript
from talkreel.features.sentences import FEATURES, LAYERS, TalkFeatures, transcript_features
from talkreel.models.bundle import Bundle
from talkreel.models.text import LayerEmbedder

STEP_SECONDS = 1.0
LABELS = ("applause", "laughter", "importance")
_KINDS = (0, 1)


@dataclass(frozen=True, eq=False)
class Engagement:
    """What an audience would make of each sentence; arrays are [N].

    Attributes:
        reaction: probability that the room laughs or claps after it; of importance where the
            bundle learned nothing else.
        applause: probability of applause; NaN, as below, where the bundle never learned that.
        laughter: probability of laughter.
        importance: probability that a summary keeps it.
        signal: ``reaction`` by the second, NaN where nobody speaks.
    """

    reaction: FloatArray
    applause: FloatArray
    laughter: FloatArray
    importance: FloatArray
    signal: Signal


class EngagementPredictor:
    """Predicts with an engagement bundle.

    Raises:
        SchemaError: a bundle of another architecture, or fed with other features.
    """

    def __init__(self, bundle: Bundle) -> None:
        spec = bundle.spec
        if spec.architecture != "engagement" or spec.features != FEATURES:
            raise SchemaError(
                f"bundle {spec.name!r} is a {spec.architecture!r} on {spec.features!r}; an "
                f"engagement model on {FEATURES!r} is needed: export it again"
            )
        self._net = bundle.net
        self._labels = spec.labels
        self._embedder: LayerEmbedder | None = None

    def __call__(
        self,
        transcript: Transcript,
        embeddings: FloatArray,
        signals: Mapping[str, Signal] | None = None,
        *,
        wording: FloatArray | None = None,
        visual: FloatArray | None = None,
    ) -> Engagement:
        """Probabilities for every sentence of ``transcript``.

        Args:
            transcript: of the whole talk: a sentence is judged by its neighbours too.
            embeddings: [N, D] of ``transcript.sentences``.
            signals: curves of the sound, as in an analysis.
            wording: [N, 384 * len(LAYERS)] mean states of the sentences; computed here if None.
            visual: [N, V] picture embeddings, for a bundle that was trained with pictures.

        Raises:
            ValueError: arrays that do not fit the transcript.
            ModelMissing: the sentence embedding weights are not installed.
        """
        if wording is None:
            self._embedder = self._embedder or LayerEmbedder(LAYERS)
            wording = self._embedder([sentence.text for sentence in transcript.sentences])
        rows = transcript_features(transcript, embeddings, signals, wording=wording, visual=visual)
        odds = self.logits(rows)
        chances = 1 / (1 + np.exp(-odds))
        applause, laughter = chances[:, 0], chances[:, 1]
        reaction = 1 - (1 - applause) * (1 - laughter)
        known = "importance" in self._labels
        importance = chances[:, 2] if known else np.full(len(rows), np.nan, dtype=np.float32)
        return Engagement(reaction, applause, laughter, importance, by_second(transcript, reaction))

    def logits(self, rows: TalkFeatures) -> FloatArray:
        """[N, 3] log odds of applause, laughter and importance."""
        import torch

        if not len(rows):
            return np.zeros((0, 3), dtype=np.float32)
        size = int(self._net.arguments["visual_size"])  # type: ignore[index]
        visual = rows.visual if rows.visual.shape[1] == size else np.zeros((len(rows), size))
        parts = {name: getattr(rows, name) for name in ("text", "words", "form", "timing", "sound")}
        parts |= {"visual": visual.astype(np.float32), "known": rows.known}
        batch = {name: torch.from_numpy(part)[None] for name, part in parts.items()}
        batch["lengths"] = torch.tensor([len(rows)])
        with torch.inference_mode():
            return np.asarray(self._net(batch)[0].numpy(), dtype=np.float32)


def by_second(transcript: Transcript, values: FloatArray) -> Signal:
    """A value per sentence spread over the seconds it is spoken in.

    Where two sentences share a second the larger value counts; seconds without speech are NaN.

    Raises:
        ValueError: another number of values than sentences.
    """
    sentences = transcript.sentences
    if len(values) != len(sentences):
        raise ValueError(f"{len(values)} values for {len(sentences)} sentences")
    seconds = int(np.ceil(max((s.span.end for s in sentences), default=0.0) / STEP_SECONDS))
    curve = np.full(seconds, np.nan, dtype=np.float32)
    for sentence, value in zip(sentences, values, strict=True):
        first = int(sentence.span.start / STEP_SECONDS)
        last = max(first + 1, int(np.ceil(sentence.span.end / STEP_SECONDS)))
        curve[first:last] = np.fmax(curve[first:last], value)
    return Signal("engagement", curve, "probability", 0.0, STEP_SECONDS)
