"""The kept sound of a clip as one raw 48 kHz stereo file, cut to the sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from talkreel.core.edits import Edit
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.media.ffmpeg import input_options, run_ffmpeg
from talkreel.rendering.schedule import Schedule, Stretch, seek_seconds

RATE = 48_000
RAW_NAME = "sound.f32"
_RAW_FORMAT = ("-c:a", "pcm_f32le", "-ar", str(RATE), "-ac", "2")
# Decoders need some packets before the first sample is right (AAC overlap, MP3 reservoir).
_LEAD_SECONDS = 0.5
# A time stamp off by more than this is a gap or an overlap, not jitter.
_GAP_SECONDS = 0.04
# A channel this much weaker (dB) than the other carries no part of the speech.
_ONE_SIDED_DB = 25.0
_SILENT_DBFS = -90.0
_BLOCK = RATE * 4


def seeking_failed(ffmpeg_log: str) -> bool:
    """Whether ffmpeg could not seek in a file (index lost with a cut-off end)."""
    return "could not seek to position" in ffmpeg_log


@dataclass(frozen=True, slots=True)
class ClipSound:
    """The cut sound.

    Attributes:
        samples: per channel.
        channel_filter: brings one-sided sound to both sides; empty where nothing is wrong.
        silent: whether there is nothing but digital silence.
        log: what ffmpeg printed while cutting.
        warnings: one line each.
        name: of the raw file.
    """

    samples: int
    channel_filter: str
    silent: bool
    log: str
    warnings: tuple[str, ...] = ()
    name: str = RAW_NAME


def raw_input(name: str) -> list[str]:
    """Arguments that open a raw file of that name."""
    return ["-f", "f32le", "-ar", str(RATE), "-ch_layout", "stereo", "-i", name]


def cut_sound(
    edit: Edit,
    media: Media,
    schedule: Schedule,
    folder: Path,
    *,
    timeout_seconds: float,
    progress: Progress = silent,
) -> ClipSound:
    """Write ``sound.f32`` into ``folder``: what is kept, with its fades, as long as the picture.

    A source without sound gives silence, so that every clip has the sound track that players
    and upload sites expect.

    Raises:
        RenderError: ffmpeg failed.
    """
    total = round(schedule.frames / schedule.rate * RATE)
    if media.audio is None or edit.audio is None:
        (folder / RAW_NAME).write_bytes(bytes(total * 8))
        log = _open_only(media, schedule, folder, timeout_seconds)
        return ClipSound(total, "", True, log)
    reads = [_read_arguments(media, schedule, stretch) for stretch in schedule.stretches]
    run = partial(run_ffmpeg, timeout_seconds=timeout_seconds, cwd=folder)
    log = run(
        _cut_arguments(edit, schedule, reads, media.audio.index, total),
        expected_seconds=schedule.duration,
        progress=progress,
    ).stderr
    if "Reconfiguring filter graph" in log:
        # The sound changes its format on the way, which restarts the graph and loses count:
        # bring each stretch to one format first.
        for number, (arguments, seek) in enumerate(reads):
            steady = f"steady{number}.nut"
            run([*arguments, "-map", f"0:{media.audio.index}", *_RAW_FORMAT, "-f", "nut", steady])
            reads[number] = (["-copyts", "-f", "nut", "-i", steady], seek)
        run(_cut_arguments(edit, schedule, reads, 0, total))
    return _look_at(folder / RAW_NAME, total, log)


def _read_arguments(media: Media, schedule: Schedule, stretch: Stretch) -> tuple[list[str], float]:
    """What opens the sound of a stretch, and the source second at which that begins."""
    seek = seek_seconds(stretch, schedule, media, lead=_LEAD_SECONDS)
    length = stretch.spans[-1].end - (seek or 0.0) + _LEAD_SECONDS
    return ["-t", f"{length:.6f}", *input_options(media, seek_seconds=seek)], seek or 0.0


def _cut_arguments(
    edit: Edit,
    schedule: Schedule,
    reads: Sequence[tuple[list[str], float]],
    stream: int,
    total: int,
) -> list[str]:
    assert edit.audio is not None
    half = _half_crossfade(edit)
    chains = [
        _stretch_chain(number, stream, stretch, seek, edit.kept, half)
        for number, (stretch, (_, seek)) in enumerate(zip(schedule.stretches, reads, strict=True))
    ]
    parts = "".join(
        f"[c{number}_{i}]"
        for number, stretch in enumerate(schedule.stretches)
        for i in range(len(stretch.spans))
    )
    fades = _fades(total / RATE, edit.audio.fade_in, edit.audio.fade_out)
    chains.append(
        f"{parts}{_joined(len(edit.kept), half)},"
        f"apad=whole_len={total},atrim=end_sample={total}{fades}[out]"
    )
    inputs = [argument for arguments, _ in reads for argument in arguments]
    graph = ["-filter_complex", ";".join(chains), "-map", "[out]"]
    return [*inputs, *graph, "-c:a", "pcm_f32le", "-f", "f32le", RAW_NAME]


def _open_only(media: Media, schedule: Schedule, folder: Path, timeout_seconds: float) -> str:
    """What ffmpeg prints of the file's streams."""
    if media.video is None:
        return ""
    seek = seek_seconds(schedule.stretches[0], schedule, media)
    arguments = [*input_options(media, seek_seconds=seek), "-map", f"0:{media.video.index}"]
    arguments += ["-c", "copy"]
    return run_ffmpeg(
        [*arguments, "-frames:v", "1", "-f", "null", "-"],
        timeout_seconds=timeout_seconds,
        cwd=folder,
    ).stderr


def _half_crossfade(edit: Edit) -> int:
    """Samples by which the pieces on both sides of a join reach over it."""
    assert edit.audio is not None
    shortest = min(span.duration for span in edit.kept)
    return round(min(edit.audio.join_fade, shortest) / 2 * RATE)


def _joined(pieces: int, half: int) -> str:
    """The filter that puts the pieces in a row.

    Equal power, for what is heard on the two sides of a join is not alike. The pieces are
    longer by just what they overlap, so the length stays exact over any number of joins.
    """
    if pieces > 1 and half > 0:
        return f"acrossfade=n={pieces}:ns={2 * half}:c1=qsin:c2=qsin"
    return f"concat=n={pieces}:v=0:a=1"


def _stretch_chain(
    number: int, stream: int, stretch: Stretch, seek: float, kept: Sequence[Span], half: int
) -> str:
    """Cut one stretch by sample counts, so that no rounding adds up over many joins.

    The pieces are ``[c<number>_<i>]``.
    """
    count = len(stretch.spans)
    head = (
        f"[{number}:{stream}]aresample={RATE}:async=1:first_pts=0:min_hard_comp={_GAP_SECONDS}"
        f":out_chlayout=stereo:out_sample_fmt=flt,asplit={count}"
    )
    split = "".join(f"[a{number}_{i}]" for i in range(count))
    pieces = []
    begins = np.cumsum([stretch.before, *(span.duration for span in stretch.spans)])
    marks = [round(float(begin) * RATE) for begin in begins]
    for i, (span, (a, b)) in enumerate(zip(stretch.spans, pairwise(marks), strict=True)):
        first = round((span.start - seek) * RATE)
        last = first + b - a + (half if span != kept[-1] else 0)
        # A source that opens inside the crossfade begins it with silence.
        early = half if span != kept[0] else 0
        delay = max(0, early - first)
        pad = f",adelay=delays={delay}S:all=1" if delay else ""
        pieces.append(
            f"[a{number}_{i}]apad=whole_len={last},"
            f"atrim=start_sample={max(0, first - early)}:end_sample={last},"
            f"asetpts=N/SR/TB{pad}[c{number}_{i}]"
        )
    return ";".join([head + split, *pieces])


def _fades(seconds: float, fade_in: float, fade_out: float) -> str:
    """``afade`` filters with a leading comma, shortened to fit ``seconds``."""
    most = seconds / 2
    text = ""
    if fade_in > 0:
        text += f",afade=t=in:d={min(fade_in, most):.6f}"
    if fade_out > 0:
        length = min(fade_out, most)
        text += f",afade=t=out:st={seconds - length:.6f}:d={length:.6f}"
    return text


def _look_at(raw: Path, total: int, log: str) -> ClipSound:
    """Find sound that sits on one side only, or is not there."""
    samples = np.memmap(raw, dtype=np.float32, mode="r").reshape(-1, 2)
    power = np.zeros(2)
    for first in range(0, len(samples), _BLOCK):
        block = samples[first : first + _BLOCK].astype(np.float64)
        power += np.square(block).sum(axis=0)
    level = 10 * np.log10(power / max(1, len(samples)) + 1e-20)
    if level.max() < _SILENT_DBFS:
        return ClipSound(total, "", True, log)
    if abs(level[0] - level[1]) < _ONE_SIDED_DB:
        return ClipSound(total, "", False, log)
    loud, side = (0, "left") if level[0] > level[1] else (1, "right")
    warning = f"the source speaks on the {side} side only; the clip has it on both"
    return ClipSound(total, f"pan=stereo|c0=c{loud}|c1=c{loud}", False, log, (warning,))
