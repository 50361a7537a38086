"""Picture embeddings of sentences from any timm or torchvision backbone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import ModelMissing, SchemaError
from talkreel.core.media import Media
from talkreel.media.frames import FrameReader

SIDE_PIXELS = 224
_MEAN, _SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
_BATCH = 16


class PictureEmbedder:
    """A backbone without its classifier.

    Args:
        backbone: a timm name (``mobilenetv3_small_050``), or ``torchvision/`` and a name there
            (``torchvision/resnet18``).
        weights: a ``.safetensors`` file, ``hub`` for the ones of the library's hub, or None for
            random ones (tests).

    Raises:
        ModelMissing: no such weights.
        SchemaError: weights of another network.
        ValueError: an unknown backbone.
    """

    def __init__(self, backbone: str, weights: Path | str | None = None) -> None:
        self._net = _backbone(backbone, hub=weights == "hub")
        if weights is not None and weights != "hub":
            _fill(self._net, Path(weights))
        self._net.eval()
        with torch.inference_mode():
            self.size = int(self._net(torch.zeros(1, 3, SIDE_PIXELS, SIDE_PIXELS)).shape[1])

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> FloatArray:
        """[N, size] float32 embeddings of [H, W, 3] RGB pictures of any size."""
        rows = [np.zeros((0, self.size), dtype=np.float32)]
        with torch.inference_mode():
            for first in range(0, len(images), _BATCH):
                batch = torch.stack([_prepared(image) for image in images[first : first + _BATCH]])
                rows.append(self._net(batch).float().numpy())
        return np.concatenate(rows)


def sentence_pictures(media: Media, times: FloatArray, embedder: PictureEmbedder) -> FloatArray:
    """[N, size] embedding of the picture in the middle of each sentence.

    Args:
        media: probed.
        times: [N, 2] seconds of start and end, in order of time.
        embedder: the backbone.

    Returns:
        NaN throughout where the media has no picture.

    Raises:
        ValueError: the times do not ascend.
        MediaError: nothing decodes.
    """
    if media.video is None:
        return np.full((len(times), embedder.size), np.nan, dtype=np.float32)
    middles = [float(start + end) / 2 for start, end in times]
    with FrameReader(media, width=SIDE_PIXELS * 2) as reader:
        return embedder([frame.image for frame in reader.at(middles)])


def _backbone(name: str, *, hub: bool) -> nn.Module:
    family, _, plain = name.rpartition("/")
    if family == "torchvision":
        import torchvision

        try:
            net: Any = torchvision.models.get_model(plain, weights="DEFAULT" if hub else None)
        except ValueError as error:
            raise ValueError(f"torchvision has no backbone {plain!r}") from error
        for head in ("fc", "classifier", "heads", "head"):
            if hasattr(net, head):
                setattr(net, head, nn.Identity())
                break
        return net  # type: ignore[no-any-return]
    import timm

    if not timm.is_model(name):
        raise ValueError(f"timm has no backbone {name!r}; torchvision ones are torchvision/NAME")
    made: nn.Module = timm.create_model(name, pretrained=hub, num_classes=0)
    return made


def _fill(net: nn.Module, path: Path) -> None:
    """Weights of a file; those of its classifier are left."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ModelMissing(f"no backbone weights at {path}; give a .safetensors file or 'hub'")
    try:
        missing = net.load_state_dict(load_file(path), strict=False).missing_keys
    except (RuntimeError, SafetensorError) as error:
        raise SchemaError(f"{path} does not fit the backbone: {error}") from error
    if missing:
        raise SchemaError(f"{path} does not fit the backbone: it lacks {missing[0]!r}")


def _prepared(image: NDArray[np.uint8]) -> Tensor:
    picture = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
    size = (SIDE_PIXELS, SIDE_PIXELS)
    scaled = nn.functional.interpolate(picture[None], size=size, mode="bilinear", antialias=True)
    mean, scale = (torch.tensor(values).view(3, 1, 1) for values in (_MEAN, _SCALE))
    return (scaled[0] - mean) / scale
