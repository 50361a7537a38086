"""Emotion of a face from a 48x48 grey crop.

The default backbone, ``small``, is a residual network (He et al. 2016) with squeeze-and-excitation
(Hu et al. 2018); any backbone of timm goes in its place. Two heads share it: the votes of FER+ and
the labels of FER2013.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkreel.core.errors import ModelMissing, SchemaError

if TYPE_CHECKING:
    from talkreel.models.bundle import Argument

PLUS, FER = 8, 7


class EmotionFaceNet(nn.Module):
    """Log odds of the eight emotions of FER+, then of the seven labels of FER2013.

    Args:
        backbone: ``small``, or the name of a timm model.
        width: channels of the first stage of ``small``.
        dropout: of the pooled features.

    Raises:
        ValueError: a backbone that timm does not know, or a width below 8.
    """

    architecture = "emotion-face"

    def __init__(self, backbone: str = "small", width: int = 48, dropout: float = 0.3) -> None:
        super().__init__()
        self.arguments: dict[str, Argument] = {
            "backbone": backbone,
            "width": width,
            "dropout": dropout,
        }
        self.backbone, channels = _backbone(backbone, width)
        self.dropout = nn.Dropout(dropout)
        self.plus = nn.Linear(channels, PLUS)
        self.fer = nn.Linear(channels, FER)
        # Divides the log odds so that probabilities mean what they say (Guo et al. 2017).
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, faces: Tensor) -> Tensor:
        """[N, 8 + 7] log odds of [N, 1, 48, 48] faces from ``features.faces.standardised``."""
        pooled = self.dropout(self.backbone(faces))
        return torch.cat([self.plus(pooled), self.fer(pooled)], dim=1)

    def mirrored(self, faces: Tensor) -> Tensor:
        """The mean log odds of the faces and of their mirror images, as the product uses them."""
        mean: Tensor = (self(faces) + self(faces.flip(-1))) / 2
        return mean

    def probabilities(self, faces: Tensor) -> Tensor:
        """[N, 8] calibrated probabilities of the emotions of FER+."""
        temperature = self.get_buffer("temperature")
        return functional.softmax(self.mirrored(faces)[:, :PLUS] / temperature, dim=1)

    def load_backbone(self, path: Path) -> None:
        """Take pretrained weights for the backbone; those of a classifier on top are left out.

        A first convolution for three colours is summed to one, which is what a grey picture
        repeated in three colours would give.

        Args:
            path: a safetensors file, e.g. ``model.safetensors`` of a timm model.

        Raises:
            ModelMissing: no such file.
            SchemaError: not safetensors, or weights of another backbone.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if not path.is_file():
            raise ModelMissing(f"no pretrained weights at {path}")
        try:
            found = load_file(path)
        except SafetensorError as error:
            raise SchemaError(f"{path.name} is no safetensors file: {error}") from error
        own = self.backbone.state_dict()
        taken = {name: _grey(found[name], own[name]) for name in own if name in found}
        unlike = [name for name, value in own.items() if name not in taken]
        unlike += [name for name, value in taken.items() if value.shape != own[name].shape]
        if unlike:
            raise SchemaError(
                f"{path.name} does not fit the backbone {self.arguments['backbone']!r}: "
                f"{len(unlike)} weights differ, first {unlike[0]!r}"
            )
        self.backbone.load_state_dict(taken)


def _grey(found: Tensor, own: Tensor) -> Tensor:
    three_to_one = found.ndim == 4 and found.shape[1] == 3 and own.shape[1] == 1
    return found.sum(dim=1, keepdim=True) if three_to_one else found


def _backbone(name: str, width: int) -> tuple[nn.Module, int]:
    """The network up to the pooled features, and how many those are."""
    if name == "small":
        if width < 8:
            raise ValueError(f"a width of at least 8 is needed, got {width}")
        return _Small(width), _Small.channels(width)
    import timm

    try:
        model = timm.create_model(name, pretrained=False, in_chans=1, num_classes=0)
    except RuntimeError as error:
        raise ValueError(f"unknown backbone {name!r}: 'small' or a name of timm") from error
    assert isinstance(model, nn.Module)
    with torch.no_grad():  # num_features is not what every timm model gives back
        channels = model.eval()(torch.zeros(1, 1, 64, 64)).shape[1]
    return model.train(), int(channels)


class _Small(nn.Sequential):
    """Six residual blocks at 24, 12 and 6 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__(
            _convolution(1, width, stride=2),
            nn.ReLU(inplace=True),
            _Block(width, width),
            _Block(width, width),
            _Block(width, 2 * width, stride=2),
            _Block(2 * width, 2 * width),
            _Block(2 * width, self.channels(width), stride=2),
            _Block(self.channels(width), self.channels(width)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    @staticmethod
    def channels(width: int) -> int:
        """Of the last stage: less than the usual doubling, which would hold half of the weights."""
        return 7 * width // 2


class _Block(nn.Module):
    """Two 3x3 convolutions, squeeze and excitation, and the way round them."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _convolution(before, after, stride)
        self.second = _convolution(after, after)
        self.squeeze = nn.Linear(after, after // 8)
        self.excite = nn.Linear(after // 8, after)
        self.around: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.around = nn.Sequential(
                nn.AvgPool2d(stride) if stride != 1 else nn.Identity(),
                nn.Conv2d(before, after, 1, bias=False),
                nn.BatchNorm2d(after),
            )

    def forward(self, states: Tensor) -> Tensor:
        inner = self.second(functional.relu(self.first(states), inplace=True))
        weights = functional.relu(self.squeeze(inner.mean(dim=(2, 3))))
        weights = torch.sigmoid(self.excite(weights))[:, :, None, None]
        return functional.relu(inner * weights + self.around(states))


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after)
    )
