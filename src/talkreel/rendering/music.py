"""The music of an edit, looped without a seam, as samples on the clip clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import MediaError, RenderError
from talkreel.core.sound import MusicBed
from talkreel.core.spans import TimeMap
from talkreel.media.ffmpeg import input_options, run_ffmpeg
from talkreel.media.probe import probe
from talkreel.rendering.envelope import music_curve, on_clip
from talkreel.rendering.sound import RATE

_MUSIC_NAME = "music.f32"


class Music:
    """A loop of ``period`` samples whose end runs into its beginning.

    Args:
        bed: how it is played.
        loop: [period + fade, 2] decoded samples; the last ``fade`` are what would come next.
        fade: samples of the crossfade.
    """

    def __init__(self, bed: MusicBed, loop: NDArray[np.float32], fade: int) -> None:
        self._bed, self._fade = bed, fade
        self._period = len(loop) - fade
        self._loop = loop

    def samples(self, first: int, last: int) -> NDArray[np.float32]:
        """[last - first, 2] samples of the endless loop at full level."""
        places = np.arange(first, last)
        phase = places % self._period
        out = self._loop[phase].copy()
        if not self._fade:
            return out
        # In every round but the first, the beginning comes up while what followed the end goes.
        joint = np.flatnonzero((places >= self._period) & (phase < self._fade))
        share = (phase[joint] + 0.5) / self._fade
        up = np.sin(0.5 * np.pi * share).astype(np.float32)[:, None]
        down = np.cos(0.5 * np.pi * share).astype(np.float32)[:, None]
        out[joint] = out[joint] * up + self._loop[self._period + phase[joint]] * down
        return np.asarray(out, dtype=np.float32)

    def curve(self, time_map: TimeMap, seconds: float) -> FloatArray:
        """Its gain over the clip (see ``music_curve``)."""
        speech = [span for _, span in on_clip(self._bed.speech, time_map)]
        return music_curve(self._bed, speech, seconds)


def open_music(bed: MusicBed, folder: Path, total: int, *, timeout_seconds: float) -> Music:
    """The decoded music of ``bed``, as much as a clip of ``total`` samples needs.

    Raises:
        RenderError: it is gone, or not the file that was chosen.
    """
    try:
        media = probe(bed.asset.path)
    except MediaError as error:
        raise RenderError(f"the music of this edit cannot be played: {error}") from error
    if media.digest != bed.asset.digest or media.audio is None:
        raise RenderError(
            f"{bed.asset.path!r} is not the music this edit was made with (its content differs): "
            "put the file back, or make the clips again"
        )
    begin, fade = round(bed.loop.start * RATE), round(bed.crossfade * RATE)
    count = min(round(bed.loop.duration * RATE) + fade, total + fade)
    graph = f"aresample={RATE}:first_pts=0:out_chlayout=stereo,atrim=start_sample={begin}"
    arguments = [*input_options(media), "-map", f"0:{media.audio.index}", "-vn"]
    arguments += [
        "-af",
        f"{graph}:end_sample={begin + count},asetpts=N/SR/TB,apad=whole_len={count}",
    ]
    arguments += ["-c:a", "pcm_f32le", "-ac", "2", "-f", "f32le", _MUSIC_NAME]
    run_ffmpeg(arguments, timeout_seconds=timeout_seconds, cwd=folder)
    loop = np.memmap(folder / _MUSIC_NAME, dtype=np.float32, mode="r").reshape(-1, 2)
    return Music(bed, loop, fade)
