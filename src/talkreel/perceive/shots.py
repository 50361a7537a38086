"""Where the picture changes shot, without decoding most of it.

Keyframes and packet sizes say where a change may be; only there are frames decoded, from the
keyframe before up to the place, and compared one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.tracks import Shot, Transition
from talkreel.media.frames import Frame, FrameReader, packet_index
from talkreel.media.packets import PacketIndex
from talkreel.perceive.shot_compare import (
    Signatures,
    difference,
    everywhere,
    found_again,
    signature,
)
from talkreel.perceive.shot_packets import Stretch, stretches
from talkreel.perceive.shot_transitions import (
    LEAST_SHOT_SECONDS,
    Change,
    find_changes,
    separate,
)

# Four samples for each cell of a signature, which averages them.
_WIDTH_PX = 192
# Anchors of all-intra files are fetched in batches, to hold few pictures at once.
_ANCHORS_AT_ONCE = 32
# Two keyframes this different may have a cut between them. Lower than the level of a cut:
# what lies between may have moved back in part.
_SUSPECT_LEVEL = 0.75
# Frames read behind a suspect packet, so that a reordered cut and a flash are inside.
_BEHIND_SECONDS = 0.4
# Frames read ahead of one, to know how much the picture changes there anyway.
_AHEAD_SECONDS = 0.6
# An encoder that puts a keyframe off its beat saw a new picture there. When that keyframe is
# at least this different from what came before and the picture rests on both sides, the cut is
# taken as proven without decoding up to it, if that saves more than this many frames.
_PROVEN_LEVEL = 1.3
_RESTING_LEVEL = 0.35
_RESTING_SHARE = 0.3
# A pan makes any two keyframes differ: then the middle of the one is found in the other (0.98;
# for true cuts 0.3 to 0.87, median 0.56), and it may go on: from the first to the last frame
# read behind the keyframe half of the picture changes by more than this (a speaker: 0.2 to 1).
_RESTING_COLOUR = 2.5
_FOUND_AGAIN = 0.85
_PROVEN_SAVES_FRAMES = 30
# An encoder reacts to cuts when this part of the strong changes ends in a keyframe off its beat.
# It then puts a keyframe or a whole picture at every plain cut, but no keyframe within the first
# tenth of the longest keyframe distance; elsewhere only spikes as large as this are looked at.
_REACTS_SHARE = 0.8
_SURE_SHARE = 0.8
# Spikes must be this much larger than harmless ones of the same file to be looked at.
_HARMLESS_OVER = 1.1
# Two keyframes this alike show the same picture.
_ALIKE_LEVEL = 0.3
# Codecs that can go back cheaply to a picture from long ago (golden and alternate references).
_LONG_MEMORY = frozenset(["vp8", "vp9", "av1"])
# Runs are judged in pieces, so that memory does not grow with the length of the film; pieces
# share enough frames for the longest fade.
_PIECE_FRAMES = 1500
_SHARED_SECONDS = 3.0
_LOOK_SHARE = 0.2
# Behind the last keyframe no other one tells what changed: a rest this short is read whole.
_LAST_FRAMES = 300
# Packets and frames closer than this are the same.
_SAME_SECONDS = 1e-3


@dataclass(frozen=True, slots=True)
class ShotReport:
    """Shots and what finding them cost.

    Attributes:
        shots: see ``ShotDetector``.
        frames: in the part of the file that was analysed.
        decoded: of these, how many were decoded (some twice count twice).
    """

    shots: tuple[Shot, ...]
    frames: int
    decoded: int


class ShotDetector:
    """Finds cuts, dissolves and fades.

    A shot after a cut starts at its first frame; after a dissolve at the first frame that shows
    more of it than of the shot before; after a fade through black in the middle of the black.
    Flashes, pans and changes of light are no cuts. The result depends on the file alone.
    """

    name = "shots"
    version = 1

    def __call__(
        self, media: Media, *, span: Span | None = None, progress: Progress = silent
    ) -> tuple[Shot, ...]:
        """Shots that cover ``span`` (default: the whole media) without gaps.

        The first begins with ``Transition.START``. Media without picture has none.

        Raises:
            ValueError: ``span`` lies outside the media.
        """
        return self.report(media, span=span, progress=progress).shots

    def report(
        self, media: Media, *, span: Span | None = None, progress: Progress = silent
    ) -> ShotReport:
        """The same with what it cost.

        Raises:
            ValueError: ``span`` lies outside the media.
        """
        whole = (span or media.span).intersect(media.span)
        if whole is None:
            raise ValueError(
                f"the span {span} lies outside the media, which lasts {media.duration:.3f} s"
            )
        if media.video is None:
            progress(1.0)
            return ShotReport((), 0, 0)
        packets = _within(packet_index(media), whole)
        with FrameReader(media, width=_WIDTH_PX, averaged=False) as reader:
            search = _Search(reader, packets, whole, media.video.codec, progress)
            changes = search.run()
        progress(1.0)
        return ShotReport(_shots(whole, changes), len(packets), search.decoded)


def _within(packets: PacketIndex, span: Span) -> PacketIndex:
    inside = (packets.times >= span.start - 1e-6) & (packets.times < span.end)
    return PacketIndex(packets.times[inside], packets.sizes[inside], packets.keyframe[inside])


def _shots(whole: Span, changes: tuple[Change, ...]) -> tuple[Shot, ...]:
    inner = [change for change in changes if whole.start < change.time < whole.end]
    bounds = [whole.start, *(change.time for change in inner), whole.end]
    kinds = [Transition.START, *(change.kind for change in inner)]
    spans = [Span(start, end) for start, end in pairwise(bounds)]
    return tuple(Shot(span, kind) for span, kind in zip(spans, kinds, strict=True))


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


class _Search:
    """One pass over the stretches of a file."""

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
        self._whole = whole
        self._progress = progress
        self._parts = stretches(packets)
        self._anchors: dict[int, Signatures] = {}
        self._changes: list[Change] = []
        self._run = _Run(float(packets.times[0]) if len(packets) else whole.start)
        self._long_memory = codec in _LONG_MEMORY
        self._reacts, self._no_key_frames = False, 0
        self._harmless: list[float] = []
        self.decoded = 0

    def run(self) -> tuple[Change, ...]:
        """Every change of shot, in order of time."""
        self._look()
        self._learn()
        joined = False
        for place in range(len(self._parts)):
            joined = self._search(place, joined)
            done = self._parts[place].last / len(self._packets)
            self._progress(_LOOK_SHARE + (1 - _LOOK_SHARE) * done)
        self._changes += self._run.judge(ends=True, closes=joined)
        return separate(self._changes)

    def _look(self) -> None:
        """The coarse pass: a signature of each anchor that decodes."""
        wanted = np.array([self._packets.times[part.first] for part in self._parts])
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
        window = self._window(place, joined)
        if window is None:
            return False
        here = self._anchors.get(place)
        start = float(self._packets.times[self._parts[place].first])
        if window.start == window.end and here is not None and self._is_proven(place, here, 0):
            return False
        reached = self._read(place, window)
        if reached is None:
            reached = self._read(place, Span(start, window.end))
        return bool(reached)

    def _read(self, place: int, window: Span) -> bool | None:
        """Add the frames of ``window`` to the run, and those behind it while they are suspect.

        Returns:
            whether the end of the stretch was reached; None, with nothing read, when there is a
            change already between the keyframe and the window.
        """
        part, after = self._parts[place], self._anchors.get(place + 1)
        here, until, strays = self._anchors.get(place), window.end, False
        read = int(np.searchsorted(self._packets.times, window.start)) - part.first
        self.decoded += read
        for frame in self._reader.every(Span(window.start, self._end(part))):
            picture = signature(frame.image)
            self.decoded += 1
            if read and self._run.is_empty and self._differ(picture, here):
                return None
            self._run.add(frame.time, picture)
            read += 1
            strays = strays or self._differ(picture, here)
            if self._run.is_full:
                self._changes += self._run.judge(ends=False)
            if frame.time < until - _SAME_SECONDS:
                continue
            if not self._differ(picture, after) or self._is_proven(place, picture, read):
                if part.shares and not strays and self._is_alike(place):
                    self._harmless.append(max(part.shares))
                return read >= part.last - part.first
            until = np.inf
        return True

    def _end(self, part: Stretch) -> float:
        count = len(self._packets)
        return float(self._packets.times[part.last]) if part.last < count else self._whole.end

    def _window(self, place: int, joined: bool) -> Span | None:
        """What must be decoded of a stretch, an empty span for as much as it takes; or None."""
        part, times = self._parts[place], self._packets.times
        here, after = self._anchors.get(place), self._anchors.get(place + 1)
        start, last = float(times[part.first]), place + 1 == len(self._parts)
        unknown = here is None or (after is None and not last)
        if unknown or (last and part.last - part.first <= _LAST_FRAMES):
            return Span(start, self._whole.end)
        marks = [*part.blanks, *self._spikes(place)]
        if marks:
            ahead = float(times[min(marks)]) - _AHEAD_SECONDS
            begin = start if joined else max(start, ahead)
            return Span(begin, float(times[max(marks)]) + _BEHIND_SECONDS)
        if joined:
            return Span(start, start + _BEHIND_SECONDS)
        return Span(start, start) if here is not None and self._differ(here, after) else None

    def _spikes(self, place: int) -> list[int]:
        """The spikes of a stretch that need a look."""
        part = self._parts[place]
        spikes = list(zip(part.spikes, part.shares, strict=True))
        if self._reacts:
            early = part.first + self._no_key_frames
            spikes = [(i, share) for i, share in spikes if i <= early or share >= _SURE_SHARE]
        if spikes and self._is_alike(place):
            spikes = [(i, share) for i, share in spikes if share > self._harmless_share()]
            if self._goes_nowhere(part, [i for i, _ in spikes]):
                return []
        return [i for i, _ in spikes]

    def _goes_nowhere(self, part: Stretch, spikes: list[int]) -> bool:
        """Whether a spike between like keyframes cannot be a cut: nothing goes back after it.

        The way back costs a second large packet or a keyframe off its beat, unless the codec
        keeps pictures from long ago.
        """
        if not spikes or part.forced or self._long_memory:
            return False
        times = self._packets.times
        return bool(times[spikes[-1]] - times[spikes[0]] < LEAST_SHOT_SECONDS)

    def _is_alike(self, place: int) -> bool:
        here, after = self._anchors.get(place), self._anchors.get(place + 1)
        if here is None or after is None:
            return False
        return float(difference(here, after)[0]) < _ALIKE_LEVEL

    def _harmless_share(self) -> float:
        """Spikes up to this size have been looked at, twice, and held nothing.

        The keyframes of an earlier encoding leave such spikes all over a file.
        """
        return _HARMLESS_OVER * sorted(self._harmless)[-2] if len(self._harmless) > 1 else 0.0

    def _learn(self) -> None:
        """Whether the encoder answers cuts with keyframes, as x264 and x265 do by default."""
        strong = [
            part.forced
            for place, part in enumerate(self._parts[:-1])
            if place in self._anchors
            and place + 1 in self._anchors
            and difference(self._anchors[place], self._anchors[place + 1])[0] >= _PROVEN_LEVEL
        ]
        self._reacts = len(strong) > 1 and sum(strong) >= _REACTS_SHARE * len(strong)
        longest = max((part.last - part.first for part in self._parts), default=0)
        self._no_key_frames = longest // 10 + 1

    def _differ(self, picture: Signatures, after: Signatures | None) -> bool:
        return after is not None and float(difference(picture, after)[0]) >= _SUSPECT_LEVEL

    def _is_proven(self, place: int, before: Signatures, read: int) -> bool:
        """Whether a cut must lie exactly at the next anchor; notes it if so."""
        part = self._parts[place]
        saved = part.last - part.first - read
        if not (part.forced and part.rests and saved > _PROVEN_SAVES_FRAMES):
            return False
        start = float(self._packets.times[part.last])
        frames = list(self._reader.every(Span(start, start + _BEHIND_SECONDS)))
        self.decoded += len(frames)
        if not frames:
            return False
        pictures = np.stack([signature(frame.image) for frame in frames])
        # Against the keyframe as well: the last frame that was read may be a flash.
        here = self._anchors.get(place, before)
        level = float(np.minimum(difference(pictures, before), difference(pictures, here)).min())
        moves = float(difference(pictures, pictures[0]).max())
        if level < _PROVEN_LEVEL or moves > max(_RESTING_LEVEL, _RESTING_SHARE * level):
            return False
        if everywhere(pictures[0], pictures[-1]) > _RESTING_COLOUR:
            return False
        if max(found_again(before, pictures[-1]), found_again(here, pictures[-1])) > _FOUND_AGAIN:
            return False
        self._changes.append(Change(frames[0].time, Transition.CUT, level))
        return True
