"""``--enhance picture``: measure the picture of a clip, mend what gains by it, and say so."""

from __future__ import annotations

from dataclasses import replace

from talkreel.core.edits import Edit, LayoutKind
from talkreel.core.media import Colour, VideoStream
from talkreel.core.picture import Grade, PictureChain
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
    grades = _grades(work, shots)
    denoise = denoising(facts.noise)
    sharpen = sharpening(facts.blur, facts.noise)
    one_run = len(edit.kept) == 1 and len(shots) == 1
    steady = one_run and facts.shake >= LEAST_SHAKE
    enlarged = _enlarged(edit, video)
    chain = PictureChain(denoise, grades, sharpen, steady, lanczos=enlarged > _LEAST_ENLARGED)
    done, left = [], []
    if grades:
        done.append(
            f"exposure and colour of {_count(len(grades), 'shot')} matched to the longest "
            "of the same place"
        )
    else:
        left.append("no two shots of one place differ in exposure or colour")
    told = f"{enlarged:.1f} times its size at most"
    if chain.lanczos:
        done.append(f"{told}, enlarged by Lanczos' kernel")
    else:
        left.append(f"{told}: nothing to win by enlarging otherwise")
    told = f"noise of {facts.noise:.1f} of 255"
    if denoise:
        done.append(f"{told} taken down")
    else:
        left.append(f"{told} left (from {LEAST_NOISE} it is taken down)")
    told = f"softness {facts.blur:.2f}"
    if sharpen:
        done.append(f"{told} sharpened by {sharpen:.2f}")
    else:
        left.append(f"{told} left (from {LEAST_BLUR} it is sharpened, unless there is noise)")
    told = f"shake of {100 * facts.shake:.1f} % of the width"
    if steady:
        done.append(f"{told} steadied")
    elif facts.shake >= LEAST_SHAKE:
        left.append(f"{told} left, as the clip has joins or cuts")
    else:
        left.append(f"{told} left (from {100 * LEAST_SHAKE:.1f} % it is steadied)")
    return noted(
        replace(edit, picture=chain), FEATURE, "; ".join([*done, *left]), applied=bool(done)
    )


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
