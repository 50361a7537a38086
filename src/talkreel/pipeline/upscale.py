"""``--upscale``: a network enlarges what a clip shows, once; renders and exports reuse it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from talkreel.core.digests import file_sha256
from talkreel.core.edits import Edit
from talkreel.core.errors import InputError, ModelMissing, RenderError
from talkreel.core.media import Media
from talkreel.core.picture import Upscale
from talkreel.core.stage import Progress, silent
from talkreel.media.frames import FrameReader
from talkreel.media.lossless import LosslessWriter, read_lossless
from talkreel.pipeline.work import Work
from talkreel.rendering.enlarge import Enlarged, Region, takes_enlarged
from talkreel.rendering.pieces import shown_region
from talkreel.rendering.render import render_plain
from talkreel.rendering.schedule import Schedule, make_schedule
from talkreel.store.cache import StageCache, StageKey

if TYPE_CHECKING:
    from talkreel.models.super_resolution import SuperResolver

VERSION = 1
# Nobody waits longer for one clip without having been asked.
MOST_SECONDS = 2 * 3600.0
_TRIAL_PX = 256
_TRIALS = 2
_PLAIN_SHARE = 0.05  # of the work, at most, is reading the frames


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long a network takes on this machine.

    Attributes:
        seconds: for a picture of 256 x 256 pixels.
        device: ``cpu`` or ``cuda``.
    """

    seconds: float
    device: str


def check_upscale(path: Path) -> None:
    """Open the weights before anything long begins.

    Raises:
        ModelMissing: there is no such file.
        InputError: not a network that enlarges, or spandrel is not installed.
    """
    _opened(path)


def scale_of(path: Path) -> int:
    """How many pixels across the network in ``path`` makes of one.

    Raises:
        ModelMissing: there is no such file.
        InputError: not a network that enlarges, or spandrel is not installed.
    """
    return _opened(path)[1].scale


def choose_upscale(work: Work, edit: Edit, path: Path) -> tuple[Upscale | None, str]:
    """The network as it enlarges ``edit``, or None, and what to tell of it.

    Raises:
        ModelMissing: there is no such file.
        InputError: not a network that enlarges, or spandrel is not installed.
    """
    network, chosen = _opened(path)
    schedule = make_schedule(edit, work.job.media)
    region = shown_region(edit, work.job.media, schedule)
    pace = work.job.cache.record(
        work.job.key("upscale pace", VERSION, network=chosen.digest, device=network.device),
        _Pace,
        lambda: _measured(network, work.job.media, edit.kept[0].start),
    )
    each = pace.seconds * region.width * region.height / _TRIAL_PX**2
    total = each * schedule.frames
    told = (
        f"{path.name} ({network.name}, {chosen.scale} times) at about {each:.2g} s a frame on "
        f"{pace.device}, {_minutes(total)} for {schedule.frames} frames"
    )
    if total > MOST_SECONDS:
        return None, (
            f"not enlarged by {told}: more than {_minutes(MOST_SECONDS)} (a smaller network, a "
            "GPU or a shorter clip would do)"
        )
    return chosen, f"enlarged by {told}"


def enlarged_frames(
    cache: StageCache, edit: Edit, media: Media, progress: Progress = silent
) -> Enlarged | None:
    """The frames of ``edit`` as its network enlarges them; None where it wants none.

    They are made once: another style, title or export of the same frames finds them.

    Raises:
        ModelMissing: the network's file is gone.
        InputError: the file was changed, or spandrel is not installed.
        RenderError: ffmpeg failed.
    """
    upscale = edit.picture.upscale
    if upscale is None or not takes_enlarged(edit):
        return None
    schedule = make_schedule(edit, media)
    region = shown_region(edit, media, schedule)
    # Only what changes these frames.
    chain = replace(edit.picture, sharpen=0.0, lanczos=False, upscale=None)
    key = StageKey(
        media.digest,
        "enlarged",
        VERSION,
        {
            "kept": edit.kept,
            "rate": edit.canvas.frame_rate,
            "chain": chain,
            "region": region,
            "network": upscale.digest,
        },
    )

    def produce(path: Path) -> None:
        network, found = _opened(Path(upscale.path))
        if found.digest != upscale.digest:
            raise InputError(
                f"{upscale.path} is not the network this edit was made with (its content "
                "differs): put that one back, or take upscale out of the edit"
            )
        _enlarge(network, edit, media, schedule, region, path, progress)

    return Enlarged(cache.file(key, ".mkv", produce), region, upscale.scale)


def _enlarge(
    network: SuperResolver,
    edit: Edit,
    media: Media,
    schedule: Schedule,
    region: Region,
    path: Path,
    progress: Progress,
) -> None:
    """Write the enlarged frames to ``path``, holding one at a time."""
    plain = path.with_name("plain.mkv")
    render_plain(edit, media, region, plain, progress=lambda s: progress(s * _PLAIN_SHARE))
    width, height = region.width * network.scale, region.height * network.scale
    done = 0
    with LosslessWriter(path, schedule.rate, width, height) as out:
        for image in read_lossless(plain):
            out.write(network(image))
            done += 1
            progress(_PLAIN_SHARE + (1 - _PLAIN_SHARE) * done / schedule.frames)
    plain.unlink()
    if done != schedule.frames:
        raise RenderError(f"{done} of {schedule.frames} frames were read to be enlarged")


def _opened(path: Path) -> tuple[SuperResolver, Upscale]:
    from talkreel.models.super_resolution import check_weights, load_resolver

    path = path.absolute()
    check_weights(path)
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise ModelMissing(f"cannot read the network {path}: {error.strerror}") from error
    network = load_resolver(path, digest)
    return network, Upscale(str(path), digest, network.scale)


def _measured(network: SuperResolver, media: Media, seconds: float) -> _Pace:
    """The best of a few runs on a part of the clip's first picture."""
    assert media.video is not None
    with FrameReader(media, width=media.video.width) as reader:
        image = reader.at([seconds])[0].image[:_TRIAL_PX, :_TRIAL_PX]
    times = []
    for _ in range(_TRIALS + 1):  # the first one warms up
        began = time.perf_counter()
        network(image)
        times.append(time.perf_counter() - began)
    scale = _TRIAL_PX**2 / (image.shape[0] * image.shape[1])
    return _Pace(min(times[1:]) * scale, network.device)


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def steps(edit: Edit, progress: Progress) -> tuple[Progress, Progress]:
    """What to tell of enlarging and of rendering, so that both together are the whole."""
    share = 0.9 if takes_enlarged(edit) else 0.0

    def enlarging(part: float) -> None:
        progress(part * share)

    def rendering(part: float) -> None:
        progress(share + part * (1 - share))

    return enlarging, rendering
