"""Acted emotional speech: EmoDB (clips of two seconds) and RAVDESS, by speaker."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from talkreel.data.manifest import DataError, open_dataset

SAMPLE_RATE = 16_000
EMODB_LABELS = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")
RAVDESS_LABELS = (
    "neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised",
)  # fmt: skip
_ARCHIVES: Mapping[str, str] = MappingProxyType(
    {
        "emodb-2s": "emotion/emodb_2s_opus64k.tar",
        "ravdess": "emotion/ravdess_speech_opus32k.tar",
    }
)
LABELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"emodb-2s": EMODB_LABELS, "ravdess": RAVDESS_LABELS}
)
_SPEAKER_COLUMNS = ("speaker", "actor")


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One clip.

    Attributes:
        name: of its file, without the ending.
        samples: [T] 16 kHz mono, -1..1.
        label: one of ``LABELS`` of its data set.
        speaker: of the data set.
        sentence: what is said: actors of one set say the same few sentences.
    """

    name: str
    samples: NDArray[np.float32]
    label: str
    speaker: str
    sentence: str


def load_voices(name: str, root: Path | None = None) -> tuple[Clip, ...]:
    """All clips of ``emodb-2s`` or ``ravdess``, in the order of their table.

    Raises:
        DataError: another name, a missing or changed archive, or one whose table and clips do
            not fit together.
    """
    if name not in _ARCHIVES:
        raise DataError(f"unknown voices {name!r}; known are {', '.join(_ARCHIVES)}")
    with tarfile.open(open_dataset(name, root).path(_ARCHIVES[name])) as archive:
        members = {Path(m.name).name: m for m in archive.getmembers() if m.isfile()}
        if "meta.csv" not in members:
            raise DataError(f"{name}: the archive holds no meta.csv: get it again")
        table = _read(archive, members["meta.csv"]).decode("utf-8")
        rows = list(csv.DictReader(io.StringIO(table)))
        clips = []
        for row in rows:
            stem = Path(row["file"]).stem  # the table names the lossless originals
            if f"{stem}.opus" not in members:
                raise DataError(f"{name}: meta.csv lists {stem}, the archive has no {stem}.opus")
            clips.append(_clip(name, stem, row, _read(archive, members[f"{stem}.opus"])))
    return tuple(clips)


def decode(data: bytes) -> NDArray[np.float32]:
    """[T] samples at 16 kHz of an encoded clip.

    Raises:
        DataError: nothing that decodes.
    """
    import av

    try:
        with av.open(io.BytesIO(data), "r") as opened:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            parts = [
                part.to_ndarray()[0]
                for frame in opened.decode(audio=0)
                for part in resampler.resample(frame)
            ]
            parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except (av.FFmpegError, IndexError) as error:
        raise DataError(f"a clip does not decode ({error}): get the archive again") from error
    if not parts:
        raise DataError("a clip holds no sound: get the archive again")
    return np.concatenate(parts).astype(np.float32)


def _clip(name: str, stem: str, row: Mapping[str, str], data: bytes) -> Clip:
    if row["emotion"] not in LABELS[name]:
        raise DataError(f"{name}: {stem} has the unknown label {row['emotion']!r}")
    speaker = next(row[column] for column in _SPEAKER_COLUMNS if column in row)
    sentence = row.get("text") or row.get("statement") or ""
    return Clip(stem, decode(data), row["emotion"], speaker, sentence)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None  # only plain files were listed
    with file:
        return file.read()
