"""What a feature of a clip sees, and how it says what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.craft import Note
from talkreel.core.edits import Edit
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.job import Job
from talkreel.pipeline.see import Sight


@dataclass(frozen=True, slots=True)
class Work:
    """What a feature sees.

    Attributes:
        job: media, options, cache.
        sight: looks at the picture.
        candidate: what the clip is made of, with its scores.
        analysis: of the whole media; faces are those of this candidate.
    """

    job: Job
    sight: Sight
    candidate: Candidate
    analysis: Analysis

    @property
    def options(self) -> CraftOptions:
        """What is asked for."""
        return self.job.options.craft


Feature = Callable[[Work, Edit], Edit]


def noted(edit: Edit, feature: str, text: str, *, applied: bool) -> Edit:
    """``edit`` with one more note."""
    return replace(edit, notes=(*edit.notes, Note(feature, applied, text)))
