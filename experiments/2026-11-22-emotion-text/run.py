"""How should frozen MiniLM be read for emotions? All figures on dev; writes table.md.

PYTHONPATH=. OMP_NUM_THREADS=1 python experiments/2026-11-22-emotion-text/run.py
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional

from talkreel.data.goemotions import FINE, load_comments
from talkreel.features.cached import cached_embeddings
from talkreel.features.token_cache import cached_tokens
from talkreel.models.emotion_text import EmotionTextNet
from talkreel.models.text import DIMENSIONS, LayerEmbedder, TextEmbedder, TokenEmbedder
from training.datamodules.emotion_text import ByLength, CommentRows
from training.emotion_text_figures import best_thresholds, f1

ROWS, EPOCHS = 8192, 3  # of the training split: the order of the methods, not their level
SPLITS = load_comments()
TRAIN, DEV = SPLITS["train"], SPLITS["val"]
TARGETS = TRAIN.targets[:ROWS]


def halves(chances):
    """Macro-F1 of each half of dev with the thresholds of the other, five times."""
    found = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(DEV))
        middle = len(order) // 2
        for fit, test in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            limits = best_thresholds(chances[fit, FINE], DEV.targets[fit, FINE])
            said = (chances[test, FINE] >= limits).astype(np.float32)
            found.append(f1(said, DEV.targets[test, FINE]).mean())
    return float(np.mean(found))


def words():
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    train, dev = vectors.fit_transform(TRAIN.texts[:ROWS]), vectors.transform(DEV.texts)
    return one_by_one(train, dev)


def one_by_one(train, dev):
    columns = [
        LogisticRegression(C=4.0, solver="liblinear").fit(train, TARGETS[:, at]).predict_proba(dev)
        for at in range(FINE.stop)
    ]
    return np.stack([column[:, 1] for column in columns], axis=1)


def pooled(embedder, hidden=512):
    vectors = [
        torch.from_numpy(cached_embeddings(texts, embedder).astype(np.float32))
        for texts in (TRAIN.texts[:ROWS], DEV.texts)
    ]
    middle, spread = vectors[0].mean(dim=0), vectors[0].std(dim=0) + 1e-6
    train, dev = ((part - middle) / spread for part in vectors)
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Dropout(0.1),
        nn.Linear(train.shape[1], hidden),
        nn.GELU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, TARGETS.shape[1]),
    )
    order = ByLength(np.ones(ROWS, dtype=np.int64), 64, torch.Generator().manual_seed(0))
    learn(net, lambda rows: (train[rows],), order, 2 * EPOCHS)
    with torch.inference_mode():
        return torch.sigmoid(net.eval()(dev)).numpy()


def tokens(layers):
    embedder = TokenEmbedder(layers)
    train = CommentRows(cached_tokens(TRAIN.texts[:ROWS], embedder), TARGETS)
    dev = CommentRows(cached_tokens(DEV.texts, embedder), DEV.targets)
    torch.manual_seed(0)
    net = EmotionTextNet(size=DIMENSIONS * len(layers))
    shares = torch.from_numpy(TARGETS.mean(axis=0)).clamp(1e-4, 1 - 1e-4)
    net.evidence.bias.data.copy_(torch.logit(shares))
    order = ByLength(train.lengths, 64, torch.Generator().manual_seed(0))
    learn(net, lambda rows: train[rows][:2], order, EPOCHS)
    out = np.zeros((len(dev), TARGETS.shape[1]))
    with torch.inference_mode():
        net.eval()
        for batch in ByLength(dev.lengths, 256, None):
            out[batch] = torch.sigmoid(net(*dev[batch][:2])).numpy()
    return out


def learn(net, inputs, order, epochs):
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01)
    steps = epochs * len(order) + epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, steps, pct_start=0.1)
    targets = torch.from_numpy(TARGETS)
    net.train()
    for _ in range(epochs):
        for rows in order:
            loss = functional.binary_cross_entropy_with_logits(net(*inputs(rows)), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def main():
    torch.set_num_threads(1)
    methods = {
        "TF-IDF, logistic regression": words,
        "last layer, mean, two layers": lambda: pooled(TextEmbedder()),
        "layers 4 and 5, mean and maximum, two layers": lambda: pooled(
            LayerEmbedder((4, 5), (4, 5))
        ),
        "tokens of layers 3 and 5, label attention": lambda: tokens((3, 5)),
    }
    lines = ["| method | macro-F1 28 labels | seconds |", "|---|---|---|"]
    for name, method in methods.items():
        began = time.monotonic()
        lines.append(f"| {name} | {halves(method()):.3f} | {time.monotonic() - began:.0f} |")
        print(lines[-1], flush=True)
    Path(__file__).with_name("table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
