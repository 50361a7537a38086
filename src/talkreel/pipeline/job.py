"""What every step of one job shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkreel.core.media import Media
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.progress import Tracker
from talkreel.store.cache import StageCache, StageKey


@dataclass(frozen=True, slots=True)
class Job:
    """One media file and what is asked of it.

    Attributes:
        media: probed source.
        options: already cut to the media.
        cache: stage results.
        tracker: progress.
        models_dir: folder of optional weights that is looked in first, or None.
    """

    media: Media
    options: ClipOptions
    cache: StageCache
    tracker: Tracker
    models_dir: Path | None = None

    def key(self, stage: str, version: int, **parameters: Any) -> StageKey:
        """The cache key of a stage's result on this media."""
        return StageKey(self.media.digest, stage, version, parameters)
