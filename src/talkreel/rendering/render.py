"""An edit to a verified mp4: the picture in one ffmpeg process, the sound made beside it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from talkreel.core.delivery import VideoCodec
from talkreel.core.edits import Edit, LayoutKind
from talkreel.core.errors import OutputError, RenderError
from talkreel.core.media import Colour, Media
from talkreel.core.stage import Progress, silent
from talkreel.media.ffmpeg import input_options, run_ffmpeg
from talkreel.media.fonts import gather_fonts
from talkreel.rendering.ass import ass_script, caption_fonts, check_fonts
from talkreel.rendering.bookends import (
    LIST_NAME,
    bookend_picture_arguments,
    bookends,
    join_filters,
    open_bookend,
    write_bookend_sound,
    write_list,
)
from talkreel.rendering.broll import broll_inputs
from talkreel.rendering.colour import LUT_NAME, SourceColour, read_colour
from talkreel.rendering.encoders import (
    audio_options,
    file_options,
    movie_options,
    picture_container,
    sound_container,
    sound_range,
    video_options,
)
from talkreel.rendering.graph import CAPTIONS_NAME, FONTS_NAME, picture_graph, shake_graph
from talkreel.rendering.hdr_text import hdr_script
from talkreel.rendering.logo import logo_input
from talkreel.rendering.loudness import (
    NEARLY_SILENT_LUFS,
    Loudness,
    Mastering,
    correct,
    find_mastering,
    measure,
)
from talkreel.rendering.measure import ClipMeasurement, measure_clip, measure_sound
from talkreel.rendering.overlay import overlay_graph
from talkreel.rendering.pixels import Pixels
from talkreel.rendering.schedule import make_schedule, seek_seconds
from talkreel.rendering.sound import ClipSound, cut_sound, raw_input, seeking_failed
from talkreel.rendering.stickers import sticker_inputs
from talkreel.rendering.tonemap import find_peak, write_lut
from talkreel.rendering.verify import check_clip, check_sound, loud_enough
from talkreel.rendering.voice import treat_sound
from talkreel.rendering.waveform import WAVE_NAME, draw_waveform, strip_size

_GRAPH_NAME = "graph.txt"
_SHAKE_GRAPH_NAME = "shake.txt"
_NOWHERE = ("-f", "null", "-")
_CORRECTIONS = 3
_NOISY_GAIN_DB = 24.0
# 4K HDR on two slow cores renders at about 1/20 of real time.
_TIMEOUT_FLOOR_SECONDS = 180.0
_TIMEOUT_PER_SECOND = 60.0
# Shares of the whole at which sound and picture are done.
_SOUND_DONE, _PICTURE_DONE = 0.06, 0.94


@dataclass(frozen=True, slots=True)
class Delivered:
    """A clip in its place.

    Attributes:
        path: where it is.
        measured: read back from the file.
        caption_words: words that were drawn.
        warnings: one line each.
    """

    path: Path
    measured: ClipMeasurement
    caption_words: int
    warnings: tuple[str, ...] = ()


def render(
    edit: Edit,
    media: Media,
    out: Path,
    *,
    progress: Progress = silent,
    timeout_seconds: float | None = None,
    picture: Path | None = None,
) -> Delivered:
    """Render ``edit`` to ``out``; the file appears verified and whole, or not at all.

    The same edit and media give the same bytes.

    Args:
        edit: what to make.
        media: the source, as probed; must be the one the edit was made for.
        out: path of the mp4; an existing file is replaced.
        progress: share done.
        timeout_seconds: wall-clock limit of each ffmpeg run; by default generous.
        picture: the encoded picture, where it is made already (see ``shared``).

    Raises:
        RenderError: another source, ffmpeg failed, or the file did not verify.
        OutputError: ``out`` cannot be written.
    """
    out = Path(out).absolute()
    _check_source(edit, media)
    if out.is_dir():
        raise OutputError(f"{str(out)!r} is a folder: give the path of an mp4 file")
    with _scratch(out) as folder:
        job = _Job(edit, media, folder, progress, timeout_seconds)
        measured, warnings = job.run(picture)
        try:
            os.replace(folder / job.clip_name, out)
        except OSError as error:
            raise OutputError(f"cannot write {str(out)!r}: {error.strerror}") from error
    progress(1.0)
    words = edit.captions.word_count if edit.captions else 0
    return Delivered(out, measured, words, warnings)


def render_picture(edit: Edit, media: Media, out: Path, *, progress: Progress = silent) -> None:
    """The encoded picture of ``edit`` without its sound, as ``render`` takes it.

    Raises:
        RenderError: another source, or ffmpeg failed.
        OutputError: ``out`` cannot be written.
    """
    _check_source(edit, media)
    with _scratch(out) as folder:
        made = _Job(edit, media, folder, progress, None).picture_alone()
        os.replace(made, out)


def _check_source(edit: Edit, media: Media) -> None:
    if edit.media_digest != media.digest:
        raise RenderError(
            f"the edit {edit.id!r} was made for another file than {media.uri!r} (its sha256 is "
            f"{media.digest[:12]}, the edit wants {edit.media_digest[:12]}): give the source it "
            "was made from"
        )
    waveform = all(layout.kind is LayoutKind.WAVEFORM for layout in edit.layouts)
    if media.video is None and not waveform:
        raise RenderError(
            f"{media.uri!r} has no picture to lay out: only the waveform layout can show it"
        )
    if edit.kept[0].start < 0 or edit.kept[-1].end > media.duration + 1.0:
        raise RenderError(
            f"the edit plays {edit.kept[0].start:.2f} to {edit.kept[-1].end:.2f} s, but the source "
            f"is {media.duration:.2f} s long"
        )


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """A folder on the target's disk that goes away however this ends."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".part-", dir=out.parent))
    except OSError as error:
        raise OutputError(f"cannot write in {str(out.parent)!r}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Job:
    """One clip in one scratch folder, with plain names that no filter needs to escape."""

    def __init__(
        self,
        edit: Edit,
        media: Media,
        folder: Path,
        progress: Progress,
        timeout_seconds: float | None,
    ) -> None:
        self._edit, self._media, self._folder = edit, media, folder
        self._progress = progress
        self._delivery, self._pixels = edit.encoding.delivery, Pixels.of(edit, media)
        self.clip_name = f"clip.{self._delivery.container}"
        self._picture_name = f"picture.{picture_container(self._delivery)}"
        self._sound_name = f"sound.{sound_container(self._delivery)}"
        self._schedule = make_schedule(edit, media)
        alone = self._delivery.overlay or self._delivery.video is VideoCodec.NONE
        self._ends = [] if alone else bookends(edit)
        self._timeout = timeout_seconds or (
            _TIMEOUT_FLOOR_SECONDS + _TIMEOUT_PER_SECOND * self._schedule.duration
        )

    def run(self, picture: Path | None = None) -> tuple[ClipMeasurement, tuple[str, ...]]:
        sound = self._opened()
        if self._delivery.video is VideoCodec.NONE:
            return self._sound_alone(sound)
        with ThreadPoolExecutor(1, thread_name_prefix="sound") as beside:
            made = beside.submit(self._make_sound, sound)
            if picture is None:
                self._encode_picture(sound)
            else:
                shutil.copyfile(picture, self._folder / self._picture_name)
            mastering, warnings = made.result()
        self._join()
        got = measure_clip(self._folder / self.clip_name)
        self._progress(0.99)
        checked = check_clip(
            got,
            self._edit,
            self._media,
            self._schedule,
            sound_expected=not sound.silent,
            mastered=mastering is not None,
        )
        return got, (*sound.warnings, *warnings, *checked)

    def picture_alone(self) -> Path:
        self._encode_picture(self._opened())
        return self._folder / self._picture_name

    def _opened(self) -> ClipSound:
        """The clip's sound as the source has it, with what opening the source told."""
        sound = self._cut()
        if seeking_failed(sound.log):
            self._schedule = replace(self._schedule, seekable=False)
            sound = self._cut()
        self._progress(_SOUND_DONE)
        return sound

    def _sound_alone(self, sound: ClipSound) -> tuple[ClipMeasurement, tuple[str, ...]]:
        mastering, warnings = self._make_sound(sound)
        os.replace(self._folder / self._sound_name, self._folder / self.clip_name)
        got = measure_sound(self._folder / self.clip_name)
        checked = check_sound(
            got,
            self._edit,
            self._schedule.duration,
            sound_expected=not sound.silent,
            mastered=mastering is not None,
        )
        return got, (*sound.warnings, *warnings, *checked)

    def _cut(self) -> ClipSound:
        return cut_sound(
            self._edit,
            self._media,
            self._schedule,
            self._folder,
            timeout_seconds=self._timeout,
            progress=lambda share: self._progress(share * _SOUND_DONE),
        )

    def _meter(self, sound: ClipSound, filters: str, *, peaks: bool) -> Loudness:
        chain = ",".join(part for part in (sound.channel_filter, filters) if part)
        source = raw_input(sound.name)
        return measure(source, self._schedule.duration, chain, cwd=self._folder, peaks=peaks)

    def _master(self, sound: ClipSound) -> tuple[Mastering | None, tuple[str, ...]]:
        """How the sound is made as loud as wanted; None where there is nothing to make loud."""
        chain = self._edit.audio
        if chain is None or sound.silent:
            there = self._media.audio is not None and chain is not None
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

    def _make_sound(self, sound: ClipSound) -> tuple[Mastering | None, tuple[str, ...]]:
        """Write the sound track, put right where AAC moved it out of bounds."""
        sound = treat_sound(self._edit, sound, self._folder, timeout_seconds=self._timeout)
        for name, end in self._ends:
            media = open_bookend(name, end)
            write_bookend_sound(name, end, media, self._edit, self._folder, self._timeout)
        mastering, warnings = self._master(sound)
        chain = self._edit.audio
        for tries_left in reversed(range(_CORRECTIONS + 1)):
            self._encode_sound(sound, mastering)
            if chain is None or mastering is None or not tries_left:
                break
            heard = measure(("-i", self._sound_name), self._schedule.duration, cwd=self._folder)
            if loud_enough(heard, chain):
                break
            mastering = correct(mastering, heard, chain.target_lufs, chain.true_peak_dbtp)
        return mastering, warnings

    def _encode_sound(self, sound: ClipSound, mastering: Mastering | None) -> None:
        loud = mastering.filters if mastering else ""
        parts = (sound.channel_filter, loud, sound_range(self._edit, sound.samples))
        filters = ",".join(part for part in parts if part)
        arguments = [*raw_input(sound.name), *self._sound_filters(filters)]
        arguments += audio_options(self._edit)
        container = file_options(sound_container(self._delivery))
        run_ffmpeg(
            [*arguments, *container, self._sound_name],
            timeout_seconds=self._timeout,
            cwd=self._folder,
        )

    def _sound_filters(self, filters: str) -> list[str]:
        """Filters of the clip's sound; with an intro or outro, their inputs and the join too."""
        if not self._ends:
            return ["-af", filters]
        others = [part for name, _ in self._ends for part in raw_input(f"{name}.f32")]
        graph = join_filters(self._parts(), filters)
        return [*others, "-filter_complex", graph, "-map", "[out]"]

    def _parts(self) -> list[str]:
        """Intro, clip and outro, those that there are."""
        names = [name for name, _ in self._ends]
        return [*(n for n in names if n == "intro"), "clip", *(n for n in names if n == "outro")]

    def _join_bookends(self) -> str:
        """The picture with its intro and outro; returns the file's name."""
        suffix = picture_container(self._delivery)
        for name, end in self._ends:
            fitted = bookend_picture_arguments(
                end, open_bookend(name, end), self._edit.canvas, self._pixels
            )
            run_ffmpeg(
                [
                    *(*fitted, *video_options(self._edit, self._pixels)),
                    *(*file_options(suffix), f"{name}.{suffix}"),
                ],
                timeout_seconds=self._timeout,
                cwd=self._folder,
            )
        names = {"clip": self._picture_name}
        write_list(self._folder, [names.get(n, f"{n}.{suffix}") for n in self._parts()])
        return LIST_NAME

    def _encode_picture(self, sound: ClipSound) -> None:
        edit, schedule = self._edit, self._schedule
        if self._delivery.overlay:
            self._write_captions("")
            inputs: list[str] = []
            graph = overlay_graph(edit.canvas, schedule.frames)
        else:
            inputs, graph = self._whole_picture(sound)
        (self._folder / _GRAPH_NAME).write_text(graph, encoding="utf-8")
        arguments = [*inputs, "-/filter_complex", _GRAPH_NAME, "-map", "[picture]"]
        container = file_options(picture_container(self._delivery))
        run_ffmpeg(
            [*arguments, *video_options(edit, self._pixels), *container, self._picture_name],
            timeout_seconds=self._timeout,
            expected_seconds=schedule.duration,
            progress=lambda share: self._progress(
                _SOUND_DONE + share * (_PICTURE_DONE - _SOUND_DONE)
            ),
            cwd=self._folder,
        )

    def _whole_picture(self, sound: ClipSound) -> tuple[list[str], str]:
        """Arguments that open everything the picture is made of, and its graph."""
        edit, schedule = self._edit, self._schedule
        inputs, waveform_input = self._picture_inputs()
        colours = self._colours(sound)
        if edit.picture.steady:
            self._find_shake(inputs, colours)
        broll_input = inputs.count("-i")
        inputs += broll_inputs(edit, schedule, self._folder)
        logo_number = inputs.count("-i")
        if edit.graphics.logo is not None:
            inputs += logo_input(edit.graphics.logo, edit.canvas, self._folder)
        inputs += sticker_inputs(edit, self._folder)
        title = edit.title if self._shows_waveform() else ""
        self._write_captions(title)
        graph = picture_graph(
            edit,
            self._media,
            schedule,
            colours,
            waveform_input=waveform_input,
            broll_input=broll_input,
            logo_input=logo_number,
            drawn=edit.captions is not None or bool(title) or bool(edit.graphics.cards),
        )
        return inputs, graph

    def _find_shake(self, inputs: Sequence[str], colours: SourceColour) -> None:
        """Read the clip's frames once before, and write down how the camera shakes."""
        graph = shake_graph(self._media, self._schedule, colours)
        (self._folder / _SHAKE_GRAPH_NAME).write_text(graph, encoding="utf-8")
        run_ffmpeg(
            [*inputs, "-/filter_complex", _SHAKE_GRAPH_NAME, "-map", "[picture]", *_NOWHERE],
            timeout_seconds=self._timeout,
            cwd=self._folder,
        )

    def _join(self) -> None:
        """Picture and sound into one file that starts playing before it is loaded."""
        picture = ["-i", self._picture_name]
        if self._ends:
            picture = ["-f", "concat", "-i", self._join_bookends()]
        arguments = [*picture, "-i", self._sound_name, "-map", "0:v", "-map", "1:a"]
        arguments += ["-c", "copy", *movie_options(self._edit)]
        run_ffmpeg(
            [*arguments, *file_options(self._delivery.container), self.clip_name],
            timeout_seconds=self._timeout,
            cwd=self._folder,
        )

    def _picture_inputs(self) -> tuple[list[str], int | None]:
        """Arguments that open the stretches and the drawn waveform, and the latter's number."""
        inputs: list[str] = []
        needs_picture = any(x.kind is not LayoutKind.WAVEFORM for x in self._edit.layouts)
        stretches = self._schedule.stretches if needs_picture else ()
        for stretch in stretches:
            seek = seek_seconds(stretch, self._schedule, self._media)
            # Frames before the seek are wanted too: the one on screen may have begun there.
            # A call recording that changes its size on the way must not restart the graph.
            inputs += ["-noaccurate_seek", "-reinit_filter", "0"]
            inputs += [*input_options(self._media, seek_seconds=seek)]
        if not self._shows_waveform():
            return inputs, None
        canvas, frames = self._edit.canvas, self._schedule.frames
        raw = self._folder / "sound.f32"
        draw_waveform(raw, canvas, frames, self._folder / WAVE_NAME)
        width, height = strip_size(canvas, frames)
        inputs += ["-f", "rawvideo", "-pixel_format", "yuv420p", "-framerate"]
        inputs += [str(canvas.frame_rate), "-video_size", f"{width}x{height}", "-i", WAVE_NAME]
        return inputs, len(stretches)

    def _shows_waveform(self) -> bool:
        return any(layout.kind is LayoutKind.WAVEFORM for layout in self._edit.layouts)

    def _write_captions(self, title: str) -> None:
        captions, cards = self._edit.captions, self._edit.graphics.cards
        script = ass_script(
            captions,
            self._edit.canvas,
            self._edit.time_map,
            self._schedule.frames,
            title=title,
            cards=cards,
        )
        if self._pixels.colour is not Colour.SDR:
            script = hdr_script(script, self._pixels.colour)
        (self._folder / CAPTIONS_NAME).write_text(script, encoding="utf-8")
        check_fonts(captions, cards)
        gather_fonts(self._folder / FONTS_NAME, caption_fonts(captions, cards))

    def _colours(self, sound: ClipSound) -> SourceColour:
        video = self._media.video
        if video is None:
            return SourceColour()
        if video.colour is not Colour.SDR and self._pixels.colour is Colour.SDR:
            peak = find_peak(self._media, self._schedule, self._timeout)
            write_lut(self._folder / LUT_NAME, video.colour, peak)
        return read_colour(sound.log, video.index)
