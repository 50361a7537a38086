"""A clip's picture track: everything that is opened, the graph, and one ffmpeg run."""

from __future__ import annotations

from collections.abc import Sequence

from talkreel.core.edits import LayoutKind
from talkreel.core.media import Colour
from talkreel.core.stage import Progress
from talkreel.media.ffmpeg import input_options, run_ffmpeg
from talkreel.media.fonts import gather_fonts
from talkreel.media.lossless import LOSSLESS_OPTIONS
from talkreel.rendering.ass import ass_script, caption_fonts, check_fonts
from talkreel.rendering.broll import broll_inputs
from talkreel.rendering.colour import LUT_NAME, SourceColour, read_colour
from talkreel.rendering.encoders import file_options, picture_container, video_options
from talkreel.rendering.enlarge import Region
from talkreel.rendering.graph import (
    CAPTIONS_NAME,
    FONTS_NAME,
    picture_graph,
    plain_graph,
    shake_graph,
)
from talkreel.rendering.hdr_text import hdr_script
from talkreel.rendering.logo import logo_input
from talkreel.rendering.overlay import overlay_graph
from talkreel.rendering.schedule import seek_seconds
from talkreel.rendering.sound import ClipSound
from talkreel.rendering.stickers import sticker_inputs
from talkreel.rendering.tonemap import find_peak, write_lut
from talkreel.rendering.waveform import WAVE_NAME, draw_waveform, strip_size
from talkreel.rendering.workplace import Workplace

_GRAPH_NAME = "graph.txt"
_SHAKE_GRAPH_NAME = "shake.txt"
_NOWHERE = ("-f", "null", "-")


class PictureTrack:
    """Makes the picture of one clip."""

    def __init__(self, work: Workplace, progress: Progress) -> None:
        self._work, self._progress = work, progress

    def write(self, sound: ClipSound) -> None:
        """Encode the picture; ``sound`` tells what opening the source told."""
        edit, schedule = self._work.edit, self._work.schedule
        if self._work.delivery.overlay:
            self._write_captions("")
            inputs: list[str] = []
            graph = overlay_graph(edit.canvas, schedule.frames)
        else:
            inputs, graph = self._whole_picture(sound)
        (self._work.folder / _GRAPH_NAME).write_text(graph, encoding="utf-8")
        arguments = [*inputs, "-/filter_complex", _GRAPH_NAME, "-map", "[picture]"]
        container = file_options(picture_container(self._work.delivery))
        run_ffmpeg(
            [
                *arguments,
                *video_options(edit, self._work.pixels),
                *container,
                self._work.picture_name,
            ],
            timeout_seconds=self._work.timeout_seconds,
            expected_seconds=schedule.duration,
            progress=self._progress,
            cwd=self._work.folder,
        )

    def write_plain(self, sound: ClipSound, region: Region, name: str) -> None:
        """Write the clip's frames as the source has them, mended, RGB without loss."""
        work = self._work
        inputs, colours = self._stretch_inputs(), self._colours(sound)
        if work.edit.picture.steady:
            self._find_shake(inputs, colours)
        graph = plain_graph(work.edit, work.media, work.schedule, colours, region)
        (work.folder / _GRAPH_NAME).write_text(graph, encoding="utf-8")
        arguments = [*inputs, "-/filter_complex", _GRAPH_NAME, "-map", "[picture]"]
        run_ffmpeg(
            [*arguments, "-fps_mode", "passthrough", *LOSSLESS_OPTIONS, name],
            timeout_seconds=work.timeout_seconds,
            expected_seconds=work.schedule.duration,
            progress=self._progress,
            cwd=work.folder,
        )

    def _whole_picture(self, sound: ClipSound) -> tuple[list[str], str]:
        """Arguments that open everything the picture is made of, and its graph."""
        edit, schedule = self._work.edit, self._work.schedule
        inputs, waveform_input = self._picture_inputs()
        colours = self._colours(sound)
        if edit.picture.steady and self._work.enlarged is None:
            self._find_shake(inputs, colours)
        broll_input = inputs.count("-i")
        inputs += broll_inputs(edit, schedule, self._work.folder)
        logo_number = inputs.count("-i")
        if edit.graphics.logo is not None:
            inputs += logo_input(edit.graphics.logo, edit.canvas, self._work.folder)
        inputs += sticker_inputs(edit, self._work.folder)
        title = edit.title if self._shows_waveform() else ""
        self._write_captions(title)
        graph = picture_graph(
            edit,
            self._work.media,
            schedule,
            colours,
            waveform_input=waveform_input,
            broll_input=broll_input,
            logo_input=logo_number,
            drawn=edit.captions is not None or bool(title) or bool(edit.graphics.cards),
            enlarged=self._work.enlarged,
        )
        return inputs, graph

    def _find_shake(self, inputs: Sequence[str], colours: SourceColour) -> None:
        """Read the clip's frames once before, and write down how the camera shakes."""
        graph = shake_graph(self._work.media, self._work.schedule, colours)
        (self._work.folder / _SHAKE_GRAPH_NAME).write_text(graph, encoding="utf-8")
        run_ffmpeg(
            [*inputs, "-/filter_complex", _SHAKE_GRAPH_NAME, "-map", "[picture]", *_NOWHERE],
            timeout_seconds=self._work.timeout_seconds,
            cwd=self._work.folder,
        )

    def _picture_inputs(self) -> tuple[list[str], int | None]:
        """Arguments that open the stretches and the drawn waveform, and the latter's number."""
        enlarged = self._work.enlarged
        if enlarged is None:
            inputs = self._stretch_inputs()
        else:
            inputs = ["-protocol_whitelist", "file", "-i", f"file:{enlarged.path}"]
        number = inputs.count("-i")
        if not self._shows_waveform():
            return inputs, None
        canvas, frames = self._work.edit.canvas, self._work.schedule.frames
        raw = self._work.folder / "sound.f32"
        draw_waveform(raw, canvas, frames, self._work.folder / WAVE_NAME)
        width, height = strip_size(canvas, frames)
        inputs += ["-f", "rawvideo", "-pixel_format", "yuv420p", "-framerate"]
        inputs += [str(canvas.frame_rate), "-video_size", f"{width}x{height}", "-i", WAVE_NAME]
        return inputs, number

    def _stretch_inputs(self) -> list[str]:
        """Arguments that open the source once for each stretch."""
        inputs: list[str] = []
        needs_picture = any(x.kind is not LayoutKind.WAVEFORM for x in self._work.edit.layouts)
        for stretch in self._work.schedule.stretches if needs_picture else ():
            seek = seek_seconds(stretch, self._work.schedule, self._work.media)
            # Frames before the seek are wanted too: the one on screen may have begun there.
            # A call recording that changes its size on the way must not restart the graph.
            inputs += ["-noaccurate_seek", "-reinit_filter", "0"]
            inputs += [*input_options(self._work.media, seek_seconds=seek)]
        return inputs

    def _shows_waveform(self) -> bool:
        return any(layout.kind is LayoutKind.WAVEFORM for layout in self._work.edit.layouts)

    def _write_captions(self, title: str) -> None:
        captions, cards = self._work.edit.captions, self._work.edit.graphics.cards
        script = ass_script(
            captions,
            self._work.edit.canvas,
            self._work.edit.time_map,
            self._work.schedule.frames,
            title=title,
            cards=cards,
        )
        if self._work.pixels.colour is not Colour.SDR:
            script = hdr_script(script, self._work.pixels.colour)
        (self._work.folder / CAPTIONS_NAME).write_text(script, encoding="utf-8")
        check_fonts(captions, cards)
        gather_fonts(self._work.folder / FONTS_NAME, caption_fonts(captions, cards))

    def _colours(self, sound: ClipSound) -> SourceColour:
        video = self._work.media.video
        if video is None:
            return SourceColour()
        if video.colour is not Colour.SDR and self._work.pixels.colour is Colour.SDR:
            peak = find_peak(self._work.media, self._work.schedule, self._work.timeout_seconds)
            write_lut(self._work.folder / LUT_NAME, video.colour, peak)
        return read_colour(sound.log, video.index)
