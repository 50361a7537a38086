"""Which proposals become clips: local winners, then the best ones under the rules."""

from __future__ import annotations

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.ranking.edges import BAD_EDGE
from talkreel.ranking.facts import Facts, IntArray
from talkreel.ranking.score import Scores
from talkreel.ranking.talk import Proposals, Talk
from talkreel.ranking.weights import ChoiceRules

BoolArray = np.ndarray[tuple[int], np.dtype[np.bool_]]
_BROKEN_EDGE_COST = 0.08  # what each broken edge takes from the total of a span


class Chooser:
    """Chooses among the proposals of one talk; deterministic."""

    def __init__(
        self,
        talk: Talk,
        facts: Facts,
        proposals: Proposals,
        scores: Scores,
        rules: ChoiceRules,
    ) -> None:
        self._talk = talk
        self._facts = facts
        self._proposals = proposals
        self._rules = rules
        bad_start = facts.edges.start_badness[proposals.first] >= BAD_EDGE
        bad_end = facts.edges.end_badness[proposals.last - 1] >= BAD_EDGE
        self.broken = bad_start.astype(np.int64) + bad_end.astype(np.int64)
        self.total = scores.total - _BROKEN_EDGE_COST * self.broken
        self._local = scores.local
        self._centres = self._centroids()

    def winners(self) -> IntArray:
        """The best variant of every moment: no two overlap by more than the rule allows.

        Unbroken edges come first, then the local score, so that what wins does not depend on
        the rest of the talk.
        """
        proposals = self._proposals
        order = np.lexsort((proposals.start, -self._local.round(9), self.broken))
        free = np.ones(len(proposals), dtype=bool)
        won = []
        for index in order:
            if free[index]:
                won.append(int(index))
                free &= self._apart(int(index))
        return np.array(won, dtype=np.int64)

    def pick(self, count: int, pool: IntArray, chosen: list[int]) -> list[int]:
        """Add to ``chosen`` from ``pool`` until it holds ``count`` or nothing more fits."""
        free = np.zeros(len(self._proposals), dtype=bool)
        free[pool] = True
        likeness = np.zeros(len(self._proposals))
        chosen = list(chosen)
        for index in chosen:
            free &= self._apart(index)
            likeness = np.maximum(likeness, self._likeness(index))
        while len(chosen) < count:
            free &= self._unsaid(chosen)
            if not free.any():
                break
            worth = np.where(free, self.total - likeness, -np.inf)
            index = int(np.argmax(worth))
            chosen.append(index)
            free &= self._apart(index)
            likeness = np.maximum(likeness, self._likeness(index))
        return chosen

    def pack(self, count: int) -> list[int]:
        """``count`` proposals that do not overlap at all with the largest total, or the most.

        Weighted interval scheduling; the answer when picking the best first blocks too much.
        """
        proposals = self._proposals
        order = np.lexsort((proposals.start, proposals.end))
        ends = proposals.end[order]
        before = np.searchsorted(ends, proposals.start[order] + 1e-9, side="right")
        before = np.minimum(before, np.arange(len(order)))
        value = np.maximum(self.total[order], 0) + 1e-3
        best = np.full((len(order) + 1, count + 1), -np.inf)
        best[:, 0] = 0.0
        for i in range(len(order)):
            best[i + 1] = best[i]
            taken = best[before[i], :-1] + value[i]
            best[i + 1, 1:] = np.maximum(best[i, 1:], taken)
        left = int(np.flatnonzero(np.isfinite(best[-1]))[-1])
        chosen, i = [], len(order)
        while left > 0 and i > 0:
            if best[i, left] > best[i - 1, left]:
                chosen.append(int(order[i - 1]))
                i, left = int(before[i - 1]), left - 1
            else:
                i -= 1
        kept: list[int] = []
        for index in sorted(chosen, key=lambda p: -float(self.total[p])):
            if self._unsaid(kept)[index]:
                kept.append(index)
        return kept

    def _apart(self, index: int) -> BoolArray:
        """[P] whether a proposal shares no more with ``index`` than the rule allows."""
        apart = self._shared(index) <= self._rules.max_overlap - 1e-9
        apart[index] = False
        return np.asarray(apart)

    def _shared(self, index: int) -> FloatArray:
        """[P] overlap with ``index`` as a share of the shorter one; negative when apart."""
        proposals = self._proposals
        start, end = proposals.start[index], proposals.end[index]
        shared = np.minimum(proposals.end, end) - np.maximum(proposals.start, start)
        return np.asarray(shared / np.minimum(proposals.end - proposals.start, end - start))

    def _unsaid(self, chosen: list[int]) -> BoolArray:
        """[P] whether most of a proposal has not been said in a chosen one, word for word."""
        proposals, twin = self._proposals, self._facts.twin
        said = np.zeros(len(twin), dtype=bool)
        for index in chosen:
            said[twin[proposals.first[index] : proposals.last[index]]] = True
        length = (self._talk.ends - self._talk.starts) * said[twin]
        total = np.concatenate([[0.0], np.cumsum(length)])
        repeated = total[proposals.last] - total[proposals.first]
        allowed = self._rules.max_overlap * (proposals.end - proposals.start)
        return np.asarray(repeated <= allowed + 1e-6)

    def _centroids(self) -> FloatArray:
        vectors = self._talk.embeddings
        sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0)])
        total = sums[self._proposals.last] - sums[self._proposals.first]
        norm = np.linalg.norm(total, axis=1, keepdims=True)
        return np.asarray(total / np.maximum(norm, 1e-9), dtype=np.float32)

    def _likeness(self, index: int) -> FloatArray:
        """[P] what a proposal loses for sharing time or meaning with ``index``.

        Only the meaning beyond what any two parts of one talk share counts.
        """
        cosine = self._centres @ self._centres[index]
        close = np.clip((cosine - 0.4) / 0.5, 0, 1)
        shared = np.clip(self._shared(index), 0, 1)
        return np.asarray(self._rules.same_topic * close + self._rules.same_time * shared)


def auto_count(
    talk: Talk, proposals: Proposals, scores: Scores, winners: IntArray, rules: ChoiceRules
) -> int:
    """How many clips a talk gets when nobody said: about one per minute of strong material.

    A unit is strong when a local winner that covers it has a local score of at least
    ``rules.strong``. At least ``rules.few`` where there is room for them, at most
    ``rules.most``.
    """
    strong = np.zeros(len(talk.units), dtype=bool)
    for index in winners:
        if scores.local[index] >= rules.strong:
            strong[proposals.first[index] : proposals.last[index]] = True
    minutes = float((talk.ends - talk.starts)[strong].sum()) / 60
    room = int((talk.ends[-1] - talk.starts[0]) // (1.5 * proposals.min_seconds))
    fewest = max(1, min(rules.few, room))
    return int(np.clip(round(minutes * rules.clips_per_strong_minute), fewest, rules.most))
