"""A clip's sound track: treated, mastered, encoded, and put right where AAC moved it."""

from __future__ import annotations

from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.rendering.bookends import join_filters, open_bookend, write_bookend_sound
from talkreel.rendering.encoders import audio_options, file_options, sound_container, sound_range
from talkreel.rendering.loudness import (
    NEARLY_SILENT_LUFS,
    Loudness,
    Mastering,
    correct,
    find_mastering,
    measure,
)
from talkreel.rendering.sound import ClipSound, raw_input
from talkreel.rendering.verify import loud_enough
from talkreel.rendering.voice import treat_sound
from talkreel.rendering.workplace import Workplace

_CORRECTIONS = 3
_NOISY_GAIN_DB = 24.0


class SoundTrack:
    """Makes the sound of one clip; runs beside the picture."""

    def __init__(self, work: Workplace) -> None:
        self._work = work

    def _meter(self, sound: ClipSound, filters: str, *, peaks: bool) -> Loudness:
        chain = ",".join(part for part in (sound.channel_filter, filters) if part)
        source = raw_input(sound.name)
        return measure(
            source, self._work.schedule.duration, chain, cwd=self._work.folder, peaks=peaks
        )

    def _master(self, sound: ClipSound) -> tuple[Mastering | None, tuple[str, ...]]:
        """How the sound is made as loud as wanted; None where there is nothing to make loud."""
        chain = self._work.edit.audio
        if chain is None or sound.silent:
            there = self._work.media.audio is not None and chain is not None
            return None, (("the clip is silent, as the source is there",) * there)
        plain = self._meter(sound, "", peaks=True)
        if plain.integrated_lufs is None or plain.integrated_lufs < NEARLY_SILENT_LUFS:
            return None, ("the sound is nearly silent and was not made louder",)
        mastering = find_mastering(
            plain,
            chain.target_lufs,
            chain.true_peak_dbtp,
            lambda filters: self._meter(sound, filters, peaks=False),
        )
        if chain.target_lufs - plain.integrated_lufs > _NOISY_GAIN_DB:
            gain = chain.target_lufs - plain.integrated_lufs
            return mastering, (f"the sound is very quiet; raised by {gain:.0f} dB with its noise",)
        return mastering, ()

    def write(self, sound: ClipSound) -> tuple[Mastering | None, tuple[str, ...]]:
        """Write the sound track, put right where AAC moved it out of bounds."""
        sound = treat_sound(
            self._work.edit, sound, self._work.folder, timeout_seconds=self._work.timeout_seconds
        )
        for name, end in self._work.ends:
            media = open_bookend(name, end)
            write_bookend_sound(
                name, end, media, self._work.edit, self._work.folder, self._work.timeout_seconds
            )
        mastering, warnings = self._master(sound)
        chain = self._work.edit.audio
        for tries_left in reversed(range(_CORRECTIONS + 1)):
            self._encode(sound, mastering)
            if chain is None or mastering is None or not tries_left:
                break
            heard = measure(
                ("-i", self._work.sound_name), self._work.schedule.duration, cwd=self._work.folder
            )
            if loud_enough(heard, chain):
                break
            mastering = correct(mastering, heard, chain.target_lufs, chain.true_peak_dbtp)
        return mastering, warnings

    def _encode(self, sound: ClipSound, mastering: Mastering | None) -> None:
        loud = mastering.filters if mastering else ""
        parts = (sound.channel_filter, loud, sound_range(self._work.edit, sound.samples))
        filters = ",".join(part for part in parts if part)
        arguments = [*raw_input(sound.name), *self._filters(filters)]
        arguments += audio_options(self._work.edit)
        container = file_options(sound_container(self._work.delivery))
        run_ffmpeg(
            [*arguments, *container, self._work.sound_name],
            timeout_seconds=self._work.timeout_seconds,
            cwd=self._work.folder,
        )

    def _filters(self, filters: str) -> list[str]:
        """Filters of the clip's sound; with an intro or outro, their inputs and the join too."""
        if not self._work.ends:
            return ["-af", filters]
        others = [part for name, _ in self._work.ends for part in raw_input(f"{name}.f32")]
        graph = join_filters(self._work.parts, filters)
        return [*others, "-filter_complex", graph, "-map", "[out]"]
