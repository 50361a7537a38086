"""Talks, lectures and episodes for the engagement model, whole or in windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import InputError
from talkreel.data.custom import FromVideo, read_custom
from talkreel.data.manifest import open_dataset
from talkreel.data.sitcoms import read_sitcoms
from talkreel.data.speeches import read_speeches
from talkreel.data.splits import Split, in_split, rank_of
from talkreel.data.talks import IMPORTANCE, LABELS, LAUGHTER, LabelledTalk
from talkreel.data.ted import read_ted
from talkreel.data.vtssum import read_vtssum
from talkreel.features.cached import cached_embeddings
from talkreel.features.sentence_sound import MEL_SIZE
from talkreel.features.sentences import (
    FEATURES,
    FEATURES_HEARD,
    LAYERS,
    TalkFeatures,
    talk_features,
)
from talkreel.models.bundle import DataSource
from talkreel.models.text import LayerEmbedder, TextEmbedder

Batch = dict[str, Tensor]
Rows = NDArray[Any]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_TAUGHT = {
    "speeches": LABELS[:IMPORTANCE],
    "ted": LABELS[:IMPORTANCE],
    "ted-sentences": LABELS[:IMPORTANCE],
    "sitcoms": (LABELS[LAUGHTER],),
    "vtssum": (LABELS[IMPORTANCE],),
    "custom": (LABELS[IMPORTANCE],),
}
_VTSSUM_SPLITS = {"train": "train", "validation": "dev", "test": "test"}
_SETS = {
    "speeches": "speeches",
    "ted": "ted-reactions",
    "ted-sentences": "ted-reactions",
    "sitcoms": "sitcom-laughs",
    "vtssum": "vtssum",
    "custom": "custom",
}


class EngagementData(LightningDataModule):
    """One data set; splits go by talk and never move.

    Args:
        name: ``speeches``, ``ted``, ``ted-sentences``, ``sitcoms``, ``vtssum``, or ``custom``.
        root: of the data; for ``custom`` the folder that ``data.custom`` describes.
        batch_size: windows in a training batch.
        window: sentences in a training window.
        fold: which fifth of the talks is the test (VT-SSum has its own split).
        embed: whether sentences are embedded; without, only words and form speak.
        limit: most talks of each split, the same ones every time; None for all.
        reads: of ``custom`` data: what is read from the videos themselves.
    """

    def __init__(
        self,
        *,
        name: str = "speeches",
        root: str | None = None,
        batch_size: int = 16,
        window: int = 96,
        fold: int = 0,
        embed: bool = True,
        limit: int | None = None,
        reads: FromVideo | None = None,
    ) -> None:
        super().__init__()
        if name not in _SETS:
            raise InputError(f"unknown data {name!r}; known are {', '.join(sorted(_SETS))}")
        self.name = name
        self.batch_size = batch_size
        self.window = window
        self._root = Path(root) if root else None
        self._fold, self._embed, self._limit = fold, embed, limit
        self._reads = reads or FromVideo()
        self.talks: dict[Split, list[LabelledTalk]] = {}
        self.rows: dict[Split, list[TalkFeatures]] = {}

    @property
    def features(self) -> str:
        """What a network trained on this is fed with."""
        return FEATURES_HEARD if self._reads.mel else FEATURES

    @property
    def labels(self) -> tuple[str, ...]:
        """The outputs that these data teach."""
        return _TAUGHT[self.name]

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """What a bundle trained on this records."""
        if self.name == "custom":
            return (DataSource("custom", "of the user", "", shippable=False),)
        return (open_dataset(_SETS[self.name], self._root).source,)

    def setup(self, stage: str | None = None) -> None:
        """Read, embed and measure all talks, once; ``stage`` ``test`` does the test alone."""
        wanted: tuple[Split, ...] = ("test",) if stage == "test" else SPLITS
        for split in wanted:
            if split not in self.talks:
                self.talks[split] = self._read(split)
                self.rows[split] = measured_rows(self.talks[split], embed=self._embed)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Random windows of the talks, another cut every epoch."""
        windows: Any = _Windows(self.talks["train"], self.rows["train"], self.window)
        return DataLoader(windows, self.batch_size, shuffle=True, collate_fn=collate)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Whole talks."""
        return self.whole("validation")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Whole talks."""
        return self.whole("test")

    def whole(self, split: Split) -> DataLoader[Batch]:
        """The talks of ``split``, in order and uncut."""
        whole: Any = _Whole(self.talks[split], self.rows[split])
        return DataLoader(whole, batch_size=4, collate_fn=collate)

    def _read(self, split: Split) -> list[LabelledTalk]:
        if self.name == "vtssum":
            path = self._path(f"engagement/vtssum_{_VTSSUM_SPLITS[split]}.jsonl.xz")
            talks = sorted(read_vtssum(path), key=lambda talk: rank_of(talk.id))
        else:
            found = self._everyone
            talks = [found[i] for i in in_split([talk.id for talk in found], split, self._fold)]
        if not talks:
            raise InputError(
                f"no talk of {self.name!r} falls into the {split} split (drawn by name): add some, "
                "or try another data.fold, 0 to 4"
            )
        return talks[: self._limit]

    @cached_property
    def _everyone(self) -> list[LabelledTalk]:
        match self.name:
            case "speeches":
                return read_speeches(self._path("engagement/speeches.jsonl.xz"))
            case "ted":
                return read_ted(self._path("engagement/ted_reactions.jsonl.xz"))
            case "ted-sentences":
                return read_ted(self._path("engagement/ted_reactions.jsonl.xz"), "sentence")
            case "sitcoms":
                return read_sitcoms(self._path("engagement/sitcom_laughs.jsonl.xz"))
            case _:
                if self._root is None:
                    raise InputError("custom data need root=FOLDER with your analyses and labels")
                return read_custom(self._root, self._reads)

    def _path(self, file: str) -> Path:
        return open_dataset(_SETS[self.name], self._root).path(file)


def measured_rows(talks: Sequence[LabelledTalk], *, embed: bool) -> list[TalkFeatures]:
    """Features of every talk; sentences are looked up in the cache of embeddings."""
    vectors: list[FloatArray | None] = [None] * len(talks)
    wording = vectors
    if embed:
        texts = [text for talk in talks for text in talk.texts]
        ends = np.cumsum([len(talk.texts) for talk in talks])[:-1]
        vectors = list(np.split(cached_embeddings(texts, TextEmbedder()), ends))
        wording = list(np.split(cached_embeddings(texts, LayerEmbedder(LAYERS)), ends))
    width = max((talk.visual.shape[1] for talk in talks if talk.visual is not None), default=0)
    heard = any(talk.mel is not None for talk in talks)
    return [
        talk_features(
            talk.texts,
            part,
            wording=states,
            times=talk.times,
            signals=talk.signals,
            visual=np.full((len(talk.texts), width), np.nan)
            if talk.visual is None
            else talk.visual,
            mel=np.full((len(talk.texts), MEL_SIZE), np.nan, np.float16)
            if heard and talk.mel is None
            else talk.mel,
        )
        for talk, part, states in zip(talks, vectors, wording, strict=True)
    ]


def collate(items: Sequence[tuple[TalkFeatures, FloatArray]]) -> Batch:
    """Talks or windows padded to the longest; labels of padding are NaN."""
    longest = max(len(rows) for rows, _ in items)
    batch: Batch = {"lengths": torch.tensor([len(rows) for rows, _ in items])}
    for name in (part.name for part in fields(TalkFeatures)):
        batch[name] = _padded([getattr(rows, name) for rows, _ in items], longest, 0)
    batch["labels"] = _padded([labels for _, labels in items], longest, np.nan)
    return batch


def _padded(arrays: Sequence[Rows], longest: int, fill: float) -> Tensor:
    kind = arrays[0].dtype
    kind = np.dtype(np.float32) if kind == np.float16 else kind  # halves are for keeping alone
    whole = np.full((len(arrays), longest, arrays[0].shape[1]), fill, dtype=kind)
    for row, array in zip(whole, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(whole)


class _Whole(Dataset[tuple[TalkFeatures, FloatArray]]):
    def __init__(self, talks: Sequence[LabelledTalk], rows: Sequence[TalkFeatures]) -> None:
        self._talks, self._rows = talks, rows

    def __len__(self) -> int:
        return len(self._talks)

    def __getitem__(self, index: int) -> tuple[TalkFeatures, FloatArray]:
        return self._rows[index], self._talks[index].labels


class _Windows(Dataset[tuple[TalkFeatures, FloatArray]]):
    """As many windows of each talk as cover it once, at places drawn anew each time."""

    def __init__(
        self, talks: Sequence[LabelledTalk], rows: Sequence[TalkFeatures], window: int
    ) -> None:
        self._talks, self._rows, self._window = talks, rows, window
        counts = [max(1, round(len(row) / window)) for row in rows]
        self._owner = np.repeat(np.arange(len(rows)), counts)

    def __len__(self) -> int:
        return len(self._owner)

    def __getitem__(self, index: int) -> tuple[TalkFeatures, FloatArray]:
        owner = int(self._owner[index])
        rows, labels = self._rows[owner], self._talks[owner].labels
        # From torch's own generator: a resumed run seeds that one and so draws the same windows.
        first = int(torch.randint(max(1, len(rows) - self._window + 1), (1,)))
        part = slice(first, first + self._window)
        cut = {field.name: getattr(rows, field.name)[part] for field in fields(TalkFeatures)}
        return TalkFeatures(**cut), labels[part]
