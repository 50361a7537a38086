"""A user's own videos: analyses written by talkreel, with what their audience did.

A folder holds ``<name>.json`` and ``<name>.npz`` (an analysis), ``<name>.csv`` (labels) and, if
there are any, ``<name>.visual.npy`` (picture embeddings, one row per sentence). Sound and pictures
are read from the video itself: where the analysis found it, or in the folder under the same name.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkreel.core.analysis import Analysis
from talkreel.core.arrays import FloatArray
from talkreel.core.errors import InputError
from talkreel.core.media import Media
from talkreel.data.talks import IMPORTANCE, LabelledTalk, unknown_labels
from talkreel.features.sentence_sound import sentence_mel
from talkreel.features.sentences import sentence_times
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.store.analysis import read_analysis

if TYPE_CHECKING:
    from talkreel.models.pictures import PictureEmbedder

# Retention always falls; what counts is where it stands out of its surroundings.
_TREND_SECONDS = 90.0
_POSITION, _RETENTION = "video position (%)", "absolute audience retention (%)"

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class FromVideo:
    """What is read from the videos themselves, beside their analyses.

    Attributes:
        mel: whether their sound is.
        backbone: of ``PictureEmbedder``, for their pictures; None leaves them out. Embeddings in
            ``<name>.visual.npy`` go first.
        weights: of the backbone: a ``.safetensors`` file, or ``hub``.
    """

    mel: bool = False
    backbone: str | None = None
    weights: str | None = None

    @cached_property
    def embedder(self) -> PictureEmbedder | None:
        """Of the pictures.

        Raises:
            InputError: no such backbone or weights.
        """
        if self.backbone is None:
            return None
        from talkreel.models.pictures import PictureEmbedder

        try:
            return PictureEmbedder(self.backbone, self.weights)
        except ValueError as error:
            raise InputError(str(error)) from error


def read_custom(folder: Path, reads: FromVideo | None = None) -> list[LabelledTalk]:
    """Every analysis in ``folder`` that has labels beside it.

    Args:
        folder: as above.
        reads: what to read from the videos; a video that is gone, or has no sound or no picture,
            leaves those streams out.

    Raises:
        InputError: no such folder, nothing labelled in it, or labels that cannot be read; a
            video that is not the one that was analysed.
        MediaError: a video that cannot be read.
        SchemaError: an analysis that cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}: it should hold <name>.json, .npz and .csv files")
    labelled = [path for path in sorted(folder.glob("*.json")) if path.with_suffix(".csv").exists()]
    if not labelled:
        raise InputError(f"{folder} holds no analysis NAME.json with labels NAME.csv beside it")
    return [_talk(path, reads or FromVideo()) for path in labelled]


def read_curve(path: Path, duration: float) -> Curve:
    """[K, 2] seconds and values of a CSV of ``time,value`` or of a retention export.

    A retention export has the columns "Video position (%)" and "Absolute audience retention
    (%)"; its values become the difference from their surroundings.

    Args:
        path: of the CSV.
        duration: seconds of the video, for positions in percent.

    Raises:
        InputError: neither of the two, no rows, or something that is no number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    header = [name.lower() for name in rows[0]] if rows else []
    retention = _POSITION in header and _RETENTION in header
    if not retention and not {"time", "value"} <= set(header):
        raise InputError(
            f"{path} needs the columns time,value (seconds, any scale) or those of a retention "
            f"export, {_POSITION!r} and {_RETENTION!r}; it has {header}"
        )
    names = (_POSITION, _RETENTION) if retention else ("time", "value")
    curve = _numbers(path, rows[1:], [header.index(name) for name in names])
    if not retention:
        return curve
    curve[:, 0] *= duration / 100
    return _against_surroundings(curve)


def sentence_targets(curve: Curve, times: FloatArray) -> FloatArray:
    """[N] the rank, 0..1, of the mean of ``curve`` over each sentence; NaN outside the curve.

    Args:
        curve: [K, 2] seconds, ascending, and values.
        times: [N, 2] seconds of start and end.
    """
    seconds, values = curve[:, 0], curve[:, 1]
    found = np.full(len(times), np.nan)
    for i, (start, end) in enumerate(times):
        if start < seconds[0] or start > seconds[-1]:
            continue
        inside = values[(seconds >= start) & (seconds < end)]
        middle = np.interp((start + end) / 2, seconds, values)
        found[i] = inside.mean() if inside.size else middle
    known = np.flatnonzero(~np.isnan(found))
    if known.size:
        order = np.argsort(np.argsort(found[known], kind="stable"), kind="stable")
        found[known] = order / max(1, known.size - 1)
    return found.astype(np.float32)


def _talk(path: Path, reads: FromVideo) -> LabelledTalk:
    analysis = read_analysis(path)
    sentences = analysis.transcript.sentences
    times = sentence_times(analysis.transcript)
    media = _video(path, analysis) if reads.mel or reads.backbone else None
    visual = _visual(path, analysis)
    if visual is None and media is not None and reads.embedder is not None:
        from talkreel.models.pictures import sentence_pictures

        visual = sentence_pictures(media, times, reads.embedder)
    labels = unknown_labels(len(sentences))
    curve = read_curve(path.with_suffix(".csv"), analysis.media.span.end)
    labels[:, IMPORTANCE] = sentence_targets(curve, times)
    return LabelledTalk(
        path.stem,
        tuple(sentence.text for sentence in sentences),
        labels,
        times=times,
        signals=analysis.signals,
        visual=visual,
        mel=_mel(media, times) if media is not None and reads.mel else None,
    )


def _video(path: Path, analysis: Analysis) -> Media | None:
    """The video that was analysed, None if it is gone."""
    before = Path(analysis.media.uri)
    found = next((file for file in (before, path.parent / before.name) if file.is_file()), None)
    if found is None:
        return None
    media = probe(found)
    if media.digest != analysis.media.digest:
        raise InputError(
            f"{found} is not the video that {path} was made from, its content differs: analyse it "
            f"again, or put the right one at {path.parent / before.name}"
        )
    return media


def _mel(media: Media, times: FloatArray) -> NDArray[np.float16] | None:
    if media.audio is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "sound.wav"
        extract_audio(media, wav)
        return sentence_mel(Audio(wav), times)


def _visual(path: Path, analysis: Analysis) -> FloatArray | None:
    file = path.with_suffix(".visual.npy")
    if not file.exists():
        return None
    try:
        found = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"cannot read {file}: {error}; compute the pictures again") from error
    count = len(analysis.transcript.sentences)
    if found.ndim != 2 or len(found) != count:
        raise InputError(f"{file} has shape {found.shape}, but {path} has {count} sentences")
    return np.asarray(found, dtype=np.float32)


def _numbers(path: Path, rows: Sequence[Sequence[str]], columns: Sequence[int]) -> Curve:
    try:
        cells = [[float(row[column].rstrip("%")) for column in columns] for row in rows]
    except (ValueError, IndexError) as error:
        raise InputError(f"{path} holds a row that is not two numbers: {error}") from error
    curve = np.array(cells, dtype=np.float64).reshape(-1, 2)
    curve = curve[np.isfinite(curve).all(axis=1)]
    if not len(curve):
        raise InputError(f"{path} holds no values")
    return curve[np.argsort(curve[:, 0], kind="stable")]


def _against_surroundings(curve: Curve) -> Curve:
    seconds, values = curve.T
    near = np.abs(seconds[:, None] - seconds) <= _TREND_SECONDS
    trend = np.array([np.median(values[row]) for row in near])
    return np.stack([seconds, values - trend], axis=1)
