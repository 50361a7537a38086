"""Which face speaks: mouths against the voice where faces compete, else the voice alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.media import Media
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive.crops import RATE_HZ, Contest, Crops, cut_crops, find_contests
from talkreel.perceive.lr_asd import load_lr_asd
from talkreel.perceive.mouth import mouth_motion, sound_shape, speaking_odds
from talkreel.perceive.turns import who_speaks

# Crops are held for so long at a time: two faces take 14 MB, eight take 56.
_BLOCK_SECONDS = 10.0
# Slower pictures do not show a mouth move.
_MIN_RATE_HZ = 18.0
# The network's log odds are large for any moving mouth: they are trusted up to here, per second.
_NETWORK_ZERO = 0.5
_NETWORK_LIMITS = (-1.5, 0.8)
# The voice is taken to go on over pauses inside a sentence.
_PAUSE_SECONDS = 0.4
_WORD_GAP_SECONDS = 1.0
# A face alone: the chance that the voice is its own, from small (one of an audience) to large.
_ALONE_WIDTHS = (0.02, 0.12)
_ALONE_CHANCES = (0.5, 0.85)
_MATCH_SHARE = 0.65
_MATCH_SECONDS = 1.0


class ActiveSpeaker:
    """Fills in who speaks.

    Args:
        models_dir: folder to look for the network's weights first; see ``find_weights``.
    """

    version = 3

    def __init__(self, models_dir: Path | None = None) -> None:
        self._network = load_lr_asd(models_dir)
        self.name = f"active-{self._network.name if self._network else 'mouth'}"

    def __call__(
        self,
        media: Media,
        tracks: Sequence[FaceTrack],
        audio: Audio,
        voice: Signal,
        shots: Sequence[Shot],
        *,
        words: Sequence[Word] = (),
        progress: Progress = silent,
    ) -> tuple[FaceTrack, ...]:
        """The tracks with ``speaking`` filled, and ``speaker`` where a voice goes with the face.

        ``speaking`` is the probability that this face speaks at that time; 0 in silence. The
        picture is looked at again only where two or more faces of like size show at once.

        Args:
            media: the file.
            tracks: from ``FaceFinder``.
            audio: its sound.
            voice: probability of a voice over time.
            shots: cuts; tracks of different shots do not compete.
            words: diarized words, when known.
            progress: told the share done.
        """
        chances = {track.id: _alone(track) for track in tracks}
        contests = find_contests(tracks, shots) if self._can_see(media) else ()
        total = sum(contest.span.duration for contest in contests)
        done = 0.0
        for contest in contests:
            self._judge(media, contest, audio, words, chances)
            done += contest.span.duration
            progress(done / total)
        progress(1.0)
        return tuple(_filled(track, chances[track.id], voice, words) for track in tracks)

    @staticmethod
    def _can_see(media: Media) -> bool:
        return media.video is not None and float(media.video.frame_rate) >= _MIN_RATE_HZ

    def _judge(
        self,
        media: Media,
        contest: Contest,
        audio: Audio,
        words: Sequence[Word],
        chances: dict[int, FloatArray],
    ) -> None:
        grid = np.arange(contest.span.start, contest.span.end, 1 / RATE_HZ)
        odds = self._odds(media, contest, audio, grid)
        shares = who_speaks(odds, _labels(words, grid))
        for column, track in enumerate(contest.tracks):
            here = (track.times >= contest.span.start) & (track.times < contest.span.end)
            known = ~np.isnan(odds[:, column])
            if not here.any() or not known.any():
                continue
            values = np.interp(track.times[here], grid[known], shares[known, column])
            chances[track.id][here] = values

    def _odds(self, media: Media, contest: Contest, audio: Audio, grid: FloatArray) -> FloatArray:
        """[T, K] log odds per grid step; NaN where a face is not in the picture."""
        count = len(contest.tracks)
        motion = np.full((len(grid), count), np.nan)
        network = np.zeros((len(grid), count))
        size = round(_BLOCK_SECONDS * RATE_HZ)
        for first in range(0, len(grid), size):
            block = grid[first : first + size]
            span = Span(float(block[0]), float(block[-1]) + 1 / RATE_HZ)
            faces = cut_crops(media, contest.tracks, span, network=self._network is not None)
            for column, face in enumerate(faces):
                rows = _rows(face, block)
                if len(rows) < 2:
                    continue
                moved = mouth_motion(face.mouth, face.times)
                motion[first + rows, column] = np.interp(block[rows], face.times, moved)
                network[first + rows, column] = self._network_odds(face, block[rows], audio)
        sound = sound_shape(audio.samples(contest.span.pad(0.0, 0.1)), len(grid))
        odds = np.full(motion.shape, np.nan)
        for column in range(count):
            seen = np.flatnonzero(~np.isnan(motion[:, column]))
            if len(seen) > 1:
                inside = slice(int(seen[0]), int(seen[-1]) + 1)
                whole = np.interp(np.arange(inside.start, inside.stop), seen, motion[seen, column])
                odds[inside, column] = speaking_odds(whole, sound[inside])
        return np.asarray(odds + network)

    def _network_odds(self, face: Crops, times: FloatArray, audio: Audio) -> FloatArray:
        if self._network is None:
            return np.zeros(len(times))
        nearest = np.abs(face.times[:, None] - times).argmin(axis=0)
        samples = audio.samples(Span(float(times[0]), float(times[-1]) + 0.2))
        scores = self._network(face.network[nearest], samples)
        return np.asarray(np.clip(scores - _NETWORK_ZERO, *_NETWORK_LIMITS) / RATE_HZ)


def _rows(face: Crops, block: FloatArray) -> NDArray[np.int_]:
    """Grid steps at which the face was seen."""
    if not len(face.times):
        return np.zeros(0, int)
    late, early = float(face.times[-1]) + 0.5 / RATE_HZ, float(face.times[0]) - 0.5 / RATE_HZ
    return np.flatnonzero((block >= early) & (block <= late))


def _alone(track: FaceTrack) -> FloatArray:
    """[N] chance that a voice belongs to a face with no rival, by its width."""
    widths = track.boxes[:, 2] - track.boxes[:, 0]
    return np.interp(widths, _ALONE_WIDTHS, _ALONE_CHANCES)


def _labels(words: Sequence[Word], grid: FloatArray) -> NDArray[np.int_] | None:
    """[T] index of the diarized voice at each step, held over short gaps; None when unknown."""
    names = sorted({word.speaker for word in words if word.speaker})
    if not names:
        return None
    labels = np.full(len(grid), -1)
    for word in words:
        if word.speaker:
            first, last = np.searchsorted(grid, (word.span.start, word.span.end))
            labels[first:last] = names.index(word.speaker)
    gap = round(_WORD_GAP_SECONDS * RATE_HZ)
    known = np.flatnonzero(labels >= 0)
    for first, last in pairwise(known.tolist()):
        if 1 < last - first <= gap:
            labels[first + 1 : last] = labels[first]
    return labels


def _filled(
    track: FaceTrack, chances: FloatArray, voice: Signal, words: Sequence[Word]
) -> FaceTrack:
    speaking = np.clip(chances * _voiced(voice, track.times), 0.0, 1.0)
    return replace(track, speaking=speaking, speaker=_match(track, speaking, words))


def _voiced(voice: Signal, times: FloatArray) -> FloatArray:
    """[N] probability of a voice within the length of a pause."""
    if not len(voice.values):
        return np.zeros(len(times))
    reach = _PAUSE_SECONDS
    near = (voice.over(Span(t - reach, t + reach)) for t in np.maximum(times, reach).tolist())
    return np.array([float(np.nanmax(v)) if v.size else 0.0 for v in near])


def _match(track: FaceTrack, speaking: FloatArray, words: Sequence[Word]) -> str | None:
    """The voice whose words fall to this face, where one clearly does."""
    heard: dict[str, float] = {}
    for word in words:
        if word.speaker and track.span.overlap(word.span) > 0:
            share = float(np.interp(word.span.middle, track.times, speaking))
            heard[word.speaker] = heard.get(word.speaker, 0.0) + share * word.span.duration
    total = sum(heard.values())
    if total < _MATCH_SECONDS:
        return None
    best = max(sorted(heard), key=lambda name: heard[name])
    return best if heard[best] >= _MATCH_SHARE * total else None
