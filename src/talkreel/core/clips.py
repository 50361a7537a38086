"""A delivered clip and what was measured on its file."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.candidates import SubScore
from talkreel.core.craft import Note
from talkreel.core.spans import Span
from talkreel.core.words import Chapter, ClipWords

SCHEMA = "clips/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Read back from the delivered file.

    Attributes:
        duration: seconds of picture.
        width: pixels.
        height: pixels.
        frame_rate: as a fraction, e.g. ``30000/1001``.
        frames: pictures in the file.
        size_bytes: of the file.
        integrated_lufs: EBU R128; None when silent or without sound.
        true_peak_dbtp: 4x oversampled; None likewise.
        av_offset: seconds by which sound ends after (+) or before (-) the picture.
        caption_words: words that were drawn.
        face_share: share of the clip in which a face is inside the visible region; None when
            nobody looked.
        speaker_share: share of speech time in which the speaking face is inside it; None
            likewise or when no speaker is known.
    """

    duration: float
    width: int
    height: int
    frame_rate: str
    frames: int
    size_bytes: int
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    av_offset: float
    caption_words: int
    face_share: float | None
    speaker_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFiles:
    """Paths relative to the output folder; ``exports`` are files made beside the clip."""

    video: str
    cover: str
    srt: str | None
    vtt: str | None
    edit: str
    exports: tuple[str, ...] = ()
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One delivered clip.

    Attributes:
        id: stable for the same media, span and options.
        rank: 1 is best.
        title: from the talk's own words.
        spans: what is played, source clock.
        score: 0..99.
        sub_scores: the parts, each with its evidence.
        text: what is said.
        files: beside ``clips.json``.
        measured: on the delivered file.
        warnings: one line each.
        notes: what became of every feature that was asked for.
        words: titles, hook line, description, hashtags and posts; None without speech.
    """

    id: str
    rank: int
    title: str
    spans: tuple[Span, ...]
    score: int
    sub_scores: tuple[SubScore, ...]
    text: str
    files: ClipFiles
    measured: Measured
    warnings: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    words: ClipWords | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSet:
    """What one job delivered, in order of rank.

    Attributes:
        media_uri: the source.
        media_digest: sha256 of the source.
        duration: seconds of the source.
        clips: in order of rank.
        transcript_source: which recogniser or file gave the words.
        scorer: name of what scored, e.g. ``craft-priors/1``.
        calibration: what a score may be taken for.
        warnings: one line each.
        talkreel_version: what made it.
        chapters: of the whole talk; empty where it is too short for any.
    """

    media_uri: str
    media_digest: str
    duration: float
    clips: tuple[Clip, ...]
    transcript_source: str
    scorer: str
    calibration: str = "not calibrated for your channel"
    warnings: tuple[str, ...] = ()
    talkreel_version: str = ""
    chapters: tuple[Chapter, ...] = ()
