"""VT-SSum: which sentences of a slide belong to its summary? Ideas are compared on dev."""

from __future__ import annotations

import json
import lzma
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from common import embedded, interval
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from talkreel.data.manifest import open_dataset
from talkreel.data.splits import fold_of, rank_of
from talkreel.data.talks import IMPORTANCE
from talkreel.data.vtssum import read_vtssum, segment_hits, top_f1
from training.laugh_rows import shifted
from training.summary_rows import (
    closeness,
    place_rows,
    repeated,
    segments_of,
    text_rank,
    within,
)

SPLITS = ("train", "dev", "test")
TOPS = (3, 5)
PARTS = 3  # of the training lectures, for scores that a sentence's own lecture did not teach
TOPICS = 64  # dimensions in which TextRank compares sentences


@dataclass(frozen=True)
class Ranker:
    """Settings of the listwise network."""

    hidden: int = 64
    epochs: int = 6
    batch: int = 256  # segments
    lr: float = 3e-3
    dropout: float = 0.2


class Lectures:
    """All sentences of the three splits in a row."""

    def __init__(self, limit: int | None = None, dev: int | None = None, test: bool = True) -> None:
        data = open_dataset("vtssum")
        self.talks, self.split, titles = [], [], {}
        for split in SPLITS if test else SPLITS[:2]:
            path = data.path(f"engagement/vtssum_{split}.jsonl.xz")
            with lzma.open(path, "rt", encoding="utf-8") as file:
                rows = [json.loads(line) for line in file]
            titles |= {str(row["id"]): str(row.get("title") or "") for row in rows}
            found = sorted(read_vtssum(path), key=lambda talk: rank_of(talk.id))
            found = found[: {"train": limit, "dev": dev}.get(split)]
            self.talks += found
            self.split += [split] * len(found)
        self.titles = [titles[talk.id] for talk in self.talks]
        self.segments, self.owner = segments_of(self.talks)
        self.texts = [text for talk in self.talks for text in talk.texts]
        self.truth = np.concatenate([talk.labels[:, IMPORTANCE] for talk in self.talks])
        self.ends = np.cumsum([len(talk.texts) for talk in self.talks])
        self.part = np.array([fold_of("part " + talk.id) % PARTS for talk in self.talks])

    def rows(self, split: str) -> np.ndarray:
        return np.flatnonzero(np.array(self.split)[self.owner] == split)

    @cached_property
    def place(self) -> np.ndarray:
        rows = place_rows(self.talks)
        return np.hstack([rows, within(rows[:, 4:5], self.segments)])

    @cached_property
    def bags(self):
        """TF-IDF of words; only training lectures teach the vocabulary."""
        words = TfidfVectorizer(sublinear_tf=True, min_df=3, stop_words="english")
        words.fit([self.texts[i] for i in self.rows("train")])
        self.title_bags = words.transform(self.titles)
        self.weight = words.idf_
        return words.transform(self.texts)

    @cached_property
    def near(self) -> np.ndarray:
        """[N, F] closeness to segment, lecture, title and next segment; TextRank; rare words."""
        bags = self.bags
        topics = TruncatedSVD(TOPICS, n_iter=2, random_state=0)
        train = self.rows("train")
        topics.fit(bags[train[:: max(1, len(train) // 60_000)]])
        meant = normalize(topics.transform(bags)).astype(np.float32)
        counts = (bags > 0).astype(np.float64)
        heavy = np.asarray(counts @ self.weight)
        title = np.asarray(bags.multiply(self.title_bags[self.owner]).sum(axis=1)).ravel()
        columns = np.stack(
            [
                closeness(bags, self.segments),
                closeness(meant, self.segments),
                closeness(bags, self.owner),
                closeness(meant, self.owner),
                title,
                text_rank(meant, self.segments),
                heavy,
                np.asarray(counts.sum(axis=1)).ravel(),
            ],
            axis=1,
        )
        return np.hstack([columns, within(columns, self.segments)])

    @cached_property
    def words(self) -> np.ndarray:
        """[N, 6] log odds by words (own, neighbours', against the segment)."""
        train = np.array(self.split)[self.owner] == "train"
        part = self.part[self.owner]
        found = np.zeros(len(self.texts))
        for held in range(-1, PARTS):
            known = np.flatnonzero(train & (part != held))
            asked = np.flatnonzero(~train if held < 0 else train & (part == held))
            words = TfidfVectorizer(
                ngram_range=(1, 2), min_df=5, sublinear_tf=True, max_features=150_000
            )
            model = LogisticRegression(C=0.5, max_iter=50)
            model.fit(words.fit_transform([self.texts[i] for i in known]), self.truth[known] > 0)
            found[asked] = model.decision_function(words.transform([self.texts[i] for i in asked]))
        own = found[:, None]
        beside = [
            np.concatenate([shifted(one, step) for one in np.split(own, self.ends[:-1])])
            for step in (-2, -1, 1, 2)
        ]
        return np.hstack([own, within(own, self.segments), *beside])

    def measure(self, scores: np.ndarray, split: str, kept: np.ndarray | None = None) -> list[str]:
        chosen = [i for i, name in enumerate(self.split) if name == split]
        if kept is not None:
            chosen = [i for i, keep in zip(chosen, kept, strict=True) if keep]
        parts = np.split(scores, self.ends[:-1])
        cells = []
        for top in TOPS:
            hits, groups = segment_hits(
                [self.talks[i] for i in chosen], [parts[i] for i in chosen], top
            )
            cells.append(interval("f1", groups, lambda i, h=hits: top_f1(h[i]), digits=1))
        return cells


def trees(data: Lectures, columns: list[np.ndarray]) -> np.ndarray:
    table = np.hstack(columns).astype(np.float32)
    rows = data.rows("train")
    model = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.1, max_leaf_nodes=31, min_samples_leaf=200,
        l2_regularization=1.0, random_state=0, early_stopping=False,
    )  # fmt: skip
    model.fit(table[rows], data.truth[rows] > 0)
    return model.decision_function(table)


def listwise(
    data: Lectures, columns: list[np.ndarray], settings: Ranker | None = None, seed: int = 1
) -> np.ndarray:
    """[N] scores of a network whose softmax over a segment fits its labels (Cao et al. 2007)."""
    settings = settings or Ranker()
    torch.manual_seed(seed)
    table = np.hstack([column.astype(np.float32) for column in columns])
    rows = data.rows("train")
    mean, deviation = table[rows].mean(axis=0), table[rows].std(axis=0)
    table -= mean
    table /= np.maximum(deviation, 1e-4)
    np.clip(table, -5, 5, out=table)
    values = torch.from_numpy(table)
    truth = torch.from_numpy(data.truth.astype(np.float32))
    size = np.bincount(data.segments)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    training = np.unique(data.segments[rows])
    marked = np.bincount(data.segments, data.truth)[training]
    # A segment without a mark, or with all marked, has no order to learn.
    training = training[(marked > 0) & (marked < size[training])]
    net = torch.nn.Sequential(
        torch.nn.Linear(table.shape[1], settings.hidden),
        torch.nn.GELU(),
        torch.nn.Dropout(settings.dropout),
        torch.nn.Linear(settings.hidden, settings.hidden),
        torch.nn.GELU(),
        torch.nn.Dropout(settings.dropout),
        torch.nn.Linear(settings.hidden, 1),
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.lr, weight_decay=0.01)
    steps = settings.epochs * -(-len(training) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, total_steps=steps + 1)
    for _ in range(settings.epochs):
        order = training[torch.randperm(len(training)).numpy()]
        for begin in range(0, len(order), settings.batch):
            chosen = order[begin : begin + settings.batch]
            index = np.concatenate([np.arange(first[s], first[s] + size[s]) for s in chosen])
            owner = torch.from_numpy(np.repeat(np.arange(len(chosen)), size[chosen]))
            score = net(values[index])[:, 0]
            highest = torch.full((len(chosen),), -1e9).scatter_reduce(0, owner, score, "amax")
            total = torch.zeros(len(chosen)).index_add(0, owner, (score - highest[owner]).exp())
            chance = score - highest[owner] - total[owner].log()
            share = truth[index] / torch.zeros(len(chosen)).index_add(0, owner, truth[index])[owner]
            loss = -(share * chance).sum() / len(chosen)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.inference_mode():
        return np.concatenate([net(part)[:, 0].numpy() for part in values.split(65_536)])


class Table:
    def __init__(self, data: Lectures) -> None:
        self.data = data
        self.found: dict[str, np.ndarray] = {}
        print("| idea | dev: Top3-F1 | Top5-F1 | s |\n|---|---|---|---|", flush=True)

    def add(self, name: str, make) -> None:
        began = time.perf_counter()
        self.found[name] = make()
        cells = " | ".join(self.data.measure(self.found[name], "dev"))
        print(f"| {name} | {cells} | {time.perf_counter() - began:.0f} |", flush=True)


def mean_of(data: Lectures, *scores: np.ndarray) -> np.ndarray:
    """Mean of scores made comparable inside each segment."""
    return sum(within(score[:, None], data.segments)[:, 0] for score in scores)


def compare() -> None:
    data = Lectures()
    counts = {split: (data.split.count(split), len(data.rows(split))) for split in SPLITS}
    print(f"lectures and sentences {counts}", flush=True)
    table = Table(data)
    rng = np.random.default_rng(0)
    table.add("random", lambda: rng.random(len(data.texts)))
    table.add("lead-only", lambda: -data.place[:, 0])
    table.add("length-only", lambda: np.array([len(text) for text in data.texts], float))
    table.add("closeness to the segment (words)", lambda: data.near[:, 0])
    table.add("closeness to the lecture (words)", lambda: data.near[:, 2])
    table.add("TextRank in the segment", lambda: data.near[:, 5])
    table.add("rare words, summed", lambda: data.near[:, 6])
    table.add("TF-IDF, logistic regression", lambda: data.words[:, 0])
    table.add("trees: place and length", lambda: trees(data, [data.place]))
    near = [data.place, data.near]
    table.add("trees: closeness, TextRank, rare words too", lambda: trees(data, near))
    every = [*near, data.words]
    table.add("trees: scores of the words too", lambda: trees(data, every))
    table.add("listwise network: place and length", lambda: listwise(data, [data.place]))
    table.add("listwise network: all of these", lambda: listwise(data, every))
    table.add("the same, another seed", lambda: listwise(data, every, seed=2))
    table.add(
        "mean of trees and two listwise networks",
        lambda: mean_of(
            data,
            table.found["trees: scores of the words too"],
            table.found["listwise network: all of these"],
            table.found["the same, another seed"],
        ),
    )
    table.add("(the labels themselves)", lambda: data.truth)
    values = {
        name: tuple(data.measure(score, "dev"))
        for name, score in table.found.items()
        if name[0] != "("
    }
    best = max(values, key=values.get)
    tests = [talk for talk, split in zip(data.talks, data.split, strict=True) if split == "test"]
    train = [talk for talk, split in zip(data.talks, data.split, strict=True) if split == "train"]
    clean = ~repeated(tests, train)
    print(f"\n{int((~clean).sum())} of {len(clean)} test lectures were seen in training")
    print("| official test | Top3-F1 | Top5-F1 | without those seen: Top3-F1 | Top5-F1 |")
    print("|---|---|---|---|---|")
    shown = ("random", "lead-only", "length-only", "TF-IDF, logistic regression", best)
    for name in (*shown, "(the labels themselves)"):
        cells = data.measure(table.found[name], "test")
        cells += data.measure(table.found[name], "test", clean)
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def meaning(lectures: int, dev: int) -> None:
    """Does MiniLM add to the words? On fewer lectures: embedding all would take an hour."""
    data = Lectures(lectures, dev, test=False)
    states = embedded(data.texts).astype(np.float32)
    print(f"{lectures} training and {dev} dev lectures, {len(data.texts)} sentences", flush=True)
    table = Table(data)
    every = [data.place, data.near, data.words]
    last = states[:, -384:]
    near = np.stack([closeness(last, data.segments), closeness(last, data.owner)], axis=1)
    ranked = text_rank(last, data.segments)[:, None]
    near = np.hstack([near, ranked])
    near = np.hstack([near, within(near, data.segments)])
    table.add("closeness to the segment (MiniLM)", lambda: near[:, 0])
    table.add("TextRank (MiniLM)", lambda: near[:, 2])
    table.add("listwise network: words, place, closeness", lambda: listwise(data, every))
    table.add("closeness by MiniLM too", lambda: listwise(data, [*every, near]))
    large = Ranker(hidden=96, epochs=4, dropout=0.4, lr=2e-3)
    table.add(
        "states of layers 3 and 5 too",
        lambda: listwise(data, [*every, near, states[:, :768]], large),
    )


def curve() -> None:
    """More lectures to learn from."""
    print("| training lectures | dev: Top3-F1 | Top5-F1 |\n|---|---|---|")
    for count in (425, 850, 1700):  # all 3,400 are in the table of compare
        data = Lectures(count, test=False)
        score = listwise(data, [data.place, data.near, data.words])
        print(f"| {count} | {' | '.join(data.measure(score, 'dev'))} |", flush=True)
