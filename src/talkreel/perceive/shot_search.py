"""One pass over a file: keyframes first, then only the stretches in which a shot may change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from talkreel.core.spans import Span
from talkreel.core.stage import Progress
from talkreel.core.tracks import Transition
from talkreel.media.frames import Frame, FrameReader
from talkreel.media.packets import PacketIndex
from talkreel.perceive.shot_compare import (
    Signatures,
    difference,
    everywhere,
    found_again,
    signature,
)
from talkreel.perceive.shot_marks import ALIKE_LEVEL, STRONG_LEVEL, Anchors, Marks, level_between
from talkreel.perceive.shot_packets import Stretch, stretches
from talkreel.perceive.shot_transitions import Change, find_changes, separate

# Anchors of all-intra files are fetched in batches, to hold few pictures at once.
_ANCHORS_AT_ONCE = 32
# Frames read behind a suspect packet, so that a reordered cut and a flash are inside.
_BEHIND_SECONDS = 0.32
# Frames read ahead of one, to know how much the picture changes there anyway.
_AHEAD_SECONDS = 0.6
# An encoder that puts a keyframe off its beat saw a new picture there. When that keyframe is
# strongly different from what came before and the picture rests on both sides, the cut is taken
# as proven without decoding up to it, if that saves more than this many frames.
_PROVEN_SAVES_FRAMES = 30
_RESTING_LEVEL = 0.35
_RESTING_SHARE = 0.3
# A pan makes any two keyframes differ: then the middle of the one is found in the other (0.98;
# for true cuts 0.3 to 0.87, median 0.56), and it may go on: from the first to the last frame
# read behind the keyframe half of the picture changes by more than this (a speaker: 0.2 to 1).
_RESTING_COLOUR = 2.5
_FOUND_AGAIN = 0.85
# Behind the last keyframe no other one tells what changed: a rest this short is read whole.
_LAST_FRAMES = 300
# Runs are judged in pieces, so that memory does not grow with the length of the film; pieces
# share enough frames for the longest fade.
_PIECE_FRAMES = 1000
_SHARED_SECONDS = 3.0
# Packets and frames closer than this are the same.
_SAME_SECONDS = 1e-3
_LOOK_SHARE = 0.2


class _Run:
    """Consecutive decoded frames, judged piece by piece."""

    def __init__(self, opening: float) -> None:
        self._opening = opening
        self._times: list[float] = []
        self._pictures: list[Signatures] = []
        self._since = -np.inf

    def add(self, time: float, picture: Signatures) -> None:
        """Take the signature of the frame that follows the last one."""
        self._times.append(time)
        self._pictures.append(picture)

    @property
    def is_empty(self) -> bool:
        """Whether the next frame is the first of a run."""
        return not self._times

    @property
    def is_full(self) -> bool:
        """Whether a piece should be judged now."""
        return len(self._times) >= _PIECE_FRAMES

    def judge(self, *, ends: bool, closes: bool = False) -> list[Change]:
        """Changes in the frames so far; the last seconds wait for what follows unless it ends."""
        if not self._times:
            return []
        times = np.array(self._times)
        opens = times[0] < self._opening + _SAME_SECONDS
        found = find_changes(times, np.stack(self._pictures), opens=opens, closes=closes and ends)
        until = np.inf if ends else times[-1] - _SHARED_SECONDS / 2
        sure = [change for change in found if self._since <= change.time < until]
        first = len(times) if ends else int(np.searchsorted(times, times[-1] - _SHARED_SECONDS))
        del self._times[:first], self._pictures[:first]
        self._since = -np.inf if ends else until
        return sure


class Search:
    """One pass over the stretches of a file.

    Args:
        reader: of pictures at least as large as signatures.
        packets: of the part to search.
        whole: that part.
        codec: canonical name.
        progress: told the share that is done.
    """

    def __init__(
        self,
        reader: FrameReader,
        packets: PacketIndex,
        whole: Span,
        codec: str,
        progress: Progress,
    ) -> None:
        self._reader = reader
        self._packets = packets
        self._times = packets.times
        self._whole = whole
        self._codec = codec
        self._progress = progress
        self._parts = stretches(packets)
        self._anchors: Anchors = {}
        self._marks = Marks((), {}, self._times, codec)
        self._changes: list[Change] = []
        self._run = _Run(float(self._times[0]) if len(packets) else whole.start)
        self.decoded = 0

    def run(self) -> tuple[Change, ...]:
        """Every change of shot, in order of time."""
        self._look()
        self._marks = Marks(self._parts, self._anchors, self._times, self._codec)
        joined = False
        for place in range(len(self._parts)):
            joined = self._search(place, joined)
            done = self._parts[place].last / len(self._packets)
            self._progress(_LOOK_SHARE + (1 - _LOOK_SHARE) * done)
        self._changes += self._run.judge(ends=True, closes=joined)
        return separate(self._changes)

    def _look(self) -> None:
        """The coarse pass: a signature of each anchor that decodes."""
        wanted = np.array([self._times[part.first] for part in self._parts])
        for frame in self._anchor_frames(wanted):
            place = int(np.argmin(np.abs(wanted - frame.time)))
            if abs(wanted[place] - frame.time) < _SAME_SECONDS:
                self._anchors[place] = signature(frame.image)
                self._progress(_LOOK_SHARE * (place + 1) / len(wanted))

    def _anchor_frames(self, wanted: NDArray[np.float64]) -> Iterator[Frame]:
        keys = int(np.count_nonzero(self._packets.keyframe))
        if keys <= 2 * len(wanted):
            self.decoded += keys
            yield from self._reader.keyframes(self._whole)
            return
        for first in range(0, len(wanted), _ANCHORS_AT_ONCE):
            times = wanted[first : first + _ANCHORS_AT_ONCE]
            self.decoded += len(times)
            yield from self._reader.at([float(time) for time in times])

    def _search(self, place: int, joined: bool) -> bool:
        """Decode a stretch as far as it is suspect.

        Args:
            place: of the stretch.
            joined: whether the stretch before was decoded to its end, so that the first frames
                of this one matter.

        Returns:
            whether this one was decoded to its end.
        """
        if not joined:
            self._changes += self._run.judge(ends=True)
        part, start = self._parts[place], float(self._times[self._parts[place].first])
        here, after = self._anchors.get(place), self._anchors.get(place + 1)
        last = place + 1 == len(self._parts)
        unknown = here is None or (after is None and not last)
        if unknown or (last and part.last - part.first <= _LAST_FRAMES):
            self._read(place, start, np.inf, [])
            return True
        marks = self._marks.of(part, here, after)
        if not (marks or joined):
            if here is None or not self._differ(here, after) or self._is_proven(place, here, 0):
                return False
            return bool(self._read(place, start, start, []))
        until = self._behind(marks[0]) if marks else start + _BEHIND_SECONDS
        ahead = float(self._times[marks[0]]) - _AHEAD_SECONDS if marks else start
        reached = self._read(place, start if joined else max(start, ahead), until, marks)
        if reached is None:
            reached = self._read(place, start, until, marks)
        return bool(reached)

    def _read(self, place: int, start: float, until: float, marks: list[int]) -> bool | None:
        """Add frames from ``start`` on to the run, up to ``until`` and further while suspect.

        Returns:
            whether the end of the stretch was reached; None, with nothing read, when there is a
            change already between the keyframe and ``start``.
        """
        part = self._parts[place]
        here, after = self._anchors.get(place), self._anchors.get(place + 1)
        steady, at = True, int(np.searchsorted(self._times, start - _SAME_SECONDS))
        first, ahead = at, at > part.first
        self.decoded += at - part.first
        for frame in self._reader.every(Span(start, self._end(part))):
            picture = signature(frame.image)
            self.decoded += 1
            at += 1
            if ahead and self._differ(picture, here):
                return None
            ahead = False
            self._run.add(frame.time, picture)
            if self._run.is_full:
                self._changes += self._run.judge(ends=False)
            if frame.time < until - _SAME_SECONDS:
                continue
            # A cut may come some frames before its spike: only while nothing at all has changed
            # are the spikes harmless.
            steady = steady and level_between(here, picture) < ALIKE_LEVEL
            if steady:
                self._marks.learn_harmless(part, first, at)
            first = at
            differs = self._differ(picture, after)
            marks = [i for i in marks if i >= at]
            if not differs:
                marks = self._marks.of(part, picture, after, since=at - 1)
            if marks:
                until = self._behind(marks[0])
            elif not differs or self._is_proven(place, picture, at - part.first):
                return at >= part.last
            else:
                until = np.inf
        return True

    def _behind(self, packet: int) -> float:
        return float(self._times[packet]) + _BEHIND_SECONDS

    def _end(self, part: Stretch) -> float:
        return float(self._times[part.last]) if part.last < len(self._times) else self._whole.end

    def _differ(self, picture: Signatures | None, after: Signatures | None) -> bool:
        return level_between(picture, after) >= self._marks.suspect_level

    def _is_proven(self, place: int, before: Signatures, read: int) -> bool:
        """Whether a cut must lie exactly at the next anchor; notes it if so."""
        part = self._parts[place]
        saved = part.last - part.first - read
        if not (part.forced and part.rests and saved > _PROVEN_SAVES_FRAMES):
            return False
        start = float(self._times[part.last])
        frames = list(self._reader.every(Span(start, start + _BEHIND_SECONDS)))
        self.decoded += len(frames)
        if not frames:
            return False
        pictures = np.stack([signature(frame.image) for frame in frames])
        # Against the keyframe as well: the last frame that was read may be a flash.
        here = self._anchors.get(place, before)
        level = float(np.minimum(difference(pictures, before), difference(pictures, here)).min())
        if level < STRONG_LEVEL or not _rests(pictures, level):
            return False
        if max(found_again(before, pictures[-1]), found_again(here, pictures[-1])) > _FOUND_AGAIN:
            return False
        self._changes.append(Change(frames[0].time, Transition.CUT, level))
        return True


def _rests(pictures: Signatures, level: float) -> bool:
    """Whether pictures hardly change, by the measure of a change of ``level`` before them."""
    moves = float(difference(pictures, pictures[0]).max())
    still = everywhere(pictures[0], pictures[-1]) <= _RESTING_COLOUR
    return still and moves <= max(_RESTING_LEVEL, _RESTING_SHARE * level)
