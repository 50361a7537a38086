"""Do clips chosen by craft priors hold more audience reactions than chance?

Words get synthetic times (about 2.5 a second); the marks are taken out before ranking and
there is no sound, so only the words can help. Also measured: spread of scores, number of
clips, stability when only half of the talk is known, topic boundaries on joined talks.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkreel.core.errors import NothingToClip
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.models.text import TextEmbedder
from talkreel.ranking.factors import measure
from talkreel.ranking.options import RankOptions
from talkreel.ranking.propose import proposals_for
from talkreel.ranking.rank import rank
from talkreel.ranking.score import CraftScorer, gather_facts
from talkreel.ranking.talk import Proposals, Talk, sentence_units
from talkreel.ranking.topics import segment

MARK = re.compile(r"[\(\[][^\)\]]{0,40}?(laughter|applause)[^\)\]]{0,40}?[\)\]]", re.IGNORECASE)
OTHER = re.compile(r"[\(\[][^\)\]]{0,40}[\)\]]")
TOP = 5
DRAWS = 200


@dataclass(frozen=True)
class Heard:
    """A talk with the seconds at which the room reacted."""

    id: str
    transcript: Transcript
    reactions: np.ndarray
    embeddings: np.ndarray

    @property
    def duration(self) -> float:
        return self.transcript.words[-1].span.end + 1.0


def texts(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    with lzma.open(folder / "engagement" / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield row["id"], row.get("text") or " ".join(row["lines"])


def spoken(text: str) -> tuple[Transcript, np.ndarray]:
    """Words with times, and the seconds of reactions; the last 5 % of the talk is dropped."""
    words: list[Word] = []
    reactions: list[float] = []
    clock = 0.5
    for part in re.split(r"(\x00)", OTHER.sub(" ", MARK.sub("\x00", text))):
        if part == "\x00":
            if words:
                reactions.append(words[-1].span.end)
            continue
        for token in part.split():
            length = 0.12 + 0.045 * len(token)
            words.append(Word(token, Span(clock, clock + length)))
            pause = 0.45 if words[-1].ends_sentence else 0.15 if token.endswith(",") else 0.03
            clock += length + pause
    last = words[int(len(words) * 0.95)].span.end
    kept = tuple(word for word in words if word.span.end <= last)
    return Transcript("en", kept), np.array([r for r in reactions if r <= last])


def load(folder: Path, name: str, count: int, embedder: TextEmbedder, cache: Path) -> list[Heard]:
    """``count`` talks with at least five reactions, drawn with a fixed seed."""
    rows = list(texts(folder, name))
    talks: list[Heard] = []
    for i in np.random.default_rng(0).permutation(len(rows)):
        talk_id, text = rows[i]
        transcript, reactions = spoken(text)
        if len(reactions) < 5 or not 300 <= transcript.words[-1].span.end <= 2400:
            continue
        file = cache / f"{name}_{i}.npy"
        if file.exists():
            vectors = np.load(file)
        else:
            vectors = embedder([sentence.text for sentence in transcript.sentences])
            np.save(file, vectors)
        talks.append(Heard(talk_id, transcript, reactions, vectors))
        if len(talks) == count:
            break
    return talks


def alike(
    pool: Proposals, best: list[tuple[float, float]], rng: np.random.Generator
) -> list[list[tuple[float, float]]]:
    """``DRAWS`` random sets of spans as long as the chosen ones, to 15 %."""
    length = pool.end - pool.start
    columns = []
    for start, end in best:
        near = np.flatnonzero(np.abs(np.log(length / (end - start))) < np.log(1.15))
        columns.append(near[rng.integers(len(near), size=DRAWS)])
    return [[(pool.start[p], pool.end[p]) for p in row] for row in np.stack(columns, axis=1)]


def covered(reactions: np.ndarray, start: float, end: float) -> int:
    """Reactions from one second after the start to one second after the end."""
    return int(((reactions >= start + 1) & (reactions <= end + 1)).sum())


def density(talk: Heard, spans: list[tuple[float, float]]) -> float:
    """Reactions per minute inside ``spans``."""
    seconds = sum(end - start for start, end in spans)
    return 60 * sum(covered(talk.reactions, *span) for span in spans) / seconds


def lift(talks: list[Heard]) -> list[str]:
    """Chosen against random spans of the same lengths, per talk, with bootstrap intervals."""
    rng = np.random.default_rng(1)
    chosen, chance, hit, chance_hit, scores, rates = [], [], [], [], [], []
    for talk in talks:
        options = RankOptions()
        picks = rank(talk.transcript, {}, talk.embeddings, options, duration=talk.duration)
        scores += [pick.score for pick in picks]
        rates.append(len(picks) / talk.duration * 600)
        best = [(pick.span.start, pick.span.end) for pick in picks[:TOP]]
        chosen.append(density(talk, best))
        hit.append(np.mean([covered(talk.reactions, *span) > 0 for span in best]))
        units = sentence_units(talk.transcript, Span(0, talk.duration), options.max_seconds)
        view = Talk(units, talk.embeddings, {}, talk.duration)
        pool = proposals_for(view, gather_facts(view).edges, options, Span(0, talk.duration))
        spans = alike(pool, best, rng)
        chance.append(np.mean([density(talk, draw) for draw in spans]))
        flat = [span for draw in spans for span in draw]
        chance_hit.append(np.mean([covered(talk.reactions, *span) > 0 for span in flat]))
    a, b = np.array(chosen), np.array(chance)
    boot = [
        a[pick].mean() / b[pick].mean()
        for pick in (rng.integers(len(a), size=len(a)) for _ in range(2000))
    ]
    low, high = np.percentile(boot, [2.5, 97.5])
    return [
        f"{len(talks)}",
        f"{a.mean():.2f}",
        f"{b.mean():.2f}",
        f"{a.mean() / b.mean():.2f} [{low:.2f}, {high:.2f}]",
        f"{np.mean(hit):.0%} / {np.mean(chance_hit):.0%}",
        f"{np.mean(rates):.1f}",
        "/".join(f"{value:.0f}" for value in np.percentile(scores, [5, 25, 50, 75, 95])),
    ]


def factor_table(talks: list[Heard]) -> list[list[str]]:
    """Mean AUC, within talks and lengths, of each factor for "this span holds a reaction"."""
    found: dict[str, list[float]] = {}
    for talk in talks:
        options = RankOptions()
        units = sentence_units(talk.transcript, Span(0, talk.duration), options.max_seconds)
        view = Talk(units, talk.embeddings, {}, talk.duration)
        facts = gather_facts(view)
        pool = proposals_for(view, facts.edges, options, Span(0, talk.duration))
        label = [
            covered(talk.reactions, a, b) > 0 for a, b in zip(pool.start, pool.end, strict=True)
        ]
        values = measure(view, facts, pool).values
        values["all, weighted"] = CraftScorer()(view, facts, pool).total
        values["all, absolute"] = CraftScorer()(view, facts, pool).local
        for name, value in values.items():
            found.setdefault(name, []).append(
                fair_auc(value, np.array(label), pool.end - pool.start)
            )
    return [[name, f"{np.nanmean(values):.3f}"] for name, values in found.items()]


def fair_auc(values: np.ndarray, label: np.ndarray, length: np.ndarray) -> float:
    """AUC among spans of similar length: longer ones hold more of everything."""
    bins = np.floor(np.log(length) / np.log(1.25)).astype(int)
    parts = [(auc(values[bins == b], label[bins == b]), int((bins == b).sum())) for b in set(bins)]
    known = [(value, size) for value, size in parts if np.isfinite(value)]
    if not known:
        return float("nan")
    return sum(value * size for value, size in known) / sum(size for _, size in known)


def auc(values: np.ndarray, label: np.ndarray) -> float:
    """Chance that a span with a reaction has the higher value; ties count half."""
    if label.all() or not label.any():
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positive = int(label.sum())
    total = ranks[label].sum() - positive * (positive + 1) / 2
    return float(total / (positive * (len(label) - positive)))


def stability(talks: list[Heard]) -> list[str]:
    """Rank the first half alone; how often is its best clip among the final ones?"""
    same = near = total = 0
    for talk in talks:
        words = tuple(w for w in talk.transcript.words if w.span.end <= talk.duration / 2)
        half = Transcript("en", words)
        try:
            early = rank(
                half,
                {},
                talk.embeddings[: len(half.sentences)],
                RankOptions(),
                duration=talk.duration / 2,
            )
        except NothingToClip:
            continue
        final = rank(talk.transcript, {}, talk.embeddings, RankOptions(), duration=talk.duration)
        total += 1
        same += early[0].id in {pick.id for pick in final}
        near += any(early[0].span.overlap(p.span) > 0.6 * early[0].span.duration for p in final)
    return [f"{total}", f"{same / total:.0%}", f"{near / total:.0%}"]


def boundaries(talks: list[Heard], costs: list[float]) -> list[list[str]]:
    """Pk (Beeferman et al. 1999; lower is better) on 15 to 25 sentences of ten talks joined."""
    rng = np.random.default_rng(2)
    rows = []
    documents = []
    for _ in range(20):
        parts = []
        for index in rng.choice(len(talks), size=10, replace=False):
            vectors = talks[index].embeddings
            size = int(rng.integers(15, 26))
            first = int(rng.integers(0, max(1, len(vectors) - size)))
            parts.append(vectors[first : first + size])
        documents.append((np.concatenate(parts), np.cumsum([0] + [len(p) for p in parts])[:-1]))
    every = [
        [
            f"every {20}",
            f"{np.mean([pk(np.arange(0, len(v), 20), t, len(v)) for v, t in documents]):.3f}",
            "10.0",
        ]
    ]
    for cost in costs:
        found = [np.array(segment(v, boundary_cost=cost)) for v, _ in documents]
        score = np.mean([pk(f, t, len(v)) for f, (v, t) in zip(found, documents, strict=True)])
        rows.append([f"cost {cost}", f"{score:.3f}", f"{np.mean([len(f) for f in found]):.1f}"])
    return every + rows


def pk(found: np.ndarray, true: np.ndarray, count: int) -> float:
    """Share of sentence pairs, half a segment apart, wrongly put together or apart."""
    step = max(1, round(count / len(true) / 2))
    marks = [np.searchsorted(cuts, np.arange(count), side="right") for cuts in (found, true)]
    same = [mark[step:] == mark[:-step] for mark in marks]
    return float(np.mean(same[0] != same[1]))


def table(header: list[str], rows: list[list[str]]) -> None:
    print("\n| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("TALKREEL_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--cache", type=Path, default=Path(".cache/craft-priors"))
    parser.add_argument("--talks", type=int, default=40)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    embedder = TextEmbedder()
    sets = {
        name: load(arguments.data, name, count, embedder, arguments.cache)
        for name, count in (("speeches", arguments.talks), ("ted_reactions", arguments.talks))
    }
    begun = time.perf_counter()
    table(
        [
            "set",
            "talks",
            f"top-{TOP} per min",
            "random per min",
            "lift [95 %]",
            "spans with a reaction, top / random",
            "clips per 10 min",
            "score p5/25/50/75/95",
        ],
        [[name, *lift(talks)] for name, talks in sets.items()],
    )
    for name, talks in sets.items():
        table([f"factor ({name})", "AUC"], factor_table(talks))
    table(
        ["set", "talks", "early best kept exactly", "kept in substance"],
        [[name, *stability(talks)] for name, talks in sets.items()],
    )
    joined = [talk for talks in sets.values() for talk in talks]
    table(
        ["segmentation", "Pk", "segments (true 10)"],
        boundaries(joined, [0.6, 0.9, 1.1, 1.4, 1.8, 2.4]),
    )
    print(f"\n{time.perf_counter() - begun:.0f} s without embedding")


if __name__ == "__main__":
    main()
