"""What could be changed about one clip, and what the scorer says of each change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from talkreel.core.analysis import Analysis
from talkreel.core.edits import Edit
from talkreel.core.errors import InputError
from talkreel.core.optimize import PartChange, Variant
from talkreel.core.spans import Span
from talkreel.core.transcript import Sentence
from talkreel.edit.ideas import Idea, common, enough, ideas, restrict
from talkreel.models.hook import HookRanker
from talkreel.models.shipped import load_bundle
from talkreel.pipeline.choose import Chooser, Heard
from talkreel.pipeline.job import Job
from talkreel.pipeline.words import ranked, sentences
from talkreel.ranking.headlines import Line, title_lines
from talkreel.ranking.options import RankOptions
from talkreel.ranking.rescore import Rescored, Rescorer
from talkreel.ranking.talk import Talk
from talkreel.ranking.wording import bare_all

# A change of the score's total below this is within what rounding of times does.
_LEAST_GAIN = 0.004
_HOOK_WITHIN = 0.6  # of the clip: a stronger opening is looked for up to here
_LETTERS = "ABCDEF"


@dataclass(frozen=True, slots=True)
class _Option:
    """A scored change: one idea, or two together."""

    ideas: tuple[Idea, ...]
    kept: tuple[Span, ...]
    scored: Rescored


class Study:
    """What is known of one clip, and what can be done about it."""

    def __init__(self, job: Job, edit: Edit, analysis: Analysis) -> None:
        self._edit = edit
        heard = Heard(
            analysis.transcript, analysis.signals, analysis.shots, analysis.media.duration
        )
        embeddings, _, scorer = Chooser(job).judge(heard)
        units = sentences(analysis.transcript, analysis.media.span)
        self._said = [unit for unit in units if _share(unit.span, edit.kept) > 0.5]
        if not self._said:
            raise InputError("nobody speaks in this clip: there are no sentences to work with")
        rows = np.asarray(embeddings, dtype=np.float64)[[unit.sentence for unit in units]]
        talk = Talk(units, rows, analysis.signals, analysis.media.duration, tuple(analysis.shots))
        self._rescore = Rescorer(talk, scorer, RankOptions())
        self._hook = (
            HookRanker(load_bundle("hook")) if analysis.transcript.language == "en" else None
        )
        self._sentences = [analysis.transcript.sentences[unit.sentence] for unit in self._said]
        self._words = [w for s in self._sentences for w in s.words]
        self.scorer_name = scorer.name
        self.tried = 0

    def variants(self, count: int) -> tuple[tuple[Variant, ...], tuple[Edit, ...]]:
        """The clip and its best alternatives, with their edits."""
        base = self._scored(())
        if base is None:
            raise InputError("nobody speaks in this clip: there are no sentences to work with")
        title = self._other_title()
        room = count - 1 - (1 if title is not None and count > 2 else 0)
        chosen = self._best(base, room)
        found = [_as_it_is(self._edit, base.scored)]
        edits = [self._edit]
        for option in chosen:
            letter = _LETTERS[len(found)]
            name = self._title_of(option.kept)
            made = replace(restrict(self._edit, option.kept), id=f"{self._edit.id}-{letter}")
            edits.append(_titled(made, name))
            found.append(_variant(letter, option, base.scored, name))
        if title is not None and len(found) < count:
            letter = _LETTERS[len(found)]
            edits.append(_titled(replace(self._edit, id=f"{self._edit.id}-{letter}"), title.title))
            found.append(replace(title, id=letter, score=base.scored.score))
        return tuple(found), tuple(edits)

    def _best(self, base: _Option, count: int) -> list[_Option]:
        """Options that gain, the best first, no two of one kind while others are left."""
        singles = [o for idea in self._ideas() if (o := self._scored((idea,))) is not None]
        gaining = [o for o in singles if o.scored.total > base.scored.total + _LEAST_GAIN]
        gaining.sort(key=lambda o: -o.scored.total)
        pairs = []
        for first in gaining[:3]:
            for second in gaining[:6]:
                if first.ideas[0].kind != second.ideas[0].kind:
                    both = self._scored((*first.ideas, *second.ideas))
                    alone = max(first.scored.total, second.scored.total)
                    if both is not None and both.scored.total > alone + _LEAST_GAIN:
                        pairs.append(both)
        pool = sorted([*pairs, *gaining], key=lambda o: -o.scored.total)
        chosen: list[_Option] = []
        for fresh in (True, False):
            for option in pool:
                used = {kind for o in chosen for kind in _kinds(o)}
                same = any(option.kept == o.kept for o in chosen)
                if len(chosen) < count and not same and not (fresh and used & set(_kinds(option))):
                    chosen.append(option)
        return sorted(chosen, key=lambda o: -o.scored.total)

    def _ideas(self) -> Iterable[Idea]:
        rate = self._edit.canvas.frame_rate
        found = list(ideas(self._edit.kept, self._sentences, self._words, rate))
        strongest = self._strongest_opening()
        for idea in found:
            starts = idea.kept[0].start
            if idea.kind == "start later" and strongest and abs(starts - strongest[0]) < 0.5:
                text = f"open with “{strongest[1]}”, the strongest line by the hook model"
                yield replace(idea, kind="swap the hook", text=text)
            else:
                yield idea

    def _strongest_opening(self) -> tuple[float, str] | None:
        """Start and words of the sentence that the hook model prefers as an opening."""
        until = self._edit.kept[0].start + _HOOK_WITHIN * self._edit.time_map.duration
        early = [s for s in self._sentences if s.span.start < until]
        if self._hook is None or len(early) < 2:
            return None
        ranking = self._hook.rank([" ".join(s.text.split()[:25]) for s in early])
        best = ranking.order[0]
        if best == 0 or ranking.too_close[best, 0]:
            return None
        return early[best].span.start, _short(early[best])

    def _scored(self, changes: tuple[Idea, ...]) -> _Option | None:
        kept = tuple(self._edit.kept)
        for idea in changes:
            kept = common(kept, idea.kept)
        if not enough(kept, self._edit.kept) or not _whole_frames(kept, self._edit):
            return None
        scored = self._rescore(kept)
        self.tried += 1
        return None if scored is None else _Option(changes, kept, scored)

    def _title_of(self, kept: Sequence[Span]) -> str:
        """The clip's title while its words are still said, else one of what is left."""
        left = [unit for unit in self._said if _share(unit.span, kept) > 0.5]
        spoken = {word for unit in left for word in unit.bare}
        if set(bare_all(self._edit.title.split())) <= spoken:
            return self._edit.title
        lines = ranked(title_lines(left, Span(kept[0].start, kept[-1].end)), self._hook)
        return lines[0].text

    def _other_title(self) -> Variant | None:
        """The title that the hook model prefers to the clip's own."""
        edit = self._edit
        hull = Span(edit.kept[0].start, edit.kept[-1].end)
        lines = [line for line in title_lines(self._said, hull) if line.text != edit.title]
        if self._hook is None or not lines:
            return None
        ranking = self._hook.rank([edit.title, *(line.text for line in lines)])
        best = max(range(1, len(lines) + 1), key=lambda i: float(ranking.wins[i, 0]))
        wins = float(ranking.wins[best, 0])
        if wins <= 0.5:
            return None
        line: Line = lines[best - 1]
        return Variant(
            id="?",
            kinds=("other title",),
            text=f"call it “{line.text}”",
            title=line.text,
            kept=edit.kept,
            duration=edit.time_map.duration,
            score=0,
            change=0,
            title_wins=round(wins, 3),
            too_close=bool(ranking.too_close[best, 0]),
        )


def _as_it_is(edit: Edit, scored: Rescored) -> Variant:
    return Variant(
        id="A",
        kinds=(),
        text="the clip as it is",
        title=edit.title,
        kept=edit.kept,
        duration=edit.time_map.duration,
        score=scored.score,
        change=0,
    )


def _variant(letter: str, option: _Option, base: Rescored, title: str) -> Variant:
    before = {part.name: part.value for part in base.parts}
    after = {part.name: part for part in option.scored.parts}
    weight = {part.name: part.weight for part in option.scored.parts}
    changes = [
        PartChange(name, round(before[name], 3), round(part.value, 3))
        for name, part in after.items()
        if name in before and abs(part.value - before[name]) >= 0.005
    ]
    changes.sort(key=lambda c: -(c.after - c.before) * weight[c.name])
    reasons = after[changes[0].name].reasons if changes else ()
    return Variant(
        id=letter,
        kinds=_kinds(option),
        text="; ".join(idea.text for idea in option.ideas),
        title=title,
        kept=option.kept,
        duration=sum(span.duration for span in option.kept),
        score=option.scored.score,
        change=option.scored.score - base.score,
        parts=tuple(changes),
        reasons=tuple(replace(r, span=option.scored.to_source(r.span)) for r in reasons),
    )


def _kinds(option: _Option) -> tuple[str, ...]:
    return tuple(idea.kind for idea in option.ideas)


def _titled(edit: Edit, title: str) -> Edit:
    cover = replace(edit.cover, title=title) if edit.cover and edit.cover.title else edit.cover
    return replace(edit, title=title, cover=cover)


def _whole_frames(kept: Sequence[Span], edit: Edit) -> bool:
    rate = float(edit.canvas.frame_rate)
    return all(abs(s.duration * rate - round(s.duration * rate)) < 0.01 for s in kept)


def _share(span: Span, kept: Sequence[Span]) -> float:
    return sum(span.overlap(part) for part in kept) / max(span.duration, 1e-9)


def _short(sentence: Sentence) -> str:
    words = sentence.text.split()
    return " ".join(words[:8]) + (" …" if len(words) > 8 else "")
