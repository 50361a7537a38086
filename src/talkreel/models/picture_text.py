"""A model like CLIP (Radford et al. 2021), of the user's own: how near pictures are to words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import ModelMissing
from talkreel.models.local import weights_stamp

Image = NDArray[np.uint8]

_BATCH = 16
# What any picture may be said to show. A sentence that fits a picture does so better than these.
ANYTHING = (
    "a photo",
    "a picture of something",
    "a person",
    "people in a room",
    "an object",
    "a place outdoors",
    "text on a plain background",
)


class PictureText:
    """CLIP, SigLIP or another two-tower model of transformers from a folder; nothing is fetched.

    Args:
        folder: as ``save_pretrained`` writes model, tokenizer and image processor.

    Raises:
        ModelMissing: the folder holds no such model.
    """

    version = 1

    def __init__(self, folder: Path) -> None:
        if not (folder / "config.json").is_file():
            raise ModelMissing(f"--broll-model needs a folder with a config.json, not {folder}")
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

        only_here = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._model: Any = AutoModel.from_pretrained(folder, use_safetensors=True, **only_here)
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, **only_here)
            self._processor: Any = AutoImageProcessor.from_pretrained(folder, **only_here)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelMissing(f"{folder} holds no usable model: {error}") from error
        if not hasattr(self._model, "get_image_features"):
            kind = type(self._model).__name__
            raise ModelMissing(
                f"{folder} holds a {kind}, which tells nothing of pictures: want CLIP"
            )
        self._model.eval()
        stamp = hashlib.sha256(weights_stamp(folder).encode()).hexdigest()[:16]
        self.name = f"picture-text-{stamp}"

    def texts(self, texts: Sequence[str]) -> FloatArray:
        """[N, D] of length 1."""
        import torch

        tokens = self._tokenizer(
            list(texts), return_tensors="pt", padding="max_length", truncation=True
        )
        with torch.inference_mode():
            return _unit(self._model.get_text_features(**tokens))

    def pictures(self, images: Sequence[Image]) -> FloatArray:
        """[N, D] of length 1, of [H, W, 3] RGB pictures of any size."""
        import torch

        parts = []
        for first in range(0, len(images), _BATCH):
            batch = self._processor(
                images=list(images[first : first + _BATCH]), return_tensors="pt"
            )
            with torch.inference_mode():
                parts.append(_unit(self._model.get_image_features(**batch)))
        return np.concatenate(parts)

    def fit(self, texts: Sequence[str], pictures: FloatArray) -> FloatArray:
        """[texts, pictures] 0..1: a text's share against sentences that say nothing special.

        It does not depend on what else the library holds.

        Args:
            texts: what is said.
            pictures: [N, D] of ``pictures``; a row of zeros fits nothing.
        """
        scale = float(self._model.logit_scale.detach().exp())
        said = scale * self.texts(texts) @ pictures.T
        plain = scale * self.texts(ANYTHING) @ pictures.T
        most = np.maximum(said, plain.max(axis=0))
        own = np.exp(said - most)
        others = np.exp(plain[None] - most[:, None]).sum(axis=1)
        return np.asarray(own / (own + others))


def _unit(answer: Any) -> FloatArray:
    rows = np.asarray(answer.pooler_output.double().numpy())
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
