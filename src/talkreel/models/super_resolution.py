"""Networks that enlarge pictures, read by spandrel from the user's own weights.

spandrel (MIT; its architectures have licences of their own) tells the architecture from the
weights. Only ``.safetensors`` files are opened: they hold numbers and nothing that runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import InputError, ModelMissing

Image = NDArray[np.uint8]

SUFFIX = ".safetensors"
# Larger pictures go through in tiles, which bounds the memory; each sees so much of what lies
# around it, more than the networks of the field look at from afar.
_TILE_PX = 512
_AROUND_PX = 32


def check_weights(path: Path) -> None:
    """Refuse what cannot be weights of an enlarging network, without reading them.

    Raises:
        ModelMissing: there is no such file.
        InputError: another kind of file, or spandrel is not installed.
    """
    if not path.is_file():
        raise ModelMissing(f"--upscale needs a {SUFFIX} file, and there is none at {path}")
    if path.suffix.lower() != SUFFIX:
        raise InputError(
            f"--upscale reads {SUFFIX} only, got {path.name!r}: a pickle may run code when it is "
            "opened; convert it with safetensors.torch.save_file first"
        )
    if find_spec("spandrel") is None:
        raise InputError("--upscale needs spandrel: pip install 'talkreel[upscale]'")


class SuperResolver:
    """Enlarges pictures by a whole factor; calls from several threads take turns.

    The same picture gives the same result on the same kind of processor.

    Args:
        path: weights that spandrel knows, of an RGB network that enlarges.

    Raises:
        ModelMissing: there is no such file.
        InputError: not such a network, or spandrel is not installed.
    """

    def __init__(self, path: Path) -> None:
        check_weights(path)
        self._model = _load(path)
        self._turn = threading.Lock()
        self.scale = int(self._model.scale)
        self.name = str(self._model.architecture.name)
        self._device = _device()
        self._model.to(self._device).eval()

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        return self._device

    def __call__(self, image: Image) -> Image:
        """[scale H, scale W, 3] of [H, W, 3], both RGB."""
        height, width = image.shape[:2]
        if max(height, width) <= _TILE_PX + 2 * _AROUND_PX or self._tiles_itself:
            return self._whole(image)
        out = np.empty((height * self.scale, width * self.scale, 3), dtype=np.uint8)
        for (top, bottom), (left, right) in _tiles(height, width):
            y0, x0 = max(0, top - _AROUND_PX), max(0, left - _AROUND_PX)
            part = self._whole(image[y0 : bottom + _AROUND_PX, x0 : right + _AROUND_PX])
            rows, columns = (
                slice(a * self.scale, b * self.scale)
                for a, b in ((top - y0, bottom - y0), (left - x0, right - x0))
            )
            out[top * self.scale : bottom * self.scale, left * self.scale : right * self.scale] = (
                part[rows, columns]
            )
        return out

    @property
    def _tiles_itself(self) -> bool:
        return str(self._model.tiling.name) == "INTERNAL"

    def _whole(self, image: Image) -> Image:
        import torch

        values = torch.from_numpy(np.ascontiguousarray(image)).to(self._device)
        batch = values.permute(2, 0, 1)[None].float() / 255
        with self._turn:
            made = self._model(batch)
        pixels = made[0].mul(255).round().clamp(0, 255).to(torch.uint8)
        return np.asarray(pixels.permute(1, 2, 0).cpu().numpy())


@lru_cache(maxsize=1)
def load_resolver(path: Path, digest: str) -> SuperResolver:
    """The network in ``path``, opened once; ``digest`` tells changed files apart.

    Raises:
        ModelMissing: there is no such file.
        InputError: not a network that enlarges.
    """
    del digest
    return SuperResolver(path)


def _load(path: Path) -> Any:
    from safetensors import SafetensorError
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError

    try:
        model = ModelLoader().load_from_file(path)
    except SafetensorError as error:
        raise InputError(f"{path} is no {SUFFIX} file: {error}") from error
    # Weights that look like an architecture and are not fail within it, in any of these ways.
    except (UnsupportedModelError, KeyError, IndexError, ValueError, RuntimeError) as error:
        why = str(error).strip().splitlines()
        raise InputError(
            f"spandrel knows no network with the weights in {path}"
            f"{f' ({why[0][:160]})' if why else ''}: give one that enlarges pictures"
        ) from error
    if not isinstance(model, ImageModelDescriptor) or model.purpose != "SR" or model.scale < 2:
        raise InputError(
            f"{path} ({model.architecture.name}, scale {model.scale}) does not enlarge pictures: "
            "--upscale needs a network of scale 2 or more"
        )
    if (model.input_channels, model.output_channels) != (3, 3) or model.scale > 8:
        raise InputError(
            f"{path} takes {model.input_channels} channels to {model.output_channels} at scale "
            f"{model.scale}: --upscale needs an RGB network of scale 2 to 8"
        )
    return model


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _tiles(height: int, width: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Rows and columns (half-open) of tiles of about one size that cover a picture."""
    for rows in _parts(height):
        for columns in _parts(width):
            yield rows, columns


def _parts(length: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, length, -(-length // _TILE_PX) + 1).round().astype(int).tolist()
    return list(pairwise(edges))
