"""The features beyond a correct clip, applied to an edit one after the other.

A feature measures what it needs, changes the edit, and leaves a note: what it did, or why it
kept out of it. It never fails a clip for want of a good place to act.
"""

from __future__ import annotations

from collections.abc import Callable

from talkreel.core.edits import Edit
from talkreel.pipeline.censoring import censor
from talkreel.pipeline.cover import ask_for_title
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.graphics import add_bookends, add_logo
from talkreel.pipeline.illustrate import broll_wanted, illustrate
from talkreel.pipeline.music import lay_bed
from talkreel.pipeline.picture import enhance_picture
from talkreel.pipeline.sound import enhance_voice
from talkreel.pipeline.voice_over import speak_hook
from talkreel.pipeline.work import Feature, Work, noted

__all__ = ["FEATURES", "Feature", "Work", "apply_features", "noted"]

# In this order; each is told of only when its option asks for it.
FEATURES: tuple[tuple[Callable[[CraftOptions], bool], Feature], ...] = (
    (lambda options: "voice" in options.enhance, enhance_voice),
    (lambda options: options.music is not None, lay_bed),
    (lambda options: options.censor, censor),
    (lambda options: "picture" in options.enhance, enhance_picture),
    (lambda options: options.brand is not None, add_logo),
    (lambda options: options.brand is not None, add_bookends),
    (lambda options: options.voice_over is not None, speak_hook),
    (broll_wanted, illustrate),
    (lambda options: options.cover == "title", ask_for_title),
)


def apply_features(work: Work, edit: Edit) -> Edit:
    """``edit`` with every feature that the job asks for."""
    for asked, feature in FEATURES:
        if asked(work.options):
            edit = feature(work, edit)
    return edit
