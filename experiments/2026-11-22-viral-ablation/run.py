"""Do clips chosen with the trained models hold more audience reactions than by other rules?

For held-out talks with marked reactions: the top clips by the viral score, by craft priors, the
first spans of the talk, and random spans of the same lengths; reactions per minute, and the
lift of each rule over random with a bootstrap interval over talks. Words get synthetic times
and there is no sound, so loudness cannot be compared on these sets; only words help.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.data.speeches import read_speeches
from talkreel.data.splits import in_split
from talkreel.data.talks import LabelledTalk
from talkreel.data.ted import read_ted
from talkreel.features.cached import cached_embeddings
from talkreel.models.text import TextEmbedder
from talkreel.pipeline.read import read_sentences
from talkreel.ranking.options import RankOptions
from talkreel.ranking.propose import proposals_for
from talkreel.ranking.rank import rank
from talkreel.ranking.score import CraftScorer, Scorer, gather_facts
from talkreel.ranking.talk import Proposals, Talk, sentence_units
from talkreel.ranking.viral import ViralScorer, ViralWeights

TOP = 5
DRAWS = 200
MIN_REACTIONS = 3
Spans = list[tuple[float, float]]


@dataclass(frozen=True)
class Heard:
    """A talk with synthetic times and the seconds at which the room reacted."""

    transcript: Transcript
    reactions: np.ndarray
    embeddings: np.ndarray

    @property
    def duration(self) -> float:
        return self.transcript.words[-1].span.end + 1.0


def heard(talk: LabelledTalk, embedder: TextEmbedder) -> Heard:
    """Words spoken at about 2.5 a second, with pauses after sentences and commas."""
    words: list[Word] = []
    reactions: list[float] = []
    clock = 0.5
    for text, reacted in zip(talk.texts, talk.reaction, strict=True):
        for token in text.split():
            length = 0.12 + 0.045 * len(token)
            words.append(Word(token, Span(clock, clock + length)))
            pause = 0.45 if words[-1].ends_sentence else 0.15 if token.endswith(",") else 0.03
            clock += length + pause
        if reacted > 0 and words:
            reactions.append(words[-1].span.end)
    transcript = Transcript("en", tuple(words))
    texts = [sentence.text for sentence in transcript.sentences]
    return Heard(transcript, np.array(reactions), cached_embeddings(texts, embedder))


def density(talk: Heard, spans: Spans) -> float:
    """Reactions per minute, from one second after each start to one second after its end."""
    found = sum(((talk.reactions >= a + 1) & (talk.reactions <= b + 1)).sum() for a, b in spans)
    return 60 * float(found) / sum(b - a for a, b in spans)


def top(talk: Heard, scorer: Scorer) -> Spans:
    picks = rank(
        talk.transcript, {}, talk.embeddings, RankOptions(), duration=talk.duration, scorer=scorer
    )
    return [(pick.span.start, pick.span.end) for pick in picks[:TOP]]


def pool_of(talk: Heard) -> Proposals:
    options = RankOptions()
    units = sentence_units(talk.transcript, Span(0, talk.duration), options.max_seconds)
    rows = talk.embeddings[[unit.sentence for unit in units]]
    view = Talk(units, rows, {}, talk.duration)
    return proposals_for(view, gather_facts(view).edges, options, Span(0, talk.duration))


def alike(pool: Proposals, chosen: Spans, rng: np.random.Generator) -> list[Spans]:
    """``DRAWS`` random sets of spans as long as the chosen ones, to 15 %."""
    length = pool.end - pool.start
    columns = []
    for start, end in chosen:
        near = np.flatnonzero(np.abs(np.log(length / (end - start))) < np.log(1.15))
        columns.append(near[rng.integers(len(near), size=DRAWS)])
    return [[(pool.start[p], pool.end[p]) for p in row] for row in np.stack(columns, axis=1)]


def first_spans(pool: Proposals, chosen: Spans) -> Spans:
    """Spans of about the chosen lengths, one after the other from the beginning."""
    spans: Spans = []
    clock = 0.0
    for start, end in chosen:
        fits = np.flatnonzero(pool.start >= clock)
        if not len(fits):
            break
        off = np.abs(pool.end[fits] - pool.start[fits] - (end - start))
        best = fits[np.lexsort((off, pool.start[fits]))[0]]
        spans.append((float(pool.start[best]), float(pool.end[best])))
        clock = float(pool.end[best])
    return spans


def rules_of(talk: Heard) -> dict[str, Spans]:
    readings = read_sentences(talk.transcript, talk.embeddings, {})
    no_engagement = ViralWeights(engagement=0.0)
    only = ViralWeights(hook=0, flow=0, value=0, emotion=0, pace=0, engagement=1)
    chosen = {
        "viral score": top(talk, ViralScorer(readings)),
        "viral score without engagement": top(talk, ViralScorer(readings, no_engagement)),
        "engagement alone": top(talk, ViralScorer(readings, only)),
        "craft priors": top(talk, CraftScorer()),
    }
    chosen["lead"] = first_spans(pool_of(talk), chosen["viral score"])
    return chosen


def measure(name: str, talks: list[Heard]) -> None:
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple[float, float]]] = {}
    for talk in talks:
        pool = pool_of(talk)
        for rule, spans in rules_of(talk).items():
            chance = np.mean([density(talk, draw) for draw in alike(pool, spans, rng)])
            found.setdefault(rule, []).append((density(talk, spans), float(chance)))
    print(f"\n{name}: {len(talks)} talks\n")
    print("| rule | reactions/min | random, as long | over random [95 %] | over craft [95 %] |")
    print("|---|---|---|---|---|")
    craft = np.array(found["craft priors"])[:, 0]
    draws = rng.integers(len(talks), size=(2000, len(talks)))
    for rule, pairs in found.items():
        mine, chance = np.array(pairs).T
        cells = [rule, f"{mine.mean():.2f}", f"{chance.mean():.2f}"]
        cells += [interval(mine, other, draws) for other in (chance, craft)]
        print(f"| {' | '.join(cells)} |")


def interval(mine: np.ndarray, other: np.ndarray, draws: np.ndarray) -> str:
    below = np.maximum(other[draws].mean(axis=1), 1e-9)
    low, high = np.percentile(mine[draws].mean(axis=1) / below, [2.5, 97.5])
    return f"{mine.mean() / max(other.mean(), 1e-9):.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--ted", type=int, default=60, help="TED talks; none was trained on")
    arguments = parser.parse_args()
    embedder = TextEmbedder()
    folder = arguments.data / "engagement"
    speeches = read_speeches(folder / "speeches.jsonl.xz")
    held_out = [speeches[i] for i in in_split([talk.id for talk in speeches], "test")]
    ted = read_ted(folder / "ted_reactions.jsonl.xz")
    some = [ted[i] for i in in_split([talk.id for talk in ted], "test")][: arguments.ted]
    for name, talks in (("speeches, test split", held_out), ("TED", some)):
        enough = [talk for talk in talks if np.nansum(talk.reaction) >= MIN_REACTIONS]
        measure(name, [heard(talk, embedder) for talk in enough])


if __name__ == "__main__":
    main()
