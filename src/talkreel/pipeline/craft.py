"""The features beyond a correct clip, applied to an edit one after the other.

A feature measures what it needs, changes the edit, and leaves a note: what it did, or why it
kept out of it. It never fails a clip for want of a good place to act.
"""

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

# In this order; each is told of only when its option asks for it.
FEATURES: tuple[tuple[Callable[[CraftOptions], bool], Feature], ...] = ()


def apply_features(work: Work, edit: Edit) -> Edit:
    """``edit`` with every feature that the job asks for."""
    for asked, feature in FEATURES:
        if asked(work.options):
            edit = feature(work, edit)
    return edit


def noted(edit: Edit, feature: str, text: str, *, applied: bool) -> Edit:
    """``edit`` with one more note."""
    return replace(edit, notes=(*edit.notes, Note(feature, applied, text)))
