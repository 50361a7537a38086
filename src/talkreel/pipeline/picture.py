"""``--enhance picture``: measure the picture of a clip, mend what gains by it, and say so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from talkreel.core.edits import Edit, LayoutKind
from talkreel.core.media import Colour, VideoStream
from talkreel.core.picture import Grade, PictureChain, Upscale
from talkreel.core.spans import Span
from talkreel.edit.picture import (
    LEAST_BLUR,
    LEAST_NOISE,
    LEAST_SHAKE,
    denoising,
    match_shots,
    sharpening,
)
from talkreel.pipeline.work import Work, noted

if TYPE_CHECKING:
    from talkreel.perceive.picture import PictureFacts

FEATURE = "enhance picture"
# A flash or a sliver of a shot is not graded.
_LEAST_SHOT_SECONDS = 0.5
_LEAST_ENLARGED = 1.05


def enhance_picture(work: Work, edit: Edit) -> Edit:
    """``edit`` with its picture mended where the measured need is large enough."""
    video = work.job.media.video
    if video is None or all(layout.kind is LayoutKind.WAVEFORM for layout in edit.layouts):
        return noted(edit, FEATURE, "the source has no picture", applied=False)
    if video.colour is not Colour.SDR:
        why = "the picture is HDR: it is mapped to SDR as it is, as its levels are not known"
        return noted(edit, FEATURE, why, applied=False)
    from talkreel.perceive.picture import VERSION, PictureFacts, picture_facts

    job = work.job
    shots = _played_shots(work, edit) or list(edit.kept)
    span = max(shots, key=lambda shot: shot.duration)
    facts = job.cache.record(
        job.key("picture facts", VERSION, span=span),
        PictureFacts,
        lambda: picture_facts(job.media, span),
    )
    enlarged = _enlarged(edit, video)
    upscale, learned = _learned(work, edit, enlarged)
    chain = PictureChain(
        denoise=denoising(facts.noise),
        grades=_grades(work, shots),
        # A network draws its edges as crisp as it was taught to.
        sharpen=0.0 if upscale else sharpening(facts.blur, facts.noise),
        steady=facts.shake >= LEAST_SHAKE and len(edit.kept) == len(shots) == 1,
        lanczos=enlarged > _LEAST_ENLARGED * (upscale.scale if upscale else 1),
        upscale=upscale,
    )
    text = "; ".join([*learned, _told(chain, facts, enlarged)])
    return noted(replace(edit, picture=chain), FEATURE, text, applied=chain != PictureChain())


def _learned(work: Work, edit: Edit, enlarged: float) -> tuple[Upscale | None, list[str]]:
    """The network that enlarges the picture, if one was given, and what to tell of it."""
    path = work.options.upscale
    if path is None:
        return None, []
    if enlarged <= _LEAST_ENLARGED:
        why = f"not enlarged by {path.name}: the clip is shown at {enlarged:.1f} times its size"
        return None, [why]
    from talkreel.pipeline.upscale import choose_upscale

    upscale, told = choose_upscale(work, edit, path)
    return upscale, [told]


def _told(chain: PictureChain, facts: PictureFacts, enlarged: float) -> str:
    """What is done, then what is left and why."""
    noise, blur = f"noise of {facts.noise:.1f} of 255", f"softness of {facts.blur:.2f}"
    shake, size = f"shake of {100 * facts.shake:.1f} % of the width", f"{enlarged:.1f} times"
    shown = f"shown at {size} its size"
    unsharpened = f"(mended from {LEAST_BLUR} on where there is no noise)"
    if chain.upscale:
        rest = enlarged / chain.upscale.scale
        size, shown = f"the rest, {rest:.1f} times,", f"shown at {rest:.1f} times what it makes"
        unsharpened = "to the network"
    matched = f"exposure and colour of {_count(len(chain.grades), 'shot')} matched"
    still = "as it is little" if facts.shake < LEAST_SHAKE else "as there are joins or cuts"
    parts = [
        (bool(chain.grades), matched, "no two shots of one place differ in exposure or colour"),
        (chain.denoise > 0, f"{noise} taken down", f"{noise} left (mended from {LEAST_NOISE} on)"),
        (
            chain.sharpen > 0,
            f"{blur} sharpened by {chain.sharpen:.2f}",
            f"{blur} left {unsharpened}",
        ),
        (chain.steady, f"{shake} steadied", f"{shake} left, {still}"),
        (chain.lanczos, f"enlarged {size} by Lanczos' kernel", shown),
    ]
    done = [text for on, text, _ in parts if on]
    return "; ".join([*done, *(text for on, _, text in parts if not on)])


def _enlarged(edit: Edit, video: VideoStream) -> float:
    """How many canvas pixels stand for one source pixel, at most."""
    widths = [
        (key.box[2] - key.box[0]) * video.width
        for layout in edit.layouts
        for path in layout.paths
        for key in path.keys
    ]
    return edit.canvas.width / min(widths)


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' if number > 1 else ''}"


def _played_shots(work: Work, edit: Edit) -> list[Span]:
    """The shots of the clip, as far as they are played, longest run of each."""
    shots = []
    for shot in work.analysis.shots:
        runs = [run for kept in edit.kept if (run := kept.intersect(shot.span)) is not None]
        if runs:
            longest = max(runs, key=lambda run: run.duration)
            if longest.duration >= _LEAST_SHOT_SECONDS:
                shots.append(longest)
    return shots


def _grades(work: Work, shots: list[Span]) -> tuple[Grade, ...]:
    if len(shots) < 2:
        return ()
    from talkreel.perceive.picture import shot_looks

    found = match_shots(shots, shot_looks(work.job.media, shots))
    return tuple(replace(grade, span=_whole_shot(work, grade.span)) for grade in found)


def _whole_shot(work: Work, run: Span) -> Span:
    return next((s.span for s in work.analysis.shots if s.span.overlap(run) > 0), run)
