"""Deciding what the picture shows, scene by scene.

The order of the questions is the order of what hurts most when it is wrong: a person or a
slide cut off, the camera on the wrong person, an empty wall, and only then a tight framing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkreel.core.analysis import Analysis
from talkreel.core.edits import Canvas, Layout, LayoutKind
from talkreel.core.spans import Span, TimeMap
from talkreel.core.transcript import Word
from talkreel.edit.layouts import Stage
from talkreel.edit.saliency import find_salience
from talkreel.edit.scenes import split_at_holes, split_at_shots
from talkreel.edit.screens import LookAt, screen_likeness, still_share
from talkreel.edit.subjects import Subject, find_subjects
from talkreel.edit.turns import Turn, evidence, find_turns

_SCREEN = 0.5
# Beside a person more is asked for: a plain wall with a picture on it is no slide.
_SCREEN_BESIDE = 0.65
_STILL = 0.8
# In a wide shot faces are smaller than this share of the picture's height.
_WIDE_SHOT_FACE = 0.18
# From this many words with a mean probability of speaking below this, somebody else talks.
_LEAST_WORDS = 5
_LISTENS = 0.2
# A face that stays below this share of the canvas after all allowed enlargement is a figure in
# a landscape, not somebody to look at.
_FIGURE = 0.05
# So much of the interest must lie in the best window, over what chance puts there, before
# anything is cut away for it.
_GATHERED = 0.55


def make_layouts(
    time_map: TimeMap,
    analysis: Analysis,
    canvas: Canvas,
    *,
    upscale_limit: float,
    look: LookAt | None = None,
) -> tuple[Layout, ...]:
    """Layouts that cover ``time_map.kept`` in order.

    Args:
        time_map: what is played.
        analysis: shots, faces and words.
        canvas: what is filled.
        upscale_limit: how far a crop may be enlarged.
        look: shows small frames; without it slides are not told from film and whatever is
            not known is shown whole.
    """
    hull = Span(time_map.kept[0].start, time_map.kept[-1].end)
    if analysis.media.video is None:
        reason = "The source has no picture: the sound is drawn"
        return (Layout(hull, LayoutKind.WAVEFORM, (), reason),)
    stage = Stage.of(analysis.media.video, canvas, upscale_limit)
    words = analysis.transcript.within(hull.pad(1.0, 1.0))
    director = Director(stage, time_map, words, analysis, look)
    scenes = split_at_shots(time_map, analysis.shots)
    return tuple(layout for scene in scenes for layout in director.frame_scene(scene))


@dataclass(frozen=True, slots=True)
class Director:
    """Frames one scene after another."""

    stage: Stage
    time_map: TimeMap
    words: Sequence[Word]
    analysis: Analysis
    look: LookAt | None

    def frame_scene(self, scene: Span) -> list[Layout]:
        """Layouts that fill ``scene``."""
        view = self.stage.view
        if view.lost < 0.02:
            return [self.stage.whole(scene, "The source has the shape of the canvas", 1.0)]
        if view.source_height > view.source_width:
            reason = "The source is upright already: shown whole, with what is written on it"
            return [self.stage.whole(scene, reason, 0.9)]
        subjects = find_subjects(scene, self.analysis.faces)
        layouts = []
        for part, has_faces in split_at_holes(scene, subjects, self.look):
            here = find_subjects(part, self.analysis.faces) if has_faces else ()
            layouts += self._frame_people(part, here) if here else [self._frame_things(part)]
        return layouts

    def _frame_people(self, scene: Span, subjects: Sequence[Subject]) -> list[Layout]:
        if max(s.height for s in subjects) < _FIGURE * self.stage.view.smallest:
            return [self._frame_things(scene)]
        if self._is_beside_screen(scene, subjects):
            reason = "Slides or a screen beside the person: shown whole"
            return [self.stage.whole(scene, reason, 0.8)]
        if len(subjects) == 1 and self._only_listens(scene, subjects[0]):
            reason = "The person seen from afar is not the one who speaks: shown whole"
            return [self.stage.whole(scene, reason, 0.6)]
        if len(subjects) == 1:
            confidence = 0.5 + 0.5 * subjects[0].presence
            reason = "The only person in the picture"
            return [self.stage.person(scene, scene, subjects[0], reason, confidence)]
        together = self.stage.group(scene, subjects, "Everybody fits into one crop", 0.9)
        if together is not None:
            return [together]
        turns = find_turns(scene, subjects, self.words, self.time_map)
        return [self._frame_turn(turn, scene, subjects) for turn in turns]

    def _frame_turn(self, turn: Turn, scene: Span, subjects: Sequence[Subject]) -> Layout:
        if turn.who is not None:
            subject = subjects[turn.who]
            reason = "The person who is speaking"
            confidence = min(1.0, 0.5 + 0.5 * turn.lead)
            return self.stage.person(turn.span, scene, subject, reason, confidence)
        both = "Both speak in quick turns, or it is not clear who does: both shown"
        lasting = [s for s in subjects if s.presence >= 0.5]
        pair = self.stage.split(turn.span, scene, lasting, both, 0.6)
        if pair is not None:
            return pair
        reason = "Several people, and it is not clear who speaks: all shown"
        return self.stage.whole(turn.span, reason, 0.5)

    def _frame_things(self, scene: Span) -> Layout:
        """A scene without faces."""
        frames = self._frames(scene)
        if not frames:
            return self.stage.whole(scene, "Nothing is known about the picture: shown whole", 0.3)
        if screen_likeness(frames) >= _SCREEN:
            return self.stage.whole(scene, "Slides or a screen: shown whole", 0.85)
        window = self.stage.view.size(self.stage.view.largest)[0]
        salience = find_salience(frames, window)
        if salience.gathered >= _GATHERED:
            reason = "No face; the interest of the picture is in one place"
            return self.stage.fixed(scene, salience.x, reason, 0.5)
        reason = "No face, and the interest is spread over the picture: shown whole"
        return self.stage.whole(scene, reason, 0.5)

    def _only_listens(self, scene: Span, subject: Subject) -> bool:
        """Whether a wide shot holds a speaker whose face was not found.

        In a closer shot of a listener there is nobody else to show.
        """
        if subject.height >= _WIDE_SHOT_FACE:
            return False
        middles = (word.span.middle for word in self.words)
        said = sorted(time for time in middles if scene.contains(time))
        speech, _ = evidence(np.asarray(said, dtype=np.float64), [subject], self.words)
        known = speech[0][~np.isnan(speech[0])]
        return known.size >= _LEAST_WORDS and float(known.mean()) < _LISTENS

    def _is_beside_screen(self, scene: Span, subjects: Sequence[Subject]) -> bool:
        """Whether a face crop would cut away something to read."""
        frames = self._frames(scene)
        if not frames or still_share(frames) < _STILL:
            return False
        largest = max(subjects, key=lambda s: s.height)
        half = 1.5 * largest.width
        columns = (max(0.0, largest.centre[0] - half), min(1.0, largest.centre[0] + half))
        return screen_likeness(frames, outside=columns) >= _SCREEN_BESIDE

    def _frames(self, scene: Span) -> list[NDArray[np.uint8]]:
        if self.look is None:
            return []
        count = 5 if scene.duration > 2.0 else 2
        return self.look([scene.start + scene.duration * (i + 0.5) / count for i in range(count)])
