"""Evidence for sub-scores, in sentences a creator can check against the talk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from talkreel.core.candidates import Reason
from talkreel.ranking.emotion_words import FEELING
from talkreel.ranking.factors import (
    HEARD_REACTION,
    OPENING_SECONDS,
    called_back,
    main_topic_share,
    unresolved_person,
)
from talkreel.ranking.facts import Facts
from talkreel.ranking.hook_words import NUMBERS
from talkreel.ranking.talk import Proposals, Talk
from talkreel.ranking.wording import bare, clip_text, clock, is_name, is_number

_MOST = 3  # pieces of evidence per factor


class Evidence:
    """Finds the reasons behind each factor of a proposal."""

    def __init__(self, talk: Talk, facts: Facts, proposals: Proposals) -> None:
        self._talk = talk
        self._facts = facts
        self._proposals = proposals
        self._finders: dict[str, Callable[[int], list[Reason]]] = {
            "hook": self._hook,
            "standalone": self._standalone,
            "information": self._information,
            "emotion": self._emotion,
            "delivery": self._delivery,
            "reaction": self._reaction,
            "ending": self._ending,
            "coherence": self._coherence,
            "length": self._length,
            "picture": self._picture,
        }

    def reasons(self, factor: str, index: int) -> tuple[Reason, ...]:
        """At least one reason for ``factor`` of proposal ``index``, all inside its span."""
        span = self._proposals.span(index)
        found = self._finders[factor](index)[:_MOST]
        return tuple(Reason(r.text, r.span.clamp(span), r.words) for r in found)

    def _units(self, index: int) -> range:
        return range(int(self._proposals.first[index]), int(self._proposals.last[index]))

    def _whole(self, index: int, text: str) -> list[Reason]:
        return [Reason(text, self._proposals.span(index))]

    def _hook(self, index: int) -> list[Reason]:
        units = self._units(index)
        first = self._talk.units[units[0]]
        cues = list(self._facts.cues[units[0]])
        if len(units) > 1 and first.span.duration < OPENING_SECONDS:
            cues += [cue for cue in self._facts.cues[units[1]] if cue.strength > 0]
        if not cues:
            return [Reason("Opens plainly: no question, number or claim", first.span, _cut(first))]
        return [Reason(f"The opening {cue.what}", cue.span, cue.words) for cue in cues]

    def _standalone(self, index: int) -> list[Reason]:
        unit = self._units(index)[0]
        here, edge = self._talk.units[unit], self._facts.edges.starts[unit]
        reasons = []
        if edge.badness >= 0.5:
            reasons.append(Reason(f"The start {edge.why}", here.span, edge.words))
        person = unresolved_person(self._talk, self._facts, unit)
        if person:
            reasons.append(
                Reason("The first sentence does not say who is meant", here.span, person)
            )
        if not reasons:
            reasons.append(Reason("Starts on a sentence of its own", here.span, _cut(here)))
        if unit > 0 and self._facts.topic[unit] != self._facts.topic[unit - 1]:
            reasons.append(Reason("Starts where a new topic begins", here.span))
        return reasons

    def _information(self, index: int) -> list[Reason]:
        units = self._units(index)
        words = [
            (word, i == 0 or self._talk.units[u].words[i - 1].ends_sentence)
            for u in units
            for i, word in enumerate(self._talk.units[u].words)
        ]
        named = [w for w, first in words if is_name(w.text, first)]
        counted = [w for w, _ in words if is_number(w.text, bare(w.text), NUMBERS)]
        reasons = []
        for what, found in (("Names", named), ("Gives numbers", counted)):
            if found:
                listed = dict.fromkeys(w.text.strip(".,;:!?\"'") for w in found)
                reasons.append(Reason(what, found[0].span, ", ".join(list(listed)[:6])))
        again = [u for u in units if self._facts.twin[u] != u]
        if again:
            earlier = self._talk.units[int(self._facts.twin[again[0]])].span.start
            repeated = self._talk.units[again[0]]
            reasons.append(
                Reason(f"Repeats what was said at {clock(earlier)}", repeated.span, _cut(repeated))
            )
        if not reasons:
            densest = max(units, key=lambda u: self._facts.rare[u])
            unit = self._talk.units[densest]
            reasons.append(
                Reason("No names or numbers; the densest sentence", unit.span, _cut(unit))
            )
        return reasons

    def _emotion(self, index: int) -> list[Reason]:
        found = [
            (FEELING[plain], word)
            for u in self._units(index)
            for word, plain in zip(self._talk.units[u].words, self._talk.units[u].bare, strict=True)
            if plain in FEELING
        ]
        if not found:
            return self._whole(index, "No charged words")
        reasons = []
        for name, sign in (("Warm words", 1), ("Dark words", -1)):
            words = [w for (valence, _), w in found if valence * sign > 0]
            if words:
                listed = dict.fromkeys(bare(w.text) for w in words)
                reasons.append(Reason(name, words[0].span, ", ".join(list(listed)[:6])))
        return reasons

    def _delivery(self, index: int) -> list[Reason]:
        units = self._units(index)
        reasons = []
        loud = _highest(units, self._facts.loudness)
        if loud is not None and self._facts.loudness[loud] > 0.5:
            unit = self._talk.units[loud]
            text = f"The voice rises {self._facts.loudness[loud]:.0f} dB above its usual level"
            reasons.append(Reason(text, unit.span, _cut(unit)))
        lively = _highest(units, self._facts.pitch_range)
        if lively is not None:
            unit = self._talk.units[lively]
            text = f"The pitch moves over {self._facts.pitch_range[lively]:.0f} semitones"
            reasons.append(Reason(text, unit.span, _cut(unit)))
        words = float(np.sum(self._facts.words[units.start : units.stop]))
        if words:
            minutes = self._proposals.span(index).duration / 60
            reasons += self._whole(index, f"Spoken at {words / minutes:.0f} words a minute")
        return reasons or self._whole(index, "About as loud as the rest of the recording")

    def _reaction(self, index: int) -> list[Reason]:
        heard = [
            u
            for u in self._units(index)
            if np.nan_to_num(self._facts.reaction[u]) >= HEARD_REACTION
        ]
        if not heard:
            return self._whole(index, "No laughter or applause here")
        ordered = sorted(heard, key=lambda u: -float(self._facts.reaction[u]))
        return [
            Reason(
                "Laughter or applause (by its sound) at this line",
                self._talk.units[u].span,
                _cut(self._talk.units[u]),
            )
            for u in ordered
        ]

    def _ending(self, index: int) -> list[Reason]:
        units = self._units(index)
        last = units[-1]
        unit, edge = self._talk.units[last], self._facts.edges.ends[last]
        if edge.badness > 0:
            reasons = [Reason(f"The end {edge.why}", unit.span, edge.words)]
        else:
            reasons = [Reason("Ends on a finished thought", unit.span, _cut(unit))]
        if np.nan_to_num(self._facts.reaction[last]) >= HEARD_REACTION:
            reasons.append(Reason("The room reacts to the last line", unit.span))
        back = called_back(self._talk, units[0], last)
        if back:
            reasons.append(Reason("Comes back to the opening", unit.span, ", ".join(back[:4])))
        return reasons

    def _coherence(self, index: int) -> list[Reason]:
        one = self._proposals.keep(np.array([index], dtype=np.int64))
        share = float(main_topic_share(self._facts, one)[0])
        if share >= 0.999:
            return self._whole(index, "Stays on one topic")
        return self._whole(index, f"{share:.0%} of its sentences are on one topic")

    def _length(self, index: int) -> list[Reason]:
        return self._whole(index, f"Lasts {self._proposals.span(index).duration:.0f} seconds")

    def _picture(self, index: int) -> list[Reason]:
        span = self._proposals.span(index)
        cuts = sum(span.contains(shot.span.start) for shot in self._talk.shots)
        return self._whole(index, f"{cuts} cuts in the picture")


def _cut(unit: object) -> str:
    return clip_text(getattr(unit, "text", ""))


def _highest(units: range, values: np.ndarray) -> int | None:
    known = [u for u in units if np.isfinite(values[u])]
    return max(known, key=lambda u: float(values[u])) if known else None
