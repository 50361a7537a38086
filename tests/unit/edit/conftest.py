"""Small analyses made by hand: a media, words, shots, faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.media import AudioStream, Media, VideoStream
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack, Shot, Transition
from talkreel.core.transcript import Transcript, Word


def make_video(
    width: int = 1920,
    height: int = 1080,
    rate: Fraction | int = 30,
    variable: bool = False,
) -> VideoStream:
    return VideoStream(
        index=0,
        width=width,
        height=height,
        coded_width=width,
        coded_height=height,
        frame_rate=Fraction(rate),
        variable=variable,
        codec="h264",
    )


def make_media(
    video: VideoStream | None = None, duration: float = 60.0, *, picture: bool = True
) -> Media:
    return Media(
        uri="/talk.mp4",
        digest="0" * 64,
        container="mp4",
        duration=duration,
        video=(video or make_video()) if picture else None,
        audio=AudioStream(index=1, sample_rate=48000, channels=2, codec="aac"),
    )


def make_words(
    text: str,
    start: float,
    *,
    seconds: float = 0.3,
    gap: float = 0.05,
    pause: float = 0.4,
    speaker: str | None = None,
) -> list[Word]:
    """Words of equal length; a longer pause after each that ends with punctuation."""
    words = []
    for token in text.split():
        words.append(Word(token, Span(start, start + seconds), speaker=speaker))
        start += seconds + (pause if token[-1] in ".,?!" else gap)
    return words


def make_face(
    number: int,
    centre: float | Callable[[np.ndarray], np.ndarray],
    *,
    span: tuple[float, float] = (0.0, 60.0),
    height: float = 0.25,
    top: float = 0.25,
    speaking: float | Callable[[np.ndarray], np.ndarray] = float("nan"),
    speaker: str | None = None,
    found: float = 1.0,
) -> FaceTrack:
    """A face of a 16:9 picture at five looks a second."""
    times = np.arange(span[0], span[1], 0.2)
    x = centre(times) if callable(centre) else np.full(len(times), centre)
    half = height * 9 / 16 * 0.8 / 2
    boxes = np.stack([x - half, np.full_like(x, top), x + half, np.full_like(x, top + height)], 1)
    values = speaking(times) if callable(speaking) else np.full(len(times), speaking)
    scores = np.where(np.arange(len(times)) % 100 < 100 * found, 0.9, 0.0)
    return FaceTrack(number, times, boxes, scores, values, speaker)


@dataclass
class Scenario:
    """Everything ``build_edit`` needs, with the usual defaults."""

    words: Sequence[Word]
    faces: Sequence[FaceTrack] = ()
    cuts: Sequence[float] = ()
    media: Media = field(default_factory=make_media)
    signals: dict[str, Signal] = field(default_factory=dict)

    @property
    def analysis(self) -> Analysis:
        edges = [0.0, *self.cuts, self.media.duration]
        kinds = [Transition.START, *([Transition.CUT] * len(self.cuts))]
        shots = tuple(
            Shot(Span(a, b), kind) for a, b, kind in zip(edges, edges[1:], kinds, strict=False)
        )
        return Analysis(
            media=self.media,
            transcript=Transcript("en", tuple(self.words)),
            shots=shots,
            signals=self.signals,
            looked=(self.media.span,),
            faces=tuple(self.faces),
        )

    def candidate(self, span: Span | None = None) -> Candidate:
        whole = Span(self.words[0].span.start, self.words[-1].span.end) if self.words else None
        chosen = span or whole
        assert chosen is not None
        return Candidate("clip-1", chosen, 70, (), "A title")


@pytest.fixture
def sentence() -> list[Word]:
    text = (
        "So I was walking down the street, and a man came up to me. He said the secret "
        "of success is not money, it is time! That changed everything for me because I had "
        "never thought about it."
    )
    return make_words(text, 5.0)


@pytest.fixture
def video_of() -> Callable[..., VideoStream]:
    return make_video


@pytest.fixture
def media_of() -> Callable[..., Media]:
    return make_media


@pytest.fixture
def words_of() -> Callable[..., list[Word]]:
    return make_words


@pytest.fixture
def face_of() -> Callable[..., FaceTrack]:
    return make_face


@pytest.fixture
def scenario() -> Callable[..., Scenario]:
    return Scenario
