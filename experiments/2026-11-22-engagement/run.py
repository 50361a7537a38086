"""How well are reactions of audiences and summary sentences predicted, and what helps?

``speeches`` compares ideas by five-fold cross-validation over speeches; ``inputs`` compares what
sentences are turned into and ``curve`` fewer speeches, on validation alone; ``transfer`` trains on
speeches and scores TED talks it never saw; ``ted``, ``sitcoms`` and ``vtssum`` train on their own
data. Each prints a table; the README holds what they printed.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from talkreel.data.intervals import measured
from talkreel.data.manifest import open_dataset
from talkreel.data.ranks import auc
from talkreel.data.speeches import read_speeches
from talkreel.data.splits import FOLDS, Split, in_split
from talkreel.data.talks import LabelledTalk
from talkreel.features.cached import cached_embeddings
from talkreel.models.bundle import Metric
from talkreel.models.engagement import EngagementNet
from talkreel.models.shipped import load_bundle
from talkreel.models.text import DIMENSIONS, LayerEmbedder
from training.datamodules.engagement import EngagementData, measured_rows
from training.modules.engagement import EngagementModule
from training.modules.engagement_metrics import Scored, plain_scores, reaction_metrics
from training.quiet import quiet_trainer

SPEECHES = "engagement/speeches.jsonl.xz"


@dataclass(frozen=True)
class Idea:
    """What is changed against the plain model."""

    net: dict[str, Any] = field(default_factory=dict)
    module: dict[str, Any] = field(default_factory=dict)
    epochs: int = 12
    policy: str = "by-kind"
    embed: bool = True


PLAIN = {"hidden": 32, "buckets": 0, "dropout": 0.4}
IDEAS = {
    "sentence alone, no context": Idea({"hidden": 0}),
    "plain: MiniLM + form + GRU": Idea(),
    "hashed words beside MiniLM": Idea({"buckets": 4096}),
    "train on every marked transcript": Idea(policy="as-marked"),
    "order within the talk (pair loss)": Idea(module={"pairs_weight": 1.0}),
    "three members": Idea({"members": 3}),
    "three members, more dropout, marked": Idea({"members": 3, "dropout": 0.5}, policy="as-marked"),
}

LAST = 6
LAYERS = (3, 4, 5, LAST)


# What a sentence is turned into: mean states of these layers, which the net standardises.
INPUTS = {
    "layer 4": (4,),
    "layers 4 and last": (4, LAST),
    "layers 3 and 5": (3, 5),
}


def trained(data: EngagementData, idea: Idea, lr: float = 3e-3, seed: int = 1) -> EngagementModule:
    """The last epoch: validation talks are too few to choose one by."""
    pl.seed_everything(seed, verbose=False)
    module = EngagementModule(EngagementNet(**{**PLAIN, **idea.net}), lr=lr, **idea.module)
    quiet_trainer(idea.epochs).fit(module, datamodule=data)
    return module


def reacted(talk: LabelledTalk) -> np.ndarray:
    return talk.reaction


def folds(idea: Idea, talks: dict[str, dict[str, LabelledTalk]], rows: dict[str, Any]) -> Any:
    """Data of each fold: trained by the idea's policy, validated and tested on all talks."""
    everyone = talks["as-marked"] | talks["by-kind"]
    for fold in range(FOLDS):
        data = EngagementData(fold=fold, batch_size=8, window=64)
        for split in ("train", "validation", "test"):
            chosen = talks[idea.policy] if split == "train" else everyone
            names = list(chosen)
            ids = [names[i] for i in in_split(names, split, fold)]
            data.talks[split] = [chosen[i] for i in ids]
            data.rows[split] = [rows[i] for i in ids]
        yield data


def speech_metrics(
    scores: dict[str, np.ndarray], talks: dict[str, dict[str, LabelledTalk]], name: str
) -> list[Metric]:
    """By kind where both kinds are known, within talks, and as marked."""
    found = []
    for policy in ("by-kind", "as-marked"):
        kept = [t for i, t in talks[policy].items() if i in scores]
        kept = [t for t in kept if not np.isnan(t.labels[:, :2]).any()]
        truth = np.concatenate([t.reaction > 0 for t in kept])
        groups = np.concatenate([[t.id] * len(t.texts) for t in kept])
        value = np.concatenate([scores[t.id] for t in kept])
        protocol = f"{len(kept)} speeches, base {truth.mean():.3f}"
        found.append(measured(f"{policy} {name}", protocol, groups, _auc_of(value, truth)))
    kept = [t for t in talks["by-kind"].values() if t.id in scores]
    kept = [t for t in kept if not np.isnan(t.labels[:, :2]).any() and (t.reaction > 0).any()]
    within = np.array([auc(scores[t.id], t.reaction > 0) for t in kept])
    mean = measured(f"within {name}", "mean of talks", [t.id for t in kept], _mean_of(within))
    return [*found, mean]


def _auc_of(value: np.ndarray, truth: np.ndarray) -> Any:
    return lambda index: auc(value[index], truth[index])


def _mean_of(values: np.ndarray) -> Any:
    return lambda index: float(values[index].mean())


def speeches(names: Sequence[str]) -> None:
    """Every idea by cross-validation; the decision falls on the validation columns."""
    path = open_dataset("speeches").path(SPEECHES)
    talks = {p: {t.id: t for t in read_speeches(path, p)} for p in ("by-kind", "as-marked")}
    everyone = talks["as-marked"] | talks["by-kind"]
    rows = dict(zip(everyone, measured_rows(list(everyone.values()), embed=True), strict=True))
    print(
        "| idea | validation: by kind | as marked | within | test: by kind | as marked | within "
        "| s |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    plain_rows(talks, rows)
    for name in names or IDEAS:
        began = time.perf_counter()
        found: dict[Split, dict[str, np.ndarray]] = {"validation": {}, "test": {}}
        for data in folds(IDEAS[name], talks, rows):
            module = trained(data, IDEAS[name])
            for split, scores in found.items():
                for talk, (score, _) in zip(
                    data.talks[split], module.scores(data, split), strict=True
                ):
                    scores[talk.id] = score
        cells = [m for scores in found.values() for m in speech_metrics(scores, talks, name)]
        show(name, cells, began)


def inputs(names: Sequence[str], seeds: Sequence[int]) -> None:
    """Every input by cross-validation with the recipe that ships; validation figures alone."""
    idea = IDEAS["order within the talk (pair loss)"]
    path = open_dataset("speeches").path(SPEECHES)
    talks = {p: {t.id: t for t in read_speeches(path, p)} for p in ("by-kind", "as-marked")}
    everyone = talks["as-marked"] | talks["by-kind"]
    rows = dict(zip(everyone, measured_rows(list(everyone.values()), embed=True), strict=True))
    print(
        "| input | seed | by kind | as marked | within | s |\n|---|---|---|---|---|---|", flush=True
    )
    ends = np.cumsum([len(talk.texts) for talk in everyone.values()])
    places = {i: slice(end - len(rows[i]), end) for i, end in zip(everyone, ends, strict=True)}
    for name in names or INPUTS:
        read = meanings(INPUTS[name], list(everyone.values()))
        sized = replace(idea, net={**idea.net, "text_size": read.shape[1]})
        fed = {i: replace(row, text=read[places[i]]) for i, row in rows.items()}
        for seed in seeds:
            began = time.perf_counter()
            scores = {}
            for data in folds(sized, talks, fed):
                module = trained(data, sized, seed=seed)
                found = module.scores(data, "validation")
                pairs = zip(data.talks["validation"], found, strict=True)
                scores |= {talk.id: score for talk, (score, _) in pairs}
            show(f"{name} | {seed}", speech_metrics(scores, talks, name), began)


def curve(shares: Sequence[float]) -> None:
    """The recipe that ships with fewer speeches to learn from; validation figures alone."""
    idea = IDEAS["order within the talk (pair loss)"]
    path = open_dataset("speeches").path(SPEECHES)
    talks = {p: {t.id: t for t in read_speeches(path, p)} for p in ("by-kind", "as-marked")}
    everyone = talks["as-marked"] | talks["by-kind"]
    rows = dict(zip(everyone, measured_rows(list(everyone.values()), embed=True), strict=True))
    print("| share of the training speeches | by kind | as marked | within | s |")
    print("|---|---|---|---|---|", flush=True)
    for share in shares:
        began = time.perf_counter()
        scores = {}
        for data in folds(idea, talks, rows):
            kept = max(2, round(share * len(data.talks["train"])))
            data.talks["train"] = data.talks["train"][:kept]
            data.rows["train"] = data.rows["train"][:kept]
            # As many steps as with all speeches.
            module = trained(data, replace(idea, epochs=round(idea.epochs / share)))
            pairs = zip(data.talks["validation"], module.scores(data, "validation"), strict=True)
            scores |= {talk.id: score for talk, (score, _) in pairs}
        show(f"{share:.2f}", speech_metrics(scores, talks, "curve"), began)


def meanings(layers: Sequence[int], talks: Sequence[LabelledTalk]) -> np.ndarray:
    """[N, 384 * layers] of all sentences of ``talks`` in order, each layer of length 1."""
    texts = [text for talk in talks for text in talk.texts]
    every = cached_embeddings(texts, LayerEmbedder(LAYERS)).astype(np.float32)
    parts = np.split(every, every.shape[1] // DIMENSIONS, axis=1)
    return np.hstack([parts[LAYERS.index(layer)] for layer in layers])


def plain_rows(talks: dict[str, dict[str, LabelledTalk]], rows: dict[str, Any]) -> None:
    """Length, place and TF-IDF on the same folds."""
    began = time.perf_counter()
    scores: dict[str, dict[Split, dict[str, np.ndarray]]] = {}
    for data in folds(Idea(policy="as-marked"), talks, rows):
        for split in ("validation", "test"):
            ends = np.cumsum([len(t.texts) for t in data.talks[split]])[:-1]
            for name, value in plain_scores(data.talks[split], data, reacted).items():
                parts = np.split(value, ends)
                kept = scores.setdefault(name, {"validation": {}, "test": {}})[split]
                kept.update(zip((t.id for t in data.talks[split]), parts, strict=True))
    for name, found in scores.items():
        cells = [m for part in found.values() for m in speech_metrics(part, talks, name)]
        show(name.strip("/"), cells, began)


def show(name: str, cells: Sequence[Metric], began: float) -> None:
    figures = " | ".join(f"{m.value:.3f} [{m.low:.3f}–{m.high:.3f}]" for m in cells)
    print(f"| {name} | {figures} | {time.perf_counter() - began:.0f} |", flush=True)


def listed(metrics: Sequence[Metric]) -> None:
    print("| figure | value [95 %] | groups | protocol |\n|---|---|---|---|")
    for m in metrics:
        print(f"| {m.name} | {m.value:.3f} [{m.low:.3f}–{m.high:.3f}] | {m.count} | {m.protocol} |")


def transfer(idea: str | None, count: int) -> None:
    """Trained on speeches (fold 0), scored on sentences of TED talks it never saw.

    Without an idea it is the shipped bundle that is scored.
    """
    data = EngagementData(fold=0, batch_size=8, window=64)
    data.setup()
    if idea is None:
        net: Any = load_bundle("engagement").net
        module = EngagementModule(net)
    else:
        module = trained(data, IDEAS[idea])
    ted = EngagementData(name="ted-sentences", fold=0, limit=count)
    ted.setup("test")
    ted.talks["train"] = data.talks["train"]  # the plain methods learn from speeches too
    pairs = zip(ted.talks["test"], module.scores(ted, "test"), strict=True)
    listed(reaction_metrics([Scored(talk, *scores) for talk, scores in pairs], ted, "test"))


def own(name: str, limit: int | None, epochs: int) -> None:
    """Words and form with context, no sentence embeddings, on a set of its own.

    ``limit`` cuts the training talks; all talks of the test are scored.
    """
    began = time.perf_counter()
    data = EngagementData(name=name, embed=False, batch_size=32, window=64, limit=limit)
    data.setup()
    whole = EngagementData(name=name, embed=False)
    whole.setup("test")
    data.talks["test"], data.rows["test"] = whole.talks["test"], whole.rows["test"]
    sizes = {split: (len(t), sum(len(x.texts) for x in t)) for split, t in data.talks.items()}
    print(f"{name}: talks and units {sizes}, {time.perf_counter() - began:.0f} s", flush=True)
    net = {"hidden": 48, "buckets": 32768, "bucket_size": 32, "dropout": 0.3}
    module = trained(data, Idea(net, epochs=epochs))
    print(f"trained after {time.perf_counter() - began:.0f} s", flush=True)
    for split in ("validation", "test"):
        listed(module.evaluate(data, split))


def punctuation(name: str, limit: int | None) -> None:
    """TF-IDF that keeps the punctuation of the line, which the plain baseline drops."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    data = EngagementData(name=name, embed=False, limit=limit)
    before, after = (data._read(split) for split in ("train", "test"))
    pattern = r"(?u)\b\w+\b|[.?!,\-\"':;]"
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, token_pattern=pattern)
    seen = words.fit_transform([text for talk in before for text in talk.texts])
    known = np.concatenate([talk.reaction for talk in before]) > 0
    model = LogisticRegression(class_weight="balanced", max_iter=200).fit(seen, known)
    value = model.decision_function(words.transform([t for talk in after for t in talk.texts]))
    truth = np.concatenate([talk.reaction for talk in after]) > 0
    groups = np.concatenate([[talk.id] * len(talk.texts) for talk in after])
    protocol = f"{name}, {len(before)} talks to learn from, {len(after)} test talks"
    listed([measured("auc/tf-idf-punctuation", protocol, groups, _auc_of(value, truth))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "part",
        choices=[
            "speeches",
            "inputs",
            "transfer",
            "ted",
            "sitcoms",
            "vtssum",
            "punctuation",
            "curve",
        ],
    )
    parser.add_argument("--ideas", nargs="*", default=[])
    parser.add_argument("--seeds", nargs="*", type=int, default=[1], help="inputs: of training")
    parser.add_argument("--idea", help="transfer: train this instead of the shipped bundle")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    match arguments.part:
        case "speeches":
            speeches(arguments.ideas)
        case "inputs":
            inputs(arguments.ideas, arguments.seeds)
        case "transfer":
            transfer(arguments.idea, arguments.limit or 200)
        case "curve":
            curve([0.25, 0.5, 1.0])
        case "punctuation":
            for name in ("ted", "sitcoms"):
                punctuation(name, arguments.limit)
        case name:
            own(name, arguments.limit, arguments.epochs)


if __name__ == "__main__":
    main()
