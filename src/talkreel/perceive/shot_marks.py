"""Which suspect packets of a file need a look at their pictures, learnt on the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkreel.perceive.shot_compare import Signatures, difference
from talkreel.perceive.shot_packets import Stretch
from talkreel.perceive.shot_transitions import LEAST_SHOT_SECONDS

# A keyframe at least this different from the one before shows another shot or another view.
STRONG_LEVEL = 1.3
# Two pictures this alike show the same.
ALIKE_LEVEL = 0.3
# Two keyframes this different may have a change of shot between them; what lies between may
# have moved back in part, so this is lower than the level of a cut.
_SUSPECT_LEVEL = 0.75
# An encoder reacts to cuts when this part of the strong changes ends in a keyframe off its beat.
# It then puts a keyframe or a whole picture at every plain cut, but no keyframe within the first
# tenth of the longest keyframe distance. Elsewhere only spikes as large as this need a look, and
# only keyframes as different as a fade makes them are suspect.
_REACTS_SHARE = 0.8
_SURE_SHARE = 0.8
_SUSPECT_LEVEL_IF_REACTING = 1.1
# Spikes must be this much larger than harmless ones of the same file to need a look.
_HARMLESS_OVER = 1.1
# Codecs that can go back cheaply to a picture from long ago (golden and alternate references).
_LONG_MEMORY = frozenset(["vp8", "vp9", "av1"])

Anchors = dict[int, Signatures]
"""Signatures of the keyframes that begin stretches, by place; those that decode."""


def level_between(a: Signatures | None, b: Signatures | None) -> float:
    """Difference of two signatures; 0 where one is not known."""
    return 0.0 if a is None or b is None else float(difference(a, b)[0])


class Marks:
    """Judges packets of one file.

    Args:
        parts: all stretches of the file.
        anchors: their keyframes.
        times: [N] seconds of all packets.
        codec: canonical name.
    """

    def __init__(
        self,
        parts: Sequence[Stretch],
        anchors: Anchors,
        times: NDArray[np.float64],
        codec: str,
    ) -> None:
        self._times = times
        self._long_memory = codec in _LONG_MEMORY
        self._reacts = _reacts(parts, anchors)
        self._no_key_packets = max((part.last - part.first for part in parts), default=0) // 10 + 1
        self._harmless: list[float] = []
        self.suspect_level = _SUSPECT_LEVEL_IF_REACTING if self._reacts else _SUSPECT_LEVEL

    def of(
        self, part: Stretch, here: Signatures | None, after: Signatures | None, since: int = -1
    ) -> list[int]:
        """Packets behind ``since`` that need a look, ascending, between two known pictures."""
        spikes = [
            (i, share)
            for i, share in zip(part.spikes, part.shares, strict=True)
            if i > since and self._may_be_cut(part, i, share)
        ]
        level = level_between(here, after)
        if here is not None and after is not None and level < ALIKE_LEVEL:
            spikes = [(i, share) for i, share in spikes if share > self._harmless_share()]
            if self._goes_nowhere(part, [i for i, _ in spikes]):
                spikes = []
        others = [*part.blanks, *(part.swells if level >= _SUSPECT_LEVEL else ())]
        return sorted([*(i for i in others if i > since), *(i for i, _ in spikes)])

    def learn_harmless(self, part: Stretch, first: int, last: int) -> None:
        """Note that nothing came of the spikes among the packets ``first .. last`` (half-open)."""
        shares = [
            share
            for i, share in zip(part.spikes, part.shares, strict=True)
            if first <= i < last and self._may_be_cut(part, i, share)
        ]
        if shares:
            self._harmless.append(max(shares))

    def _may_be_cut(self, part: Stretch, packet: int, share: float) -> bool:
        if not self._reacts or share >= _SURE_SHARE:
            return True
        return packet - part.first <= self._no_key_packets

    def _harmless_share(self) -> float:
        """Up to this size spikes have been looked at, twice, and held nothing.

        The keyframes of an earlier encoding leave such spikes all over a file.
        """
        return _HARMLESS_OVER * sorted(self._harmless)[-2] if len(self._harmless) > 1 else 0.0

    def _goes_nowhere(self, part: Stretch, spikes: Sequence[int]) -> bool:
        """Whether a spike between like pictures cannot be a cut: nothing goes back after it.

        The way back costs a second large packet or a keyframe off its beat, unless the codec
        keeps pictures from long ago.
        """
        if not spikes or part.forced or self._long_memory:
            return False
        return bool(self._times[spikes[-1]] - self._times[spikes[0]] < LEAST_SHOT_SECONDS)


def _reacts(parts: Sequence[Stretch], anchors: Anchors) -> bool:
    """Whether the encoder answers cuts with keyframes, as x264 and x265 do by default."""
    strong = [
        part.forced
        for place, part in enumerate(parts[:-1])
        if level_between(anchors.get(place), anchors.get(place + 1)) >= STRONG_LEVEL
    ]
    return len(strong) > 1 and sum(strong) >= _REACTS_SHARE * len(strong)
