"""An edit to a verified mp4: the picture in one ffmpeg process, the sound made beside it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from talkreel.core.delivery import VideoCodec
from talkreel.core.edits import Edit, LayoutKind
from talkreel.core.errors import OutputError, RenderError
from talkreel.core.media import Media
from talkreel.core.stage import Progress, silent
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.rendering.bookends import (
    LIST_NAME,
    bookend_picture_arguments,
    open_bookend,
    write_list,
)
from talkreel.rendering.encoders import (
    file_options,
    movie_options,
    picture_container,
    video_options,
)
from talkreel.rendering.enlarge import Enlarged, Region, takes_enlarged
from talkreel.rendering.measure import ClipMeasurement, measure_clip, measure_sound
from talkreel.rendering.picture_track import PictureTrack
from talkreel.rendering.schedule import make_schedule
from talkreel.rendering.sound import ClipSound, cut_sound, seeking_failed
from talkreel.rendering.sound_track import SoundTrack
from talkreel.rendering.verify import check_clip, check_sound
from talkreel.rendering.workplace import Workplace

# 4K HDR on two slow cores renders at about 1/20 of real time.
_TIMEOUT_FLOOR_SECONDS = 180.0
_TIMEOUT_PER_SECOND = 60.0
# Shares of the whole at which sound and picture are done.
_SOUND_DONE, _PICTURE_DONE = 0.06, 0.94
_PLAIN_NAME = "plain.mkv"


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
    enlarged: Enlarged | None = None,
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
        enlarged: the frames that the edit wants enlarged by a network.

    Raises:
        RenderError: another source, ffmpeg failed, or the file did not verify.
        OutputError: ``out`` cannot be written.
    """
    out = Path(out).absolute()
    _check_source(edit, media)
    if out.is_dir():
        raise OutputError(f"{str(out)!r} is a folder: give the path of an mp4 file")
    _check_enlarged(edit, enlarged)
    with _scratch(out) as folder:
        job = _Job(edit, media, folder, progress, timeout_seconds, enlarged)
        measured, warnings = job.run(picture)
        try:
            os.replace(folder / job.work.clip_name, out)
        except OSError as error:
            raise OutputError(f"cannot write {str(out)!r}: {error.strerror}") from error
    progress(1.0)
    words = edit.captions.word_count if edit.captions else 0
    return Delivered(out, measured, words, warnings)


def render_picture(
    edit: Edit,
    media: Media,
    out: Path,
    *,
    progress: Progress = silent,
    enlarged: Enlarged | None = None,
) -> None:
    """The encoded picture of ``edit`` without its sound, as ``render`` takes it.

    Raises:
        RenderError: another source, or ffmpeg failed.
        OutputError: ``out`` cannot be written.
    """
    _check_source(edit, media)
    _check_enlarged(edit, enlarged)
    with _scratch(out) as folder:
        made = _Job(edit, media, folder, progress, None, enlarged).picture_alone()
        os.replace(made, out)


def render_plain(
    edit: Edit, media: Media, region: Region, out: Path, *, progress: Progress = silent
) -> None:
    """The frames of ``edit`` as the source has them, mended, for a network to enlarge.

    Frame ``n`` of ``out`` (see ``media.lossless``) is frame ``n`` of the clip.

    Raises:
        RenderError: another source, or ffmpeg failed.
        OutputError: ``out`` cannot be written.
    """
    _check_source(edit, media)
    with _scratch(out) as folder:
        os.replace(_Job(edit, media, folder, progress, None).plain_frames(region), out)


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


def _check_enlarged(edit: Edit, enlarged: Enlarged | None) -> None:
    if takes_enlarged(edit) and enlarged is None:
        raise RenderError(
            f"the edit {edit.id!r} wants its picture enlarged by a network, and no frames were "
            "enlarged for it"
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
    """One clip, from its scratch folder to a verified file in it."""

    def __init__(
        self,
        edit: Edit,
        media: Media,
        folder: Path,
        progress: Progress,
        timeout_seconds: float | None,
        enlarged: Enlarged | None = None,
    ) -> None:
        schedule = make_schedule(edit, media)
        timeout = timeout_seconds or (
            _TIMEOUT_FLOOR_SECONDS + _TIMEOUT_PER_SECOND * schedule.duration
        )
        self.work = Workplace(edit, media, folder, schedule, timeout, enlarged)
        self._progress = progress

    def run(self, picture: Path | None = None) -> tuple[ClipMeasurement, tuple[str, ...]]:
        sound = self._open()
        work = self.work
        if work.delivery.video is VideoCodec.NONE:
            return self._sound_alone(sound)
        with ThreadPoolExecutor(1, thread_name_prefix="sound") as beside:
            made = beside.submit(SoundTrack(work).write, sound)
            if picture is None:
                PictureTrack(work, self._picture_progress).write(sound)
            else:
                shutil.copyfile(picture, work.folder / work.picture_name)
            mastering, warnings = made.result()
        self._join()
        got = measure_clip(work.folder / work.clip_name)
        self._progress(0.99)
        checked = check_clip(
            got,
            work.edit,
            work.media,
            work.schedule,
            sound_expected=not sound.silent,
            mastered=mastering is not None,
        )
        return got, (*sound.warnings, *warnings, *checked)

    def picture_alone(self) -> Path:
        sound = self._open()
        PictureTrack(self.work, self._picture_progress).write(sound)
        return self.work.folder / self.work.picture_name

    def plain_frames(self, region: Region) -> Path:
        sound = self._open()
        PictureTrack(self.work, self._picture_progress).write_plain(sound, region, _PLAIN_NAME)
        return self.work.folder / _PLAIN_NAME

    def _open(self) -> ClipSound:
        """The clip's sound as the source has it, with what opening the source told."""
        sound = self._cut()
        if seeking_failed(sound.log):
            self.work = replace(self.work, schedule=replace(self.work.schedule, seekable=False))
            sound = self._cut()
        self._progress(_SOUND_DONE)
        return sound

    def _sound_alone(self, sound: ClipSound) -> tuple[ClipMeasurement, tuple[str, ...]]:
        work = self.work
        mastering, warnings = SoundTrack(work).write(sound)
        os.replace(work.folder / work.sound_name, work.folder / work.clip_name)
        got = measure_sound(work.folder / work.clip_name)
        checked = check_sound(
            got,
            work.edit,
            work.schedule.duration,
            sound_expected=not sound.silent,
            mastered=mastering is not None,
        )
        return got, (*sound.warnings, *warnings, *checked)

    def _cut(self) -> ClipSound:
        work = self.work
        return cut_sound(
            work.edit,
            work.media,
            work.schedule,
            work.folder,
            timeout_seconds=work.timeout_seconds,
            progress=lambda share: self._progress(share * _SOUND_DONE),
        )

    def _picture_progress(self, share: float) -> None:
        self._progress(_SOUND_DONE + share * (_PICTURE_DONE - _SOUND_DONE))

    def _join(self) -> None:
        """Picture and sound into one file that starts playing before it is loaded."""
        work = self.work
        picture = ["-i", work.picture_name]
        if work.ends:
            picture = ["-f", "concat", "-i", self._join_bookends()]
        arguments = [*picture, "-i", work.sound_name, "-map", "0:v", "-map", "1:a"]
        arguments += ["-c", "copy", *movie_options(work.edit)]
        run_ffmpeg(
            [*arguments, *file_options(work.delivery.container), work.clip_name],
            timeout_seconds=work.timeout_seconds,
            cwd=work.folder,
        )

    def _join_bookends(self) -> str:
        """The picture with its intro and outro; returns the name of the list of them."""
        work = self.work
        suffix = picture_container(work.delivery)
        for name, end in work.ends:
            fitted = bookend_picture_arguments(
                end, open_bookend(name, end), work.edit.canvas, work.pixels
            )
            options = [*video_options(work.edit, work.pixels), *file_options(suffix)]
            run_ffmpeg(
                [*fitted, *options, f"{name}.{suffix}"],
                timeout_seconds=work.timeout_seconds,
                cwd=work.folder,
            )
        names = {"clip": work.picture_name}
        write_list(work.folder, [names.get(n, f"{n}.{suffix}") for n in work.parts])
        return LIST_NAME
