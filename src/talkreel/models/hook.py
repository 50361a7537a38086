"""How strongly an opening line or a title pulls, compared with its alternatives.

Trained on randomised headline tests, so the score is about wording among alternatives for the
same content. It says nothing about reach, and next to nothing about other platforms (the card of
the bundle gives the figures): only compare texts for the same clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from talkreel.core.arrays import FloatArray, frozen
from talkreel.models.bundle import Argument, Bundle, require
from talkreel.models.text import DIMENSIONS, LayerEmbedder

# Of the layers 0..6 the middle ones rank hooks best and the last, trained for topic, worst
# (experiments/2026-11-22-hooks).
LAYERS = (4,)
FEATURES = "minilm-l6-mean4/1"


class HookNet(nn.Module):
    """A score per text; the odds that one beats another grow with the difference.

    Args:
        size: of the input vectors.
        hidden: units of a hidden layer; 0 for a linear score.
    """

    architecture = "hook"
    mean: Tensor
    scale: Tensor
    temperature: Tensor
    margin: Tensor

    def __init__(self, size: int = DIMENSIONS, hidden: int = 0) -> None:
        super().__init__()
        self.arguments: dict[str, Argument] = {"size": size, "hidden": hidden}
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("temperature", torch.ones(()))
        # Difference of calibrated scores below which the favourite wins too rarely to be named.
        self.register_buffer("margin", torch.zeros(()))
        self.body: nn.Module = (
            nn.Sequential(nn.Linear(size, hidden), nn.GELU(), nn.Dropout(0.2), nn.Linear(hidden, 1))
            if hidden
            else nn.Linear(size, 1, bias=False)
        )

    def standardise(self, vectors: Tensor) -> None:
        """Take mean and scale from the training vectors [N, size]."""
        self.mean.copy_(vectors.mean(dim=0))
        self.scale.copy_(vectors.std(dim=0).clamp(min=1e-6))

    def forward(self, vectors: Tensor) -> Tensor:
        """[N] scores of [N, size] vectors; differences are log odds before calibration."""
        scores: Tensor = self.body((vectors - self.mean) / self.scale)
        return scores.squeeze(-1)

    def log_odds(self, first: Tensor, second: Tensor) -> Tensor:
        """[N] calibrated log odds that the first text of each pair beats the second."""
        difference: Tensor = self(first) - self(second)
        return difference / self.temperature


@dataclass(frozen=True, slots=True, eq=False)
class HookRanking:
    """Texts compared with each other.

    Attributes:
        texts: as given.
        scores: [N] calibrated; only differences mean something (log odds).
        wins: [N, N] probability that the row's text beats the column's in a test that tells the
            two apart; .5 on the diagonal.
        too_close: [N, N] whether the two are too close to call; true on the diagonal.
    """

    texts: tuple[str, ...]
    scores: FloatArray
    wins: FloatArray
    too_close: NDArray[np.bool_]

    @property
    def order(self) -> tuple[int, ...]:
        """Indices, strongest first; equals in the order given."""
        return tuple(int(i) for i in np.argsort(-self.scores, kind="stable"))

    @property
    def best(self) -> str | None:
        """The strongest text, or None when its lead over another is too close to call."""
        first = self.order[0]
        others = np.delete(self.too_close[first], first)
        return None if others.any() else self.texts[first]


class HookRanker:
    """Compares alternatives for one clip.

    Args:
        bundle: of role ``hook``.

    Raises:
        ModelMissing: the sentence embedding weights are not installed.
        SchemaError: a bundle of another network, or one fed with other features.
    """

    def __init__(self, bundle: Bundle) -> None:
        require(bundle, HookNet.architecture, FEATURES)
        assert isinstance(bundle.net, HookNet)
        self._net = bundle.net
        self._embedder = LayerEmbedder(LAYERS)

    def rank(self, texts: Sequence[str], *, wording: FloatArray | None = None) -> HookRanking:
        """Every text against every other.

        Args:
            texts: one or more.
            wording: as in ``score``.

        Raises:
            TypeError: one string instead of a sequence of strings.
            ValueError: no text, or an empty one.
        """
        if isinstance(texts, str):
            raise TypeError("rank takes a sequence of texts, got one string")
        if not texts or not all(text.strip() for text in texts):
            raise ValueError("rank needs one or more texts, none of them empty")
        scores = self.score(texts, wording=wording)
        lead = scores[:, None] - scores[None, :]
        wins = 1 / (1 + np.exp(-lead))
        margin = float(self._net.margin)
        close = (np.abs(lead) < margin) | (lead == 0)
        return HookRanking(tuple(texts), frozen(scores), frozen(wins), close)

    def score(self, texts: Sequence[str], *, wording: FloatArray | None = None) -> FloatArray:
        """[N] calibrated scores: differences are log odds of winning.

        Args:
            texts: to be scored.
            wording: [N, 384] mean states of ``LAYERS``; computed here if None.
        """
        vectors = self._embedder(texts) if wording is None else wording
        with torch.inference_mode():
            scores = self._net(torch.from_numpy(vectors)) / self._net.temperature
        return np.asarray(scores.double().numpy())
