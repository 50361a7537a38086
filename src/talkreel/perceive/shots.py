"""Where the picture changes shot, without decoding most of it.

Keyframes and packet sizes say where a change may be; only there are frames decoded, from the
keyframe before up to the place, and compared one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.tracks import Shot, Transition
from talkreel.media.frames import FrameReader, packet_index
from talkreel.media.packets import PacketIndex
from talkreel.perceive.shot_search import Search
from talkreel.perceive.shot_transitions import LEAST_SHOT_SECONDS, Change

# Four samples for each cell of a signature, which averages them.
_WIDTH_PX = 192


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
    Flashes, pans and changes of light are no cuts; no shot is shorter than 0.2 s. The result
    depends on the file alone.
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
            search = Search(reader, packets, whole, media.video.codec, progress)
            changes = search.run()
        progress(1.0)
        return ShotReport(_shots(whole, changes), len(packets), search.decoded)


def _within(packets: PacketIndex, span: Span) -> PacketIndex:
    inside = (packets.times >= span.start - 1e-6) & (packets.times < span.end)
    return PacketIndex(packets.times[inside], packets.sizes[inside], packets.keyframe[inside])


def _shots(whole: Span, changes: tuple[Change, ...]) -> tuple[Shot, ...]:
    inside = whole.pad(-LEAST_SHOT_SECONDS, -LEAST_SHOT_SECONDS)
    inner = [change for change in changes if inside.start <= change.time <= inside.end]
    bounds = [whole.start, *(change.time for change in inner), whole.end]
    kinds = [Transition.START, *(change.kind for change in inner)]
    spans = [Span(start, end) for start, end in pairwise(bounds)]
    return tuple(Shot(span, kind) for span, kind in zip(spans, kinds, strict=True))
