"""From a transcript to an engagement curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.signals import Signal
from talkreel.core.transcript import Transcript
from talkreel.features.seconds import STEP_SECONDS, by_second
from talkreel.features.sentences import (
    FEATURES,
    FEATURES_HEARD,
    LAYERS,
    TalkFeatures,
    transcript_features,
)
from talkreel.media.audio import Audio
from talkreel.models.bundle import Bundle, require
from talkreel.models.text import LayerEmbedder

LABELS = ("applause", "laughter", "importance")


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
        self._hears = bundle.spec.features == FEATURES_HEARD
        require(bundle, "engagement", FEATURES_HEARD if self._hears else FEATURES)
        self._net = bundle.net
        self._labels = bundle.spec.labels
        self._embedder: LayerEmbedder | None = None

    def __call__(
        self,
        transcript: Transcript,
        embeddings: FloatArray,
        signals: Mapping[str, Signal] | None = None,
        *,
        wording: FloatArray | None = None,
        visual: FloatArray | None = None,
        audio: Audio | None = None,
    ) -> Engagement:
        """Probabilities for every sentence of ``transcript``.

        Args:
            transcript: of the whole talk: a sentence is judged by its neighbours too.
            embeddings: [N, D] of ``transcript.sentences``.
            signals: curves of the sound, as in an analysis.
            wording: [N, 384 * len(LAYERS)] mean states of the sentences; computed here if None.
            visual: [N, V] picture embeddings, for a bundle that was trained with pictures.
            audio: of the recording, for a bundle that was trained with its sound.

        Raises:
            ValueError: arrays that do not fit the transcript.
            ModelMissing: the sentence embedding weights are not installed.
        """
        if wording is None:
            self._embedder = self._embedder or LayerEmbedder(LAYERS)
            wording = self._embedder([sentence.text for sentence in transcript.sentences])
        rows = transcript_features(
            transcript,
            embeddings,
            signals,
            wording=wording,
            visual=visual,
            audio=audio if self._hears else None,
        )
        chances = self._chances(rows)
        applause, laughter, importance = chances.T
        reaction = self._reaction(chances)
        curve = by_second(transcript, reaction[:, None])[:, 0]
        signal = Signal("engagement", curve, "probability", 0.0, STEP_SECONDS)
        return Engagement(reaction, applause, laughter, importance, signal)

    def reaction(self, rows: TalkFeatures) -> FloatArray:
        """[N] as ``Engagement.reaction``, for texts that have no times."""
        return self._reaction(self._chances(rows))

    def _chances(self, rows: TalkFeatures) -> FloatArray:
        """[N, 3] probabilities; NaN for what the bundle never learned."""
        chances = 1 / (1 + np.exp(-self.logits(rows)))
        # What a bundle never learned comes out of untrained weights.
        chances[:, [label not in self._labels for label in LABELS]] = np.nan
        return np.asarray(chances)

    def _reaction(self, chances: FloatArray) -> FloatArray:
        applause, laughter, importance = chances.T
        if not {"applause", "laughter"} & set(self._labels):
            return np.asarray(importance)
        return np.asarray(1 - (1 - np.nan_to_num(applause)) * (1 - np.nan_to_num(laughter)))

    def logits(self, rows: TalkFeatures) -> FloatArray:
        """[N, 3] log odds of applause, laughter and importance."""
        import torch

        if not len(rows):
            return np.zeros((0, 3), dtype=np.float32)
        size = int(self._net.arguments["visual_size"])  # type: ignore[index]
        visual = rows.visual if rows.visual.shape[1] == size else np.zeros((len(rows), size))
        parts = {name: getattr(rows, name) for name in ("text", "words", "form", "timing", "sound")}
        parts |= {"visual": visual.astype(np.float32), "known": rows.known}
        parts |= {"mel": rows.mel.astype(np.float32)}
        batch = {name: torch.from_numpy(part)[None] for name, part in parts.items()}
        batch["lengths"] = torch.tensor([len(rows)])
        with torch.inference_mode():
            return np.asarray(self._net(batch)[0].numpy(), dtype=np.float32)
