"""The cut sound made better: voice chain, masked words and music, before it is mastered."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from talkreel.core.edits import Edit
from talkreel.core.sound import VoiceChain
from talkreel.core.spans import TimeMap
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.rendering.denoise import denoise
from talkreel.rendering.dereverb import dereverb
from talkreel.rendering.envelope import at_samples, on_clip, smooth_gains
from talkreel.rendering.mix import Mix
from talkreel.rendering.music import open_music
from talkreel.rendering.sound import RATE, ClipSound, raw_input

TREATED_NAME = "treated.f32"
_STEP_NAME = "step.f32"
# The mains keep within 0.2 Hz; a voice moves on through so narrow a notch.
_NOTCH_HZ = 3
# Of ffmpeg's range of 1 to 100. Measured on speech with noise 10 dB under it: what it takes for
# clicks lies 13 dB under the whole at 2, 23 at 3, 35 at 4; above, it leaves more of every click.
_CLICK_THRESHOLD = 4
_BLOCK = 10 * RATE


def treat_sound(edit: Edit, sound: ClipSound, folder: Path, *, timeout_seconds: float) -> ClipSound:
    """``sound`` with all that the edit's chain asks for beyond fades and loudness.

    The result lies in ``folder`` as another raw file; a plain chain returns ``sound`` itself.

    Raises:
        RenderError: ffmpeg failed, or the music is not the file that was chosen.
    """
    chain = edit.audio
    if chain is None or chain.plain:
        return sound
    run = partial(_filter, folder=folder, timeout_seconds=timeout_seconds)
    name = sound.name
    voice = chain.voice if not sound.silent else None
    before = [sound.channel_filter, *(_cleaning(voice) if voice else ())]
    if any(before):
        name = run(name, before)
    if voice is not None:
        name = _level(voice, edit.time_map, name, folder)
        name = run(name, _colouring(voice)) if _colouring(voice) else name
    music = None
    if chain.music is not None:
        music = open_music(chain.music, folder, sound.samples, timeout_seconds=timeout_seconds)
    mix = Mix(chain, edit.time_map, folder / name, sound.samples, music)
    mix.write(folder / TREATED_NAME)
    silent = sound.silent and music is None
    return replace(sound, name=TREATED_NAME, channel_filter="", silent=silent)


def _cleaning(voice: VoiceChain) -> list[str]:
    filters = []
    if voice.high_pass_hz is not None:
        filters.append(f"highpass=f={voice.high_pass_hz:g}")
    filters += [
        f"bandreject=f={frequency:g}:width_type=h:w={_NOTCH_HZ}" for frequency in voice.hum_hz
    ]
    if voice.declick:
        filters.append(f"adeclick=threshold={_CLICK_THRESHOLD}")
    return filters


def _colouring(voice: VoiceChain) -> list[str]:
    filters = [
        f"equalizer=f={bell.frequency_hz:g}:width_type=o:w={bell.octaves:g}:g={bell.gain_db:.3f}"
        for bell in voice.equalizer
    ]
    if voice.compression is not None:
        threshold = max(0.001, 10 ** (voice.compression.threshold_db / 20))
        filters.append(
            f"acompressor=threshold={threshold:.5f}:ratio={voice.compression.ratio:g}"
            ":attack=12:release=200:knee=6"
        )
    return filters


def _filter(name: str, filters: list[str], *, folder: Path, timeout_seconds: float) -> str:
    """Run ``filters`` over a raw file; returns the name of the result."""
    chain = ",".join(part for part in filters if part)
    target = _STEP_NAME if name != _STEP_NAME else "next.f32"
    output = ["-c:a", "pcm_f32le", "-ac", "2", "-f", "f32le", target]
    run_ffmpeg(
        [*raw_input(name), "-af", chain, *output], timeout_seconds=timeout_seconds, cwd=folder
    )
    return target


def _level(voice: VoiceChain, time_map: TimeMap, name: str, folder: Path) -> str:
    """Room and noise down and speakers level; returns the name of the result."""
    if not (voice.dereverb or voice.denoise_db or voice.gains):
        return name
    samples = np.fromfile(folder / name, dtype=np.float32).reshape(-1, 2)
    if voice.dereverb:
        samples = dereverb(samples)
    if voice.denoise_db:
        samples = denoise(samples, voice.denoise_db)
    if voice.gains:
        gains = [gain.gain_db for gain in voice.gains]
        parts = on_clip((gain.span for gain in voice.gains), time_map)
        curve = smooth_gains(((span, gains[i]) for i, span in parts), time_map.duration)
        factors = 10 ** (curve / 20)
        for first in range(0, len(samples), _BLOCK):
            last = min(first + _BLOCK, len(samples))
            samples[first:last] *= at_samples(factors, first, last, RATE)
    samples.tofile(folder / "level.f32")
    return "level.f32"
