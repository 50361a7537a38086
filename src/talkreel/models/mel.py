"""What is heard in a log-mel picture: convolutions with attentive statistics pooling.

Okabe et al. 2018. The emotion of voices and the engagement model both listen through it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkreel.features.voice import MELS


class MelEncoder(nn.Module):
    """Four convolutions, one over time, and mean and deviation weighted by attention.

    Args:
        width: channels of the first convolution.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        wide = self.channels(width) // 2
        self.picture = nn.Sequential(
            _convolution(2, width, (2, 2)),
            _convolution(width, 2 * width, (2, 2)),
            _convolution(2 * width, 3 * width, (2, 1)),
            _convolution(3 * width, 3 * width, (2, 1)),
        )
        self.time = nn.Sequential(
            nn.Conv1d(3 * width * MELS // 16, wide, 3, padding=1, bias=False),
            nn.BatchNorm1d(wide),
            nn.ReLU(inplace=True),
        )
        self.attention = nn.Sequential(nn.Conv1d(wide, 32, 1), nn.Tanh(), nn.Conv1d(32, wide, 1))

    @staticmethod
    def channels(width: int) -> int:
        """Length of what comes out."""
        return 12 * width

    def forward(self, mel: Tensor) -> Tensor:
        """[N, 12 * width] of [N, 64, F] relative log-mel energies."""
        change = functional.pad(mel[:, :, 2:] - mel[:, :, :-2], (1, 1))
        picture = self.picture(torch.stack([mel, change], dim=1))
        states = self.time(picture.flatten(1, 2))
        weights = functional.softmax(self.attention(states).float(), dim=2)
        mean = (states * weights).sum(dim=2)
        square = (states.float().square() * weights).sum(dim=2)
        deviation = (square - mean.float().square()).clamp(min=1e-5).sqrt()
        return torch.cat([mean.float(), deviation], dim=1)


def _convolution(before: int, after: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )
