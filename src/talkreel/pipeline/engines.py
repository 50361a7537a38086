"""Engines of the user's own that make pictures and speech, opened once and before anything long."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from talkreel.pipeline.craft_options import CraftOptions

if TYPE_CHECKING:
    from talkreel.models.imagery import ImageEngine
    from talkreel.models.narrator import Narrator


def check_engines(options: CraftOptions) -> None:
    """Open what ``options`` name.

    Raises:
        ModelMissing: there are no such weights, or what they need is not installed.
        InputError: a URL that cannot be used.
    """
    if options.image_engine is not None:
        image_engine(options.image_engine, options.image_model)
    if options.broll_model is not None:
        from talkreel.pipeline.looked_at import picture_model

        picture_model(options.broll_model)
    if options.voice_over is not None:
        narrator(options.voice_over)


@lru_cache(maxsize=1)
def image_engine(where: str, model: str | None) -> ImageEngine:
    """What draws."""
    from talkreel.models.imagery import open_image_engine

    return open_image_engine(where, model)


@lru_cache(maxsize=1)
def narrator(engine: str) -> Narrator:
    """What speaks."""
    from talkreel.models.narrator import open_narrator

    return open_narrator(engine)
