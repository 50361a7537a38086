"""Emotion of a voice from its log-mel picture and the statistics of its delivery.

The default backbone, ``small``, is a convolutional network with attentive statistics pooling
(Okabe et al. 2018); a wav2vec 2.0 or WavLM model of transformers goes in its place.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from talkreel.core.errors import ModelMissing
from talkreel.features.voice import MELS, VoiceReference
from talkreel.models.mel import MelEncoder

if TYPE_CHECKING:
    from talkreel.models.bundle import Argument

STATISTICS = 430
_HIDDEN = 128


class EmotionVoiceNet(nn.Module):
    """Log odds of emotions.

    Args:
        labels: how many emotions.
        width: channels of the first convolution of ``small``; 0 leaves the picture out.
        statistics: how many statistics come in; 0 leaves them out.
        dropout: of the joined features.
        backbone: ``small``, or a model type of transformers, e.g. ``wav2vec2``, ``wavlm``.
        backbone_config: its configuration as JSON, for those of transformers.
        temperature: divides the log odds so that probabilities mean what they say (Guo et al.
            2017); found on speakers left out.

    Raises:
        ValueError: neither picture nor statistics, or a model type that transformers lacks.
    """

    architecture = "emotion-voice"

    def __init__(
        self,
        labels: int = 7,
        width: int = 16,
        statistics: int = STATISTICS,
        dropout: float = 0.4,
        backbone: str = "small",
        backbone_config: str = "",
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        if backbone == "small" and not width and not statistics:
            raise ValueError("the network needs the picture (width) or the statistics, or both")
        self.arguments: dict[str, Argument] = {
            "labels": labels,
            "width": width,
            "statistics": statistics,
            "dropout": dropout,
            "backbone": backbone,
            "backbone_config": backbone_config,
            "temperature": temperature,
        }
        self.takes_samples = backbone != "small"
        self.sound, channels = _sound(backbone, backbone_config, width)
        self.delivery = _delivery(statistics, dropout) if statistics else None
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(channels + (_HIDDEN if statistics else 0), labels)
        )
        self.register_buffer("temperature", torch.tensor(temperature))
        # How voices sound in the training data: the reference for a speaker who is not known.
        self.register_buffer("mel_mean", torch.zeros(MELS))
        self.register_buffer("mel_scale", torch.ones(MELS))
        self.register_buffer("mean", torch.zeros(statistics))
        self.register_buffer("scale", torch.ones(statistics))

    def forward(self, sound: Tensor, statistics: Tensor) -> Tensor:
        """[N, labels] log odds.

        Args:
            sound: [N, 64, F] relative log-mel energies, or [N, T] samples for a backbone of
                transformers (``takes_samples``).
            statistics: [N, S] relative to a ``VoiceReference``.
        """
        parts = [] if self.sound is None else [self.sound(sound)]
        if self.delivery is not None:
            parts.append(self.delivery(statistics))
        found = self.head(torch.cat(parts, dim=1))
        assert isinstance(found, Tensor)
        return found

    def probabilities(self, sound: Tensor, statistics: Tensor) -> Tensor:
        """[N, labels] calibrated probabilities."""
        logits = self(sound, statistics) / self.get_buffer("temperature")
        return functional.softmax(logits, dim=1)

    @property
    def reference(self) -> VoiceReference:
        """How voices sound in the training data."""
        names = ("mel_mean", "mel_scale", "mean", "scale")
        return VoiceReference(*(self.get_buffer(name).numpy() for name in names))

    @reference.setter
    def reference(self, reference: VoiceReference) -> None:
        for name in ("mel_mean", "mel_scale", "mean", "scale"):
            self.get_buffer(name).copy_(torch.from_numpy(np.array(getattr(reference, name))))

    @classmethod
    def with_backbone(cls, folder: Path, labels: int = 7, **arguments: Any) -> EmotionVoiceNet:
        """A network on pretrained weights of transformers.

        Args:
            folder: ``config.json`` and ``model.safetensors`` of a wav2vec 2.0 or WavLM model.
            labels: how many emotions.
            arguments: others of the constructor.

        Raises:
            ModelMissing: no such folder or files.
        """
        for name in ("config.json", "model.safetensors"):
            if not (folder / name).is_file():
                raise ModelMissing(f"no {name} in {folder}: save the pretrained model there")
        from transformers import AutoModel

        config = (folder / "config.json").read_text(encoding="utf-8")
        kind = str(json.loads(config)["model_type"])
        net = cls(labels, backbone=kind, backbone_config=config, **arguments)
        assert isinstance(net.sound, _Pretrained)
        net.sound.model = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
        return net


def _sound(backbone: str, config: str, width: int) -> tuple[nn.Module | None, int]:
    if backbone != "small":
        pretrained = _Pretrained(backbone, config)
        return pretrained, pretrained.channels
    return (MelEncoder(width), MelEncoder.channels(width)) if width else (None, 0)


def _delivery(statistics: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.Dropout(dropout / 2),
        nn.Linear(statistics, _HIDDEN),
        nn.BatchNorm1d(_HIDDEN),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(_HIDDEN, _HIDDEN),
        nn.ReLU(),
    )


class _Pretrained(nn.Module):
    """Mean over time of the last states of a speech model of transformers."""

    def __init__(self, kind: str, config: str) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModel

        values = {k: v for k, v in json.loads(config or "{}").items() if k != "model_type"}
        settings = AutoConfig.for_model(kind, **values)
        self.model: Any = AutoModel.from_config(settings)
        self.channels = int(settings.hidden_size)

    def forward(self, samples: Tensor) -> Tensor:
        mean, deviation = samples.mean(dim=1, keepdim=True), samples.std(dim=1, keepdim=True)
        states = self.model((samples - mean) / (deviation + 1e-5)).last_hidden_state
        pooled = states.mean(dim=1)
        assert isinstance(pooled, Tensor)
        return pooled
