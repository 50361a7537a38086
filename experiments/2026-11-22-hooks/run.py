"""Which features rank headlines best? Same folds, same loss; writes the table of README.md.

OMP_NUM_THREADS=1 python experiments/2026-11-22-hooks/run.py
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from talkreel.data.upworthy import FOLDS, load_pairs, story_folds
from talkreel.features.cached import cached_embeddings
from talkreel.models.text import DIMENSIONS, LayerEmbedder

PAIRS = load_pairs()
TEXTS = sorted({*PAIRS.first, *PAIRS.second})
PLACE = {text: at for at, text in enumerate(TEXTS)}
FIRST = np.asarray([PLACE[text] for text in PAIRS.first])
SECOND = np.asarray([PLACE[text] for text in PAIRS.second])
WEIGHT = np.minimum(np.abs(PAIRS.z), 6)
PENALTY = 10.0
TOKEN = r"(?u)\b\w+'?\w*\b|[?!.,:*]"


def dense(rows):
    """Each column with variance 1 / columns, so that one penalty fits every width."""
    rows = rows - rows.mean(axis=0)
    return rows / (rows.std(axis=0) + 1e-6) / np.sqrt(rows.shape[1])


def style(text):
    words = re.findall(r"[A-Za-z']+", text)
    low = text.lower()
    return [
        len(text),
        len(words),
        *("?" in text, "!" in text, ":" in text, "..." in text, "(" in text, "*" in text),
        text.count("."),
        text.count(","),
        bool(re.search(r"\d", text)),
        sum(word.isupper() and len(word) > 1 for word in words),
        low.startswith(("how", "why", "what", "when", "where", "who")),
        *(bool(re.search(p, low)) for p in (r"\b(this|that)\b", r"\byou", r"\b(i|my|we)\b")),
    ]


def grams():
    counts = HashingVectorizer(
        n_features=2**14, ngram_range=(1, 2), alternate_sign=False, token_pattern=TOKEN
    ).transform(TEXTS)
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts) * 0.3


def fitted(rows, train):
    difference = rows[FIRST[train]] - rows[SECOND[train]]
    weight = WEIGHT[train] / WEIGHT[train].mean()
    model = LogisticRegression(C=1 / PENALTY, fit_intercept=False, max_iter=200)
    model.fit(difference, PAIRS.won[train], sample_weight=weight)
    scores = np.asarray(rows @ model.coef_[0]).ravel()
    return scores[FIRST] - scores[SECOND]


def accuracy(odds, kept):
    return float(((odds > 0) == (PAIRS.won > 0.5))[kept].mean())


def held_out(rows, train=None):
    """Odds of every pair of ``train`` (all) from a fit on the other stories of it."""
    inside = np.arange(len(PAIRS)) if train is None else train
    folds = story_folds([PAIRS.story[i] for i in inside], FOLDS, 0 if train is None else 1)
    odds = np.zeros(len(PAIRS))
    for fold in range(FOLDS):
        test = inside[folds == fold]
        odds[test] = fitted(rows, inside[folds != fold])[test]
    return odds


def nested(candidates):
    """In each fold the candidate that did best on inner folds of the other stories."""
    folds = story_folds(PAIRS.story, FOLDS)
    odds, chosen = np.zeros(len(PAIRS)), []
    for fold in range(FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        kept = train[PAIRS.decided[train]]
        inner = {name: accuracy(held_out(rows, train), kept) for name, rows in candidates.items()}
        best = max(inner, key=inner.__getitem__)
        chosen.append(best)
        odds[test] = fitted(candidates[best], train)[test]
    return odds, chosen


def main():
    layers = cached_embeddings(TEXTS, LayerEmbedder(range(7))).astype(np.float32)
    each = {n: dense(layers[:, n * DIMENSIONS : (n + 1) * DIMENSIONS]) for n in range(7)}
    forms = dense(np.asarray([style(text) for text in TEXTS], dtype=float))
    sets = {f"mean of layer {n}": rows for n, rows in each.items()}
    four = layers[:, 4 * DIMENSIONS : 5 * DIMENSIONS]
    wide = [layers[:, n * DIMENSIONS : (n + 1) * DIMENSIONS] for n in (0, 2, 4, 6)]
    sets["layers 0, 2, 4, 6"] = dense(np.concatenate(wide, axis=1))
    sets["style alone"] = forms
    sets["layer 4 and style"] = dense(np.concatenate([four, forms], axis=1))
    sets["layer 4 and hashed n-grams"] = sp.hstack([sp.csr_matrix(each[4]), grams()]).tocsr()
    lines = ["| features | p<.05 | p<.01 | all pairs |", "|---|---|---|---|"]
    for name, rows in sets.items():
        lines.append(row(name, held_out(rows)))
    odds, chosen = nested({name: sets[name] for name in list(sets)[2:7]})
    lines.append(row("a layer of 2..6 chosen on inner folds", odds))
    lines.append(f"\nChosen in the five folds: {', '.join(chosen)}.")
    table = "\n".join(lines)
    print(table)
    Path(__file__).with_name("table.md").write_text(table + "\n", encoding="utf-8")


def row(name, odds):
    kept = (PAIRS.decided, PAIRS.p < 0.01, np.ones(len(PAIRS), dtype=bool))
    return f"| {name} | " + " | ".join(f"{100 * accuracy(odds, k):.1f} %" for k in kept) + " |"


if __name__ == "__main__":
    main()
