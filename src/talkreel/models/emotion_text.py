"""What words say about feelings: 28 fine labels, Ekman's classes and groups of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from talkreel.core.arrays import FloatArray
from talkreel.core.emotions import EMOTIONS, GOEMOTIONS, GROUPS, Emotion
from talkreel.models.bundle import Argument, Bundle, require
from talkreel.models.minilm import model_folder
from talkreel.models.text import DIMENSIONS, TokenEmbedder

# Middle layers still hold tone, the last was trained for topic
# (experiments/2026-11-22-emotion-text).
LAYERS = (3, 5)
FEATURES = "minilm-l6-tokens35/1"
ANSWERS = len(GOEMOTIONS) + len(EMOTIONS) + len(GROUPS)
_FINE = slice(0, len(GOEMOTIONS))
_EKMAN = slice(_FINE.stop, _FINE.stop + len(EMOTIONS))
_BATCH = 64  # texts at a time in prediction
_FAR = 1e4  # taken from the log odds of padding


class EmotionTextNet(nn.Module):
    """Every answer weighs the tokens itself, next to a summary of the whole text.

    Per answer the evidence of each token is averaged with attention (one learned query per
    answer, as in Mullenbach et al. 2018, label-wise attention); two layers on the mean and the
    maximum of the tokens add what no single word says.

    Args:
        size: of the token states.
        hidden: units.
        dropout: of the hidden units.
    """

    architecture = "emotion-text"
    temperature: Tensor
    thresholds: Tensor

    def __init__(
        self, size: int = DIMENSIONS * len(LAYERS), hidden: int = 256, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.arguments: dict[str, Argument] = {"size": size, "hidden": hidden, "dropout": dropout}
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("thresholds", torch.full((ANSWERS,), 0.5))
        self.norm = nn.LayerNorm(size)
        self.input_dropout = nn.Dropout(0.1)
        self.project = nn.Linear(size, hidden)
        self.dropout = nn.Dropout(dropout)
        self.attention = nn.Linear(hidden, ANSWERS)
        self.evidence = nn.Linear(hidden, ANSWERS)
        self.summary = nn.Sequential(
            nn.Linear(2 * hidden, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, ANSWERS),
        )

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """[B, 39] log odds before calibration.

        Args:
            states: [B, T, size].
            mask: [B, T] 1 for tokens, 0 for padding.
        """
        known = mask[..., None]
        hidden = self.dropout(functional.gelu(self.project(self.input_dropout(self.norm(states)))))
        weights = torch.softmax(self.attention(hidden) - (1 - known) * _FAR, dim=1)
        named = (weights * self.evidence(hidden)).sum(dim=1)
        mean = (hidden * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)
        highest = (hidden - (1 - known) * _FAR).amax(dim=1)
        summary: Tensor = self.summary(torch.cat([mean, highest], dim=1))
        odds: Tensor = named + summary
        return odds


class EmotionFinetunedNet(nn.Module):
    """MiniLM itself, its upper layers trained too, under an ``EmotionTextNet``.

    Args:
        trained: how many of the upper layers learn; the others stay as they are.
        hidden: units of the head.
        dropout: of the head.
    """

    architecture = "emotion-text-finetuned"

    def __init__(self, trained: int = 3, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        folder = str(model_folder())
        self.encoder = BertModel(BertConfig.from_pretrained(folder), add_pooling_layer=False)
        self.encoder.load_state_dict(_encoder_weights(), strict=False)
        layers = list(self.encoder.encoder.layer)
        if not 0 <= trained <= len(layers):
            raise ValueError(f"0 to {len(layers)} layers can be trained, got {trained}")
        for part in (self.encoder.embeddings, *layers[: len(layers) - trained]):
            part.requires_grad_(False)
        self.arguments: dict[str, Argument] = {
            "trained": trained,
            "hidden": hidden,
            "dropout": dropout,
        }
        self.head = EmotionTextNet(DIMENSIONS * 2, hidden, dropout)

    @property
    def temperature(self) -> Tensor:
        """Of the head."""
        return self.head.temperature

    @property
    def thresholds(self) -> Tensor:
        """Of the head."""
        return self.head.thresholds

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[B, 39] log odds of [B, T] token numbers."""
        found = self.encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = torch.cat([found.hidden_states[LAYERS[0]], found.hidden_states[-1]], dim=2)
        answer: Tensor = self.head(states, mask)
        return answer


class EmotionTextReader:
    """Reads feelings from sentences.

    Args:
        bundle: of role ``emotion-text``.

    Raises:
        ModelMissing: the sentence embedding weights are not installed.
        SchemaError: a bundle of another network, or one fed with other features.
    """

    def __init__(self, bundle: Bundle) -> None:
        require(bundle, EmotionTextNet.architecture, FEATURES)
        assert isinstance(bundle.net, EmotionTextNet)
        self._net = bundle.net
        self._embedder = TokenEmbedder(LAYERS)

    def __call__(self, texts: Sequence[str]) -> list[Emotion]:
        """What each text says is felt."""
        return [Emotion(row, ("text",)) for row in self.ekman(texts)]

    def ekman(
        self, texts: Sequence[str], *, states: Sequence[FloatArray] | None = None
    ) -> FloatArray:
        """[N, 7] distribution over ``EMOTIONS``; several feelings of one text share it.

        Args:
            texts: to be read.
            states: as in ``probabilities``.
        """
        shares = self.probabilities(texts, states=states)[:, _EKMAN]
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def labels(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """The fine labels of each text that pass their threshold, most probable first."""
        found = self.probabilities(texts)[:, _FINE]
        limits = self._net.thresholds.numpy()[_FINE]
        return [
            tuple(GOEMOTIONS[i] for i in np.argsort(-row) if row[i] >= limits[i]) for row in found
        ]

    def probabilities(
        self, texts: Sequence[str], *, states: Sequence[FloatArray] | None = None
    ) -> FloatArray:
        """[N, 39] probability of each fine label, class and group by itself.

        Args:
            texts: to be read.
            states: [T, 768] token states of ``LAYERS`` of each text; computed here if None.

        Raises:
            TypeError: one string instead of a sequence of strings.
        """
        rows = self._embedder.tokens(texts) if states is None else states
        out = np.zeros((len(rows), ANSWERS))
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for begin in range(0, len(order), _BATCH):
            batch = order[begin : begin + _BATCH]
            packed, mask = padded([rows[i] for i in batch])
            with torch.inference_mode():
                odds = self._net(packed, mask) / self._net.temperature
            out[batch] = torch.sigmoid(odds).numpy()
        return out


def padded(rows: Sequence[NDArray[np.floating]]) -> tuple[Tensor, Tensor]:
    """[B, T, D] float32 states, 0 after the end, and [B, T] 1 where there is a token."""
    length = max(len(row) for row in rows)
    states = torch.zeros(len(rows), length, rows[0].shape[1])
    mask = torch.zeros(len(rows), length)
    for at, row in enumerate(rows):
        states[at, : len(row)] = torch.from_numpy(np.asarray(row, dtype=np.float32))
        mask[at, : len(row)] = 1
    return states, mask


def _encoder_weights() -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(model_folder() / "model.safetensors")
