"""Acted voices, in batches, relative to how each speaker or all of them sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from talkreel.core.arrays import FloatArray
from talkreel.data.manifest import open_dataset
from talkreel.data.voices import LABELS, Clip, load_voices
from talkreel.features.cached import features_folder
from talkreel.features.voice import FEATURES, VoiceReference, fitted, voice_features
from talkreel.models.bundle import DataSource

Batch = tuple[Tensor, Tensor, Tensor]
# Resampled by these ratios: another tempo, pitch and vocal tract. The first copy is untouched.
_SPEEDS = ((1, 1), (10, 9), (9, 10))
_NOISE_DB = (15.0, 35.0)


@dataclass(frozen=True, slots=True, eq=False)
class VoiceTable:
    """Features of clips.

    Attributes:
        mel: [copies, N, 64, F] float16; the first copy is untouched.
        statistics: [copies, N, S].
        labels: [N] places in the labels of the data set.
        speakers: [N].
    """

    mel: NDArray[np.float16]
    statistics: NDArray[np.float32]
    labels: NDArray[np.int64]
    speakers: NDArray[np.str_]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> VoiceTable:
        """Some of the clips."""
        return VoiceTable(
            self.mel[:, rows], self.statistics[:, rows], self.labels[rows], self.speakers[rows]
        )

    def relative(self, copy: int, known: VoiceReference | None) -> tuple[FloatArray, FloatArray]:
        """[N, 64, F] and [N, S] of a copy, relative to ``known``, or to each speaker's clips."""
        mel = self.mel[copy].astype(np.float32)
        statistics = self.statistics[copy].copy()
        if known is not None:
            return known.apply(mel, statistics)
        for speaker in np.unique(self.speakers):
            own = self.speakers == speaker
            reference = VoiceReference.of(mel[own], statistics[own])
            mel[own], statistics[own] = reference.apply(mel[own], statistics[own])
        return mel, statistics


def voice_table(name: str, root: Path | None, frames: int, limit: int | None = None) -> VoiceTable:
    """Features of a data set, from the cache where they were computed before."""
    digest = open_dataset(name, root).source.sha256[:16]
    stored = features_folder() / f"{FEATURES.replace('/', '-')}-{name}-{frames}-{digest}.npz"
    if not stored.is_file():
        stored.parent.mkdir(parents=True, exist_ok=True)
        part = stored.with_suffix(".part.npz")
        found: Any = _computed(load_voices(name, root), LABELS[name], frames)
        np.savez(part, **found)
        part.replace(stored)
    with np.load(stored, allow_pickle=False) as file:
        table = VoiceTable(*(file[key] for key in VoiceTable.__slots__))
    return table if limit is None else table.take(_spread(len(table.labels), limit))


def _computed(
    clips: tuple[Clip, ...], labels: tuple[str, ...], frames: int
) -> dict[str, NDArray[Any]]:
    from torchaudio.functional import resample

    rng = np.random.default_rng(0)
    mel, statistics = [], []
    for number, (up, down) in enumerate(_SPEEDS):
        found = []
        for clip in clips:
            samples = resample(torch.from_numpy(clip.samples), up, down).numpy()
            found.append(voice_features(_noisy(samples, rng) if number else samples))
        mel.append(np.stack([fitted(f.mel, frames) for f in found]).astype(np.float16))
        statistics.append(np.stack([f.statistics for f in found]))
    return {
        "mel": np.stack(mel),
        "statistics": np.stack(statistics),
        "labels": np.array([labels.index(clip.label) for clip in clips]),
        "speakers": np.array([clip.speaker for clip in clips]),
    }


def _noisy(samples: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    level = float(np.sqrt(np.mean(np.square(samples)))) * 10 ** (-rng.uniform(*_NOISE_DB) / 20)
    return samples + level * rng.standard_normal(len(samples)).astype(np.float32)


def _spread(count: int, limit: int) -> NDArray[np.int64]:
    """``limit`` rows from all over the table, so that every speaker keeps some."""
    return np.unique(np.linspace(0, count - 1, min(limit, count)).astype(np.int64))


class VoiceBatches(Dataset[Batch]):
    """Clips, a list of rows at a time; in training one of their copies, masked."""

    def __init__(
        self, table: VoiceTable, known: VoiceReference, *, training: bool, relative: bool, seed: int
    ) -> None:
        copies = range(len(table.mel)) if training else range(1)
        references = [None, known] if training else [None if relative else known]
        self._parts = [table.relative(c, r) for r in references for c in copies]
        self._labels = torch.from_numpy(table.labels)
        self._training = training
        self._seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the same copies and masks again whenever this epoch is run."""
        self._rng = np.random.default_rng([self._seed, epoch])

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, rows: list[int]) -> Batch:
        # All clips of a batch share the copy and the reference; batches differ.
        mel, statistics = self._parts[int(self._rng.integers(len(self._parts)))]
        sound, values = torch.from_numpy(mel[rows]), torch.from_numpy(statistics[rows])
        if self._training:
            sound = self._masked(sound)
        return sound, values, self._labels[rows]

    def _masked(self, mel: Tensor) -> Tensor:
        """Shifted in time, bent in pitch, a band and a stretch blanked (Park et al. 2019)."""
        count, bands, frames = mel.shape
        mel = torch.roll(mel, int(self._rng.integers(frames)), dims=2)
        mel = torch.roll(mel, int(self._rng.integers(-2, 3)), dims=1)
        for axis, size, most in ((1, bands, 12), (2, frames, 40)):
            wide = torch.from_numpy(self._rng.integers(0, most, (count, 1)))
            first = torch.from_numpy(self._rng.integers(0, size, (count, 1)))
            places = torch.arange(size)
            blank = (places >= first) & (places < first + wide)
            mel = mel.masked_fill(blank[:, :, None] if axis == 1 else blank[:, None, :], 0.0)
        return mel


class EmotionVoiceData(LightningDataModule):
    """Clips of a data set; speakers of one fold held out.

    Args:
        dataset: ``emodb-2s`` or ``ravdess``.
        root: of the data; default as in ``open_dataset``.
        batch_size: clips per batch.
        folds: groups of speakers for ``EmotionVoiceModule.evaluate``.
        fold: the group that is held out and validated on; -1 holds nobody out, and validation
            then only shows that the network fits what it is trained on.
        frames: of the log-mel picture.
        seed: of the copies and the masks.
        limit: clips, for a short run.
    """

    features = FEATURES

    def __init__(
        self,
        dataset: str = "emodb-2s",
        root: str | None = None,
        batch_size: int = 48,
        folds: int = 10,
        fold: int = -1,
        frames: int = 200,
        seed: int = 0,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        self._name, self._root = dataset, Path(root) if root else None
        self._batch_size, self._seed = batch_size, seed
        self._frames, self._limit = frames, limit
        self._table: VoiceTable | None = None
        self.folds, self.fold = folds, fold
        self.relative = True
        self.known: VoiceReference | None = None  # in place of that of the training voices

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the data set."""
        return LABELS[self._name]

    @property
    def name(self) -> str:
        """Of the data set."""
        return self._name

    def other(self) -> EmotionVoiceData:
        """The other corpus, everybody in one group, to see what carries over."""
        name = next(name for name in LABELS if name != self._name)
        root = str(self._root) if self._root else None
        return EmotionVoiceData(name, root, folds=1, fold=0, frames=self._frames, limit=self._limit)

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """What it is trained on."""
        return (open_dataset(self._name, self._root).source,)

    @property
    def table(self) -> VoiceTable:
        """Features of every clip."""
        if self._table is None:
            self._table = voice_table(self._name, self._root, self._frames, self._limit)
        return self._table

    def setup(self, stage: str | None = None) -> None:
        """Compute or read the features, once."""
        assert len(self.table.labels)

    def held_out(self, fold: int) -> NDArray[np.bool_]:
        """[N] whether a clip's speaker is in a group; no speaker is in two.

        Raises:
            ValueError: no such group.
        """
        if not -1 <= fold < self.folds:
            raise ValueError(f"fold must be -1 to {self.folds - 1}, got {fold}")
        _, number = np.unique(self.table.speakers, return_inverse=True)
        groups = min(self.folds, int(number.max()) + 1)
        return np.asarray(number * groups // (number.max() + 1) == fold)

    @property
    def reference(self) -> VoiceReference:
        """How the voices that are trained on sound."""
        if self.known is not None:
            return self.known
        return reference_of(self.table.take(~self.held_out(self.fold)))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Everybody who is not held out."""
        rows = ~self.held_out(self.fold)
        data = self._batches(rows, training=True)
        whole = len(data) >= self._batch_size
        order = BatchSampler(RandomSampler(data), self._batch_size, drop_last=whole)
        return DataLoader(data, sampler=order, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Those who are held out, relative to themselves or, without ``relative``, to others."""
        rows = self.held_out(self.fold)
        data = self._batches(rows if rows.any() else ~rows, training=False)
        order = BatchSampler(SequentialSampler(data), 128, drop_last=False)
        return DataLoader(data, sampler=order, batch_size=None)

    def _batches(self, rows: NDArray[np.bool_], *, training: bool) -> VoiceBatches:
        return VoiceBatches(
            self.table.take(rows),
            self.reference,
            training=training,
            relative=self.relative,
            seed=self._seed,
        )


def reference_of(table: VoiceTable) -> VoiceReference:
    """How the voices of a table sound, all together."""
    return VoiceReference.of(table.mel[0].astype(np.float32), table.statistics[0])
