"""Who the camera should look at, when: speaker turns inside one scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.spans import Span, TimeMap
from talkreel.core.transcript import Word
from talkreel.edit.subjects import Subject

STEP_SECONDS = 0.1
# A switch must gain this many seconds of certain speech. An interjection pays for two
# switches, so one shorter than .7 s is never worth it.
_SWITCH_COST = 0.35
# Two people at once pays when their probabilities add up to more than 1 + this.
_BOTH_COST = 0.7
# Seconds of clip that a framing is held at least.
MIN_HOLD_SECONDS = 1.2
# From this many turns in a row, each shorter than this, the camera would play ping-pong.
_QUICK_TURNS = 4
_QUICK_SECONDS = 2.5
# Below this lead over the next person, who speaks is a guess.
_CLEAR_LEAD = 0.15
# The camera cuts this long before the new speaker's first word.
CUT_EARLY_SECONDS = 0.12
_WORD_REACH = 0.5


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch with one framing.

    Attributes:
        span: source clock.
        who: index of the subject, or None for "all of them".
        lead: mean probability of speech of that subject over the next best, -1..1.
    """

    span: Span
    who: int | None
    lead: float


def find_turns(
    scene: Span, subjects: Sequence[Subject], words: Sequence[Word], time_map: TimeMap
) -> tuple[Turn, ...]:
    """The turns that fill ``scene``, none shorter than 1.2 s of clip unless the scene is.

    Evidence is each face's probability of speaking and, where voices were told apart and
    matched to faces, the label of the word being said. Where that does not tell the people
    apart the turn belongs to all of them: showing both beats guessing.
    """
    if len(subjects) == 1:
        return (Turn(scene, 0, 1.0),)
    count = max(1, round(scene.duration / STEP_SECONDS))
    edges = np.linspace(scene.start, scene.end, count + 1)
    grid = (edges[:-1] + edges[1:]) / 2
    speech, seen = evidence(grid, subjects, words)
    states = _best_states(speech, seen, scene.duration / count)
    turns = _as_turns(edges, states, len(subjects))
    turns = [_judged(turn, grid, speech, seen) for turn in turns]
    turns = _merged(turns)
    turns = _quick_as_both(turns, time_map)
    turns = _held(turns, time_map)
    turns = [_judged(t, grid, speech, seen) if t.who is not None else t for t in turns]
    turns = _held(_merged(turns), time_map)
    return tuple(_cut_early(turns, subjects, words, time_map))


def evidence(
    grid: FloatArray, subjects: Sequence[Subject], words: Sequence[Word]
) -> tuple[FloatArray, FloatArray]:
    """[K, T] probability that each subject speaks (NaN: not known), and whether it is seen."""
    labels = {s.track.speaker for s in subjects if s.track.speaker}
    said = _label_at(grid, words) if len(labels) else [None] * len(grid)
    rows, seen = [], []
    for subject in subjects:
        here = subject.seen(grid)
        row = _speaking_at(grid, subject)
        row[~here] = np.nan
        if subject.track.speaker is not None:
            for i, label in enumerate(said):
                if label is None or not here[i]:
                    continue
                voice = float(label == subject.track.speaker)
                row[i] = voice if np.isnan(row[i]) else 0.6 * row[i] + 0.4 * voice
        rows.append(row)
        seen.append(here)
    return np.asarray(rows), np.asarray(seen, dtype=np.float64)


def _speaking_at(grid: FloatArray, subject: Subject) -> FloatArray:
    known = ~np.isnan(subject.track.speaking)
    if not known.any():
        return np.full(len(grid), np.nan)
    own, said = subject.track.times[known], subject.track.speaking[known]
    # A mouth rests between syllables: judge about half a second at a time.
    around = [np.interp(grid + shift, own, said) for shift in (-0.2, -0.1, 0.0, 0.1, 0.2)]
    return np.asarray(np.mean(around, axis=0))


def _label_at(grid: FloatArray, words: Sequence[Word]) -> list[str | None]:
    """Label of the word being said at each time, short gaps between words bridged."""
    said: list[str | None] = [None] * len(grid)
    for word in words:
        if word.speaker is None:
            continue
        first, last = np.searchsorted(grid, [word.span.start - 0.1, word.span.end + 0.1])
        said[int(first) : int(last)] = [word.speaker] * int(last - first)
    return said


def _best_states(speech: FloatArray, seen: FloatArray, step: float) -> list[int]:
    """Viterbi over subjects and "both" (the last state): most speech shown, few switches."""
    gains = np.where(np.isnan(speech), 0.0, speech)
    top = np.sort(gains, axis=0)[-2:].sum(axis=0)
    both = top - _BOTH_COST - 0.3 * (seen.sum(axis=0) < 2)
    shown = np.where(seen > 0, gains, -1.0)
    reward = np.vstack([shown, both]) * step
    best = reward[:, 0].copy()
    back = np.zeros(reward.shape, dtype=np.int64)
    for t in range(1, reward.shape[1]):
        leader = int(best.argmax())
        switch = best[leader] - _SWITCH_COST
        stays = best >= switch
        back[:, t] = np.where(stays, np.arange(len(best)), leader)
        best = np.where(stays, best, switch) + reward[:, t]
    states = [int(best.argmax())]
    for t in range(reward.shape[1] - 1, 0, -1):
        states.append(int(back[states[-1], t]))
    return states[::-1]


def _as_turns(edges: FloatArray, states: list[int], both: int) -> list[Turn]:
    turns: list[Turn] = []
    first = 0
    for i in range(1, len(states) + 1):
        if i == len(states) or states[i] != states[first]:
            who = None if states[first] == both else states[first]
            turns.append(Turn(Span(float(edges[first]), float(edges[i])), who, 0.0))
            first = i
    return turns


def _judged(turn: Turn, grid: FloatArray, speech: FloatArray, seen: FloatArray) -> Turn:
    """The turn with its lead; given to all when the lead is too small to trust."""
    if turn.who is None:
        return turn
    inside = (grid >= turn.span.start) & (grid < turn.span.end)
    own = speech[turn.who, inside]
    others = np.delete(speech, turn.who, axis=0)[:, inside]
    others_seen = np.delete(seen, turn.who, axis=0)[:, inside] > 0
    alone = ~others_seen.any(axis=0)
    known = ~np.isnan(own) & (~np.isnan(others)).any(axis=0)
    rivals = np.where(np.isnan(others), 0.0, others).max(axis=0)
    talking = known & (np.maximum(np.where(np.isnan(own), 0, own), rivals) > 0.3)
    if alone.mean() > 0.8:
        return replace(turn, lead=1.0)
    if not talking.any():
        return replace(turn, who=None, lead=0.0)
    lead = float((own[talking] - rivals[talking]).mean())
    # A long silence says nothing about who the camera should be on.
    lead *= min(1.0, 2.0 * float(talking.mean() / max(1e-9, (~alone).mean())))
    return replace(turn, who=turn.who if lead >= _CLEAR_LEAD else None, lead=max(0.0, lead))


def _merged(turns: Sequence[Turn]) -> list[Turn]:
    """Neighbours with the same framing as one."""
    merged: list[Turn] = []
    for turn in turns:
        if merged and merged[-1].who == turn.who:
            last = merged[-1]
            share = last.span.duration / (last.span.duration + turn.span.duration)
            lead = share * last.lead + (1 - share) * turn.lead
            merged[-1] = Turn(Span(last.span.start, turn.span.end), turn.who, lead)
        else:
            merged.append(turn)
    return merged


def _seconds(turn: Turn, time_map: TimeMap) -> float:
    """How long a turn lasts in the clip."""
    return time_map.to_clip(turn.span.end) - time_map.to_clip(turn.span.start)


def _quick_as_both(turns: list[Turn], time_map: TimeMap) -> list[Turn]:
    """Blocks of many short turns given to all: cutting that fast is ping-pong."""
    quick = [_seconds(t, time_map) < _QUICK_SECONDS for t in turns]
    result = list(turns)
    first = 0
    for i in range(len(turns) + 1):
        if i < len(turns) and quick[i]:
            continue
        if i - first >= _QUICK_TURNS:
            for j in range(first, i):
                result[j] = replace(turns[j], who=None)
        first = i + 1
    return _merged(result)


def _held(turns: list[Turn], time_map: TimeMap) -> list[Turn]:
    """No turn shorter than the least hold: the shortest joins its longer neighbour."""
    turns = list(turns)
    while len(turns) > 1:
        lengths = [_seconds(turn, time_map) for turn in turns]
        shortest = min(range(len(turns)), key=lengths.__getitem__)
        if lengths[shortest] >= MIN_HOLD_SECONDS:
            break
        beside = [i for i in (shortest - 1, shortest + 1) if 0 <= i < len(turns)]
        home = max(beside, key=lengths.__getitem__)
        turns[shortest] = replace(turns[shortest], who=turns[home].who, lead=turns[home].lead)
        turns = _merged(turns)
    return turns


def _cut_early(
    turns: list[Turn], subjects: Sequence[Subject], words: Sequence[Word], time_map: TimeMap
) -> list[Turn]:
    """Move each switch just before the first word of the new speaker."""
    edges = [turns[0].span.start]
    for before, after in pairwise(turns):
        label = None if after.who is None else subjects[after.who].track.speaker
        edges.append(_cut_time(before.span.end, label, words, edges[-1]))
    edges.append(turns[-1].span.end)
    moved = [
        replace(turn, span=Span(a, b)) if b > a else turn
        for turn, (a, b) in zip(turns, pairwise(edges), strict=True)
    ]
    # Moving must not break the least hold.
    if len(moved) > 1 and min(_seconds(t, time_map) for t in moved) < MIN_HOLD_SECONDS:
        return turns
    return moved


def _cut_time(time: float, label: str | None, words: Sequence[Word], least: float) -> float:
    near = [i for i, w in enumerate(words) if abs(w.span.start - time) <= _WORD_REACH]
    own = [i for i in near if label is not None and words[i].speaker == label]
    turning = [i for i in own if i > 0 and words[i - 1].speaker != label]
    choice = turning or own or near
    if not choice:
        return time
    index = min(choice, key=lambda i: abs(words[i].span.start - time))
    start = words[index].span.start
    spoken_until = words[index - 1].span.end if index else 0.0
    return max(least + 1e-3, min(start, max(start - CUT_EARLY_SECONDS, spoken_until)))
