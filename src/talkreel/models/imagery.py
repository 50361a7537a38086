"""Making pictures from words with weights or an endpoint of the user's own; never by itself."""

from __future__ import annotations

import base64
import binascii
import io
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import EngineError, InputError, ModelMissing
from talkreel.models.endpoint import KEY_VARIABLE, Endpoint
from talkreel.models.local import weights_stamp

Picture = NDArray[np.uint8]

STEPS = 25
_MULTIPLE = 8  # latent diffusion works on blocks of that many pixels
_SIZES = (64, 2048)


class ImageEngine(Protocol):
    """Draws a picture.

    ``identity`` tells one engine from another that would draw something else.
    """

    name: str
    identity: str

    def draw(self, words: str, width: int, height: int, seed: int) -> Picture:
        """[height, width, 3] RGB.

        Raises:
            EngineError: no picture came, and why.
        """
        ...


def open_image_engine(where: str, model: str | None = None) -> ImageEngine:
    """The engine at ``where``: a folder of ``diffusers`` weights, or the URL of an endpoint.

    Raises:
        InputError: neither of both, or a URL that a key must not be sent to.
        ModelMissing: ``diffusers`` is not installed, or the folder holds no pipeline.
    """
    if "://" in where:
        return EndpointPainter(Endpoint(where, model, os.environ.get(KEY_VARIABLE)))
    return LocalPainter(Path(where))


def check_size(width: int, height: int) -> None:
    """Raise ``InputError`` for sizes that no engine draws."""
    low, high = _SIZES
    if any(not low <= side <= high or side % _MULTIPLE for side in (width, height)):
        raise InputError(
            f"a picture's sides are {low} to {high} pixels in steps of {_MULTIPLE}, got "
            f"{width}x{height}"
        )


class LocalPainter:
    """A text-to-image pipeline of ``diffusers`` from a folder; nothing is fetched.

    Args:
        folder: as ``save_pretrained`` writes it, with a ``model_index.json``.
        steps: of denoising.

    Raises:
        ModelMissing: ``diffusers`` is not installed, or the folder holds no pipeline.
    """

    def __init__(self, folder: Path, steps: int = STEPS) -> None:
        if not (folder / "model_index.json").is_file():
            raise ModelMissing(
                f"an image engine is a folder with a model_index.json, or a URL; {folder} is "
                "neither"
            )
        try:
            from diffusers import DiffusionPipeline
        except ImportError as error:
            raise ModelMissing(
                "drawing pictures here needs the package diffusers: pip install diffusers"
            ) from error
        try:
            self._pipeline: Any = DiffusionPipeline.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ModelMissing(f"{folder} holds no usable pipeline: {error}") from error
        self._pipeline.set_progress_bar_config(disable=True)
        self._steps = steps
        self.name = folder.resolve().name
        self.identity = f"local {weights_stamp(folder)} {steps} steps"

    def draw(self, words: str, width: int, height: int, seed: int) -> Picture:
        """The same words and seed give the same picture on the same machine."""
        import torch

        check_size(width, height)
        made = self._pipeline(
            prompt=words,
            width=width,
            height=height,
            num_inference_steps=self._steps,
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
        )
        values = np.asarray(made.images[0], dtype=np.float64)
        return (np.nan_to_num(values).clip(0, 1) * 255).round().astype(np.uint8)


class EndpointPainter:
    """A server that speaks the image protocol of OpenAI and answers in base64."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.name = endpoint.model
        self.identity = f"endpoint {endpoint.url} {self.name}"

    def draw(self, words: str, width: int, height: int, seed: int) -> Picture:
        """The picture, brought to the size asked for."""
        from PIL import Image

        check_size(width, height)
        body = {"prompt": words, "n": 1, "size": f"{width}x{height}", "seed": seed}
        reply = self._endpoint.post("images/generations", {**body, "response_format": "b64_json"})
        try:
            data = base64.b64decode(reply["data"][0]["b64_json"], validate=True)
            with Image.open(io.BytesIO(data)) as picture:
                return np.asarray(picture.convert("RGB").resize((width, height)))
        except (KeyError, IndexError, TypeError, OSError, binascii.Error) as error:
            raise EngineError("the endpoint's answer holds no picture") from error
        except Image.DecompressionBombError as error:
            raise EngineError("the endpoint's picture is far too large") from error
