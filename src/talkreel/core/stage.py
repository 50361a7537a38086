"""What a stage is: heavy state in the constructor, one item per call, no hidden input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Progress = Callable[[float], None]
"""Takes the share done, 0..1, never going back."""

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


def silent(share: float) -> None:
    """A ``Progress`` that tells nobody."""


class Stage(Protocol[In, Out]):
    """A step of the pipeline.

    ``name`` and ``version`` go into the cache key: raise ``version`` whenever the same input
    would give another result.
    """

    name: str
    version: int

    def __call__(self, item: In, *, progress: Progress = silent) -> Out:
        """Turn one item into one result."""
        ...
