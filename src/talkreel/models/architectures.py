"""Every network that a bundle can hold, by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from talkreel.core.errors import SchemaError

if TYPE_CHECKING:
    from torch import nn

# Name in bundles -> module and class; the modules import torch, so they load when asked for.
ARCHITECTURES = {
    "engagement": ("talkreel.models.engagement", "EngagementNet"),
    "emotion-text": ("talkreel.models.emotion_text", "EmotionTextNet"),
    "emotion-text-finetuned": ("talkreel.models.emotion_text", "EmotionFinetunedNet"),
    "emotion-voice": ("talkreel.models.emotion_voice", "EmotionVoiceNet"),
    "emotion-face": ("talkreel.models.emotion_face", "EmotionFaceNet"),
    "hook": ("talkreel.models.hook", "HookNet"),
}


def build(name: str, arguments: Mapping[str, bool | int | float | str]) -> nn.Module:
    """A fresh network.

    Raises:
        SchemaError: an unknown name, or arguments it does not take.
    """
    if name not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise SchemaError(f"unknown architecture {name!r}; known are {known}: update talkreel")
    module, kind = ARCHITECTURES[name]
    try:
        return cast("nn.Module", getattr(importlib.import_module(module), kind)(**arguments))
    except (TypeError, ValueError) as error:
        raise SchemaError(
            f"the arguments {dict(arguments)} do not fit {name!r}: {error}"
        ) from error
