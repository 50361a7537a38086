"""The emotion of faces in stretches of a video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.emotions import EMOTIONS
from talkreel.core.media import Media
from talkreel.core.signals import Signal
from talkreel.core.spans import Span, merge
from talkreel.core.stage import Progress, silent
from talkreel.core.tracks import FaceTrack
from talkreel.features.faces import FEATURES, SIDE_PX, face_crop, standardised
from talkreel.media.frames import Frame, FrameReader
from talkreel.models.bundle import Bundle, require
from talkreel.models.emotion import to_emotions
from talkreel.models.emotion_face import PLUS, EmotionFaceNet

NAME = "emotion_face"
RATE_HZ = 2.0
STEP_SECONDS = 1.0
# Pictures are read so wide that the smallest face has about the pixels of the crop.
_READ_WIDTHS_PX = (320, 1280)
_TRACK_MARGIN = 0.25  # seconds that a box is held beyond its track
_QUIET_WEIGHT = 0.2  # of a face that does not speak beside one that does


class FaceEmotionPredictor:
    """Says once a second what the faces show, the one that speaks first and large ones more.

    Args:
        bundle: of the role ``emotion-face``.

    Raises:
        SchemaError: a bundle of another network, or one fed with other features.
    """

    name = NAME
    version = 1

    def __init__(self, bundle: Bundle) -> None:
        require(bundle, EmotionFaceNet.architecture, FEATURES)
        assert isinstance(bundle.net, EmotionFaceNet)
        self._net, self._labels = bundle.net, bundle.spec.labels[:PLUS]

    def __call__(
        self,
        media: Media,
        tracks: Sequence[FaceTrack],
        spans: Sequence[Span],
        *,
        progress: Progress = silent,
    ) -> Signal:
        """[T, 7] probabilities by the second, in the order of ``EMOTIONS``.

        Args:
            media: the file.
            tracks: faces found in it.
            spans: where to look, e.g. the candidates.
            progress: told the share of the spans done.

        Returns:
            NaN outside of ``spans`` and where no face shows.

        Raises:
            ValueError: the media has no picture.
        """
        count = int(np.ceil(media.duration / STEP_SECONDS))
        total = np.zeros((count, len(EMOTIONS)))
        weight = np.zeros(count)
        with FrameReader(media, width=_width(tracks), gray=True) as reader:
            looked = merge(spans)
            for number, span in enumerate(looked):
                for frame in reader.sample(span, RATE_HZ) if tracks else ():
                    second = min(int(frame.time / STEP_SECONDS), count - 1)
                    here, weights = self._read(frame, tracks)
                    total[second] += weights @ here
                    weight[second] += weights.sum()
                progress((number + 1) / len(looked))
        values = np.where(weight[:, None] > 0, total / np.maximum(weight[:, None], 1e-12), np.nan)
        return Signal(NAME, values.astype(np.float32), "probability", 0.0, STEP_SECONDS, EMOTIONS)

    def probabilities(self, crops: NDArray[np.uint8]) -> FloatArray:
        """[N, 7] in the order of ``EMOTIONS`` for [N, 48, 48] crops of ``face_crop``."""
        with torch.inference_mode():
            found = self._net.probabilities(torch.from_numpy(standardised(crops)))
        return to_emotions(found.numpy(), self._labels)

    def _read(self, frame: Frame, tracks: Sequence[FaceTrack]) -> tuple[FloatArray, FloatArray]:
        """[F, 7] and [F] weights of the faces in a frame."""
        crops, weights = [], []
        for track in tracks:
            begin, end = track.span.start - _TRACK_MARGIN, track.span.end + _TRACK_MARGIN
            box = track.box_at(frame.time)
            width, height = float(box[2] - box[0]), float(box[3] - box[1])
            if begin <= frame.time <= end and width > 0 and height > 0:
                crops.append(face_crop(frame.image, box))
                weights.append(width * height * _voice_weight(track, frame.time))
        if not crops:
            return np.zeros((0, len(EMOTIONS))), np.zeros(0)
        return self.probabilities(np.stack(crops)), np.asarray(weights)


def _voice_weight(track: FaceTrack, time: float) -> float:
    speaking = float(track.speaking[int(np.argmin(np.abs(track.times - time)))])
    share = 0.5 if np.isnan(speaking) else speaking
    return _QUIET_WEIGHT + (1 - _QUIET_WEIGHT) * share


def _width(tracks: Sequence[FaceTrack]) -> int:
    widths = [float(np.median(track.boxes[:, 2] - track.boxes[:, 0])) for track in tracks]
    return int(np.clip(SIDE_PX / max(min(widths, default=1.0), 1e-3), *_READ_WIDTHS_PX))
