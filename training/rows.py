"""Reads each data set once, row by row, only to count it and to look for leaks."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import lzma
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talkreel.data.manifest import Dataset

MARK = re.compile(r"[(\[](?=[^)\]]*(?:laugh|applau|cheer))[^)\]]{1,40}[)\]]", re.IGNORECASE)
SENTENCE = re.compile(r"(?<=[.!?])[\"”’']?\s+")
_PHRASE = 80  # characters; "Thank you very much for your attention" is no leak
_LAUGH_SECONDS = 1.0  # a laugh that starts so soon after a line is about the line


@dataclass(frozen=True, slots=True)
class Row:
    """What the checks need of one row.

    Attributes:
        split: of the publisher, ``train`` for what is trained on; ``all`` if it has none.
        group: talk, story, speaker; never in two splits.
        labels: of this row; several or none.
        content: equal for rows that show the same thing.
    """

    split: str
    group: str
    labels: tuple[str, ...]
    content: str


Reader = Callable[[Dataset], Iterator[Row]]


def _json_lines(path: Path) -> Iterator[Any]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _tables(path: Path) -> Iterator[dict[str, str]]:
    data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    yield from csv.DictReader(io.StringIO(data.decode("utf-8", errors="replace")))


def _reaction(mark: str) -> tuple[str, ...]:
    found = [name for name in ("laugh", "applau", "cheer") if name in mark.lower()]
    return tuple({"laugh": "laughter", "applau": "applause", "cheer": "cheers"}[n] for n in found)


def _speeches(data: Dataset) -> Iterator[Row]:
    for talk in _json_lines(data.path("engagement/speeches.jsonl.xz")):
        parts = MARK.split(talk["text"])
        marks = [*MARK.findall(talk["text"]), ""]
        for part, mark in zip(parts, marks, strict=True):
            sentences = [s for s in SENTENCE.split(part) if s.strip()]
            for at, sentence in enumerate(sentences):
                labels = _reaction(mark) if at == len(sentences) - 1 else ()
                yield Row("all", talk["id"], labels, sentence)


def _ted(data: Dataset) -> Iterator[Row]:
    for talk in _json_lines(data.path("engagement/ted_reactions.jsonl.xz")):
        lines = [*talk["lines"], ""]
        for line, after in itertools.pairwise(lines):
            if not line.startswith("("):
                yield Row("all", talk["id"], _reaction(after if MARK.match(after) else ""), line)


def _sitcoms(data: Dataset) -> Iterator[Row]:
    for episode in _json_lines(data.path("engagement/sitcom_laughs.jsonl.xz")):
        laughs = np.asarray(episode["laughs"], dtype=float).reshape(len(episode["laughs"]), -1)
        for _, _, end, text in episode["lines"]:
            after = laughs[:, 0] - end
            heard = bool(((after > -0.5) & (after < _LAUGH_SECONDS)).any())
            yield Row("all", episode["episode"], ("laughter",) if heard else (), text)


def _vtssum(data: Dataset) -> Iterator[Row]:
    for split in ("train", "dev", "test"):
        for talk in _json_lines(data.path(f"engagement/vtssum_{split}.jsonl.xz")):
            for segment in talk["segments"]:
                for text, label in segment:
                    content = text if len(text) > _PHRASE else talk["id"]
                    yield Row(split, talk["id"], ("summary",) if label else (), content)


def _tvsum(data: Dataset) -> Iterator[Row]:
    data.path("engagement/tvsum/ydata-tvsum50.mat")
    path = data.path("engagement/tvsum/tvsum50_shots.jsonl")
    for line in path.read_text(encoding="utf-8").splitlines():
        video = json.loads(line)
        yield Row("all", video["video"], (video["category"],), video["video"])


def _goemotions(data: Dataset) -> Iterator[Row]:
    with tarfile.open(data.path("emotion/goemotions_original.tar.xz")) as tar:
        names = _member(tar, "data/original/labels.txt").split()
        for split in ("train", "dev", "test"):
            for line in _member(tar, f"data/original/{split}.tsv").splitlines():
                text, found, comment = line.split("\t")
                yield Row(split, comment, tuple(names[int(n)] for n in found.split(",")), text)


def _clips(file: str, meta: str, folder: str, speaker: str) -> Reader:
    def read(data: Dataset) -> Iterator[Row]:
        with tarfile.open(data.path(file)) as tar:
            sounds = {m.name: m for m in tar.getmembers()}
            for row in csv.DictReader(io.StringIO(_member(tar, meta))):
                sound = tar.extractfile(sounds[f"{folder}/{Path(row['file']).stem}.opus"])
                assert sound is not None
                digest = hashlib.file_digest(sound, "sha256").hexdigest()  # type: ignore[arg-type]
                yield Row("all", row[speaker], (row["emotion"],), digest)

    return read


def _faces(data: Dataset) -> Iterator[Row]:
    data.paths()
    labels = np.load(data.path("emotion/fer2013_48_mosaics/labels.npz"), allow_pickle=False)
    names = [str(name) for name in labels["vote_names"]]
    first = int(np.flatnonzero(labels["split"] == 0)[0])
    seen = zip(labels["split"], labels["votes"], labels["dup_of_train"], strict=True)
    for at, (split, votes, twin) in enumerate(seen):
        # The publisher of the mosaics marked the twins; WebP hides them from a byte compare.
        content = "a face of train" if twin or at == first else f"face {at}"
        yield Row(("train", "dev", "test")[split], str(at), (names[int(votes.argmax())],), content)


def _upworthy(data: Dataset) -> Iterator[Row]:
    import pandas

    data.path("viral/upworthy_arms.parquet")
    pairs = pandas.read_parquet(data.path("viral/upworthy_pairs.parquet"))
    for h1, h2, y, p, story in pairs[["h1", "h2", "y", "p", "story"]].itertuples(index=False):
        labels = ("first wins" if y else "second wins", *(("p<.05",) if p < 0.05 else ()))
        yield Row("all", story, labels, f"{h1}\n{h2}")


def _snapugc(data: Dataset) -> Iterator[Row]:
    terciles = ("low", "middle", "high")
    for row in _tables(data.path("viral/snapugc_captions.csv.xz")):
        label = terciles[int(row["nawp_tertile"])]
        yield Row(row["split"], row["id"], (label,), row["gemini_caption"])
    for row in _tables(data.path("viral/snapugc_titles.csv")):
        label = terciles[int(float(row["y"]))]
        yield Row("titles", f"title {row['Id']}", (label,), row["Title"] + row["Description"])


def _lectures(data: Dataset) -> Iterator[Row]:
    for row in _tables(data.path("viral/vle4k.csv.xz")):
        label = "watched by half" if float(row["med_engagement"]) >= 0.5 else "left before half"
        yield Row(f"fold {row['fold']}", row["id"], (label,), row["id"])


def _tweets(data: Dataset) -> Iterator[Row]:
    for split, file in (("train", "train"), ("dev", "val"), ("test", "test")):
        with lzma.open(data.path(f"viral/tweet_pairs/retweet_{file}.json.xz")) as opened:
            pairs = json.load(opened)
        for at, label in enumerate(pairs["label"]):
            text = f"{pairs['first_tweet'][at]}\n{pairs['second_tweet'][at]}"
            yield Row(split, f"{split} {at}", (label,), text)


def _channel(data: Dataset) -> Iterator[Row]:
    for row in _tables(data.path("viral/channel_metrics_by_video.csv")):
        if row["Video"] != "Total":
            yield Row("all", row["Video"], (), row["Video title"])


def _member(tar: tarfile.TarFile, name: str) -> str:
    file = tar.extractfile(name)
    assert file is not None
    return file.read().decode("utf-8")


READERS: dict[str, Reader] = {
    "speeches": _speeches,
    "ted-reactions": _ted,
    "sitcom-laughs": _sitcoms,
    "vtssum": _vtssum,
    "tvsum": _tvsum,
    "goemotions": _goemotions,
    "emodb-2s": _clips(
        "emotion/emodb_2s_opus64k.tar", "emodb/meta.csv", "emodb/opus", "speaker"
    ),
    "ravdess": _clips("emotion/ravdess_speech_opus32k.tar", "rav/meta.csv", "rav/opus", "actor"),
    "fer2013plus": _faces,
    "upworthy": _upworthy,
    "snapugc": _snapugc,
    "vlengagement": _lectures,
    "tweet-pairs": _tweets,
    "channel-metrics": _channel,
}  # fmt: skip


def shared_groups(rows: Iterable[Row]) -> dict[str, set[str]]:
    """Groups that lie in several splits, and in which."""
    where: dict[str, set[str]] = {}
    for row in rows:
        where.setdefault(row.group, set()).add(row.split)
    return {group: splits for group, splits in where.items() if len(splits) > 1}


def duplicates(rows: Sequence[Row], training: str = "train") -> list[Row]:
    """Rows outside the split ``training`` whose content is also in it."""
    known = {row.content for row in rows if row.split == training}
    return [row for row in rows if row.split != training and row.content in known]
