"""One card per clip: what it is, why it was chosen and what was measured on it."""

from __future__ import annotations

from talkreel.core.candidates import Reason, SubScore
from talkreel.core.clips import Clip, Measured
from talkreel.report.markup import (
    bytes_size,
    clock,
    hue,
    label,
    length,
    link,
    percent,
    plural,
    signed,
    text,
)
from talkreel.report.texts import texts

_RING = 2 * 3.14159265 * 27  # length of the score ring, radius 27
_MOST_STRENGTHS = 3
_STRONG = 0.6  # a factor from this value on speaks for the clip


def card(clip: Clip, scorer: str, calibration: str) -> str:
    """The whole card."""
    start, end = clip.spans[0].start, clip.spans[-1].end
    cuts = plural(len(clip.spans) - 1, "pause") + " cut out" if len(clip.spans) > 1 else ""
    facts = [f"{clock(start)} to {clock(end)}", length(clip.measured.duration), cuts]
    meta = " · ".join(text(fact) for fact in facts if fact)
    return (
        f'<article class="card" id="clip-{clip.rank}" style="--h:{hue(clip.rank)}" '
        f'aria-labelledby="title-{clip.rank}">{_video(clip)}'
        f'<div class="about"><header><div><p class="rank"><span class="badge">{clip.rank}</span>'
        f"{_time_button(start, end, meta)}</p>"
        f'<h3 id="title-{clip.rank}" dir="auto">{text(clip.title)}</h3>'
        f"</div>{_dial(clip.score, scorer, calibration)}</header>"
        f"{_warnings(clip)}{_strengths(clip)}{_factors(clip)}{_said(clip)}{texts(clip)}{_notes(clip)}"
        f"{_figures(clip.measured)}{_files(clip)}</div></article>"
    )


def _video(clip: Clip) -> str:
    shape = f"{max(1, clip.measured.width)}/{max(1, clip.measured.height)}"
    return (
        f'<div class="screen" style="aspect-ratio:{shape}"><video controls playsinline '
        f'preload="metadata" poster="{link(clip.files.cover)}" src="{link(clip.files.video)}" '
        f'data-clip="{clip.rank}" aria-label="{text(f"Clip {clip.rank}: {clip.title}")}">'
        f"</video></div>"
    )


def _dial(score: int, scorer: str, calibration: str) -> str:
    note = f"Score {score} of 99 by {scorer}; {calibration}"
    return (
        f'<div class="dial" role="img" aria-label="{text(note)}" title="{text(note)}">'
        f'<svg viewBox="0 0 64 64" aria-hidden="true"><circle cx="32" cy="32" r="27"/>'
        f'<circle class="on" cx="32" cy="32" r="27" stroke-dasharray="'
        f'{_RING * score / 99:.1f} {_RING:.1f}"/></svg><b>{score}</b><small>score</small></div>'
    )


def _time_button(start: float, end: float, inner: str) -> str:
    """A button that shows a moment in the curve and the transcript; ``inner`` is markup."""
    return (
        f'<button type="button" class="at" data-a="{start:.2f}" data-b="{end:.2f}" '
        f'title="Show in the curve and the transcript">{inner}</button>'
    )


def _warnings(clip: Clip) -> str:
    return "".join(f'<p class="warn">{text(warning)}</p>' for warning in clip.warnings)


def _strengths(clip: Clip) -> str:
    """The strongest factors, by what they add to the score, with their first evidence."""
    strong = [part for part in clip.sub_scores if part.weight > 0 and part.value >= _STRONG]
    strong.sort(key=lambda part: -part.value * part.weight)
    if not strong:
        return ""
    items = "".join(f"<li>{_reason(part.reasons[0])}</li>" for part in strong[:_MOST_STRENGTHS])
    return f'<h4>Why it was chosen</h4><ul class="why">{items}</ul>'


def _factors(clip: Clip) -> str:
    if not clip.sub_scores:
        return ""
    parts = sorted(clip.sub_scores, key=lambda part: -part.weight)
    total = sum(part.weight for part in parts) or 1.0
    return f"<h4>The score, part by part</h4>{''.join(_factor(p, total) for p in parts)}"


def _factor(part: SubScore, total: float) -> str:
    value = round(part.value * 100)
    share = f"{part.weight / total * 100:.0f} % of the score"
    reasons = "".join(f"<li>{_reason(reason)}</li>" for reason in part.reasons)
    return (
        f'<details class="factor"><summary title="{text(share)}"><span>{text(label(part.name))}'
        f'</span><span class="bar"><i style="width:{value}%"></i></span><b>{value}</b></summary>'
        f'<ul class="why">{reasons}<li class="share">{text(share)}</li></ul></details>'
    )


def _reason(reason: Reason) -> str:
    button = _time_button(reason.span.start, reason.span.end, clock(reason.span.start))
    words = f" <q>{text(reason.words)}</q>" if reason.words else ""
    return f"{button} {text(reason.text)}{words}"


def _said(clip: Clip) -> str:
    if not clip.text:
        return ""
    said = f'<p dir="auto">{text(clip.text)}</p>'
    return f"<details><summary>What is said</summary>{said}</details>"


def _notes(clip: Clip) -> str:
    """What became of the features that were asked for."""
    if not clip.notes:
        return ""
    items = "".join(
        f'<li class="{"done" if note.applied else "left"}"><b>{text(note.feature)}</b> '
        f"{text(note.text)}</li>"
        for note in clip.notes
    )
    return f'<h4>Craft</h4><ul class="craft">{items}</ul>'


def _figures(measured: Measured) -> str:
    offset = f"{measured.av_offset * 1000:+.0f} ms"
    loudness = measured.integrated_lufs
    peak = measured.true_peak_dbtp
    rows = (
        ("Duration", f"{measured.duration:.2f} s"),
        ("Picture", f"{measured.width}×{measured.height}, {_rate(measured.frame_rate)} fps"),
        ("Size", bytes_size(measured.size_bytes)),
        ("Loudness", "silent" if loudness is None else signed(f"{loudness:.1f} LUFS")),
        ("True peak", None if peak is None else signed(f"{peak:.1f} dBTP")),
        ("Sound ends off by", signed(offset)),
        ("Captions", plural(measured.caption_words, "word") if measured.caption_words else "none"),
        ("Face in view", percent(measured.face_share)),
        ("Speaker in view", percent(measured.speaker_share)),
    )
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{text(value)}</dd></div>" for name, value in rows if value
    )
    return f'<h4>Measured on the file</h4><dl class="figures">{shown}</dl>'


def _rate(fraction: str) -> str:
    top, _, bottom = fraction.partition("/")
    try:
        return f"{float(top) / float(bottom or 1):.4g}"
    except (ValueError, ZeroDivisionError):
        return fraction


def _files(clip: Clip) -> str:
    files = clip.files
    named = (
        ("Video", files.video),
        ("Cover", files.cover),
        ("Captions .srt", files.srt),
        ("Captions .vtt", files.vtt),
        ("Edit .json", files.edit),
    )
    links = "".join(f'<a href="{link(path)}">{name}</a>' for name, path in named if path)
    return f'<nav class="files" aria-label="Files of clip {clip.rank}">{links}</nav>'
