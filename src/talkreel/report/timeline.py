"""The chart over the whole talk: engagement, sound, shots, faces and speakers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from talkreel.core.analysis import Analysis
from talkreel.core.clips import Clip, ClipSet
from talkreel.core.spans import Span, merge
from talkreel.report.curves import HEIGHT, WIDTH, Lane, svg_path
from talkreel.report.markup import clock, hue, plural, signed, text

# A speaker who goes on after a shorter pause is still in the same turn.
_TURN_GAP_SECONDS = 2.0
_TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_TICKS = 8
# Bars thinner than this share of the talk cannot be seen and are left out of busy rows.
_THINNEST_SHARE = 1 / 3000
# Pauses cut out of a clip are drawn only where they are wider than this share of the talk.
_JOINED_SHARE = 1 / 300


def strip(lane: Lane, clips: ClipSet) -> str:
    """The engagement curve with the chosen spans; stays in view while the page scrolls."""
    curve = _curve(lane) if lane.has_values else '<p class="none">No curve: no sound.</p>'
    return (
        f'<section class="strip" id="timeline" aria-label="The whole talk">'
        f'<div class="lane" data-key="engagement"><div class="name" title="{text(lane.note)}">'
        f"{text(lane.label)}</div>"
        f'<div class="plot">{curve}{_bands(clips, labels=True)}'
        f'<div class="grip" id="plot" role="slider" tabindex="0" aria-label="Moment of the talk" '
        f'aria-valuemin="0" aria-valuemax="{clips.duration:.1f}" aria-valuenow="0" '
        f'aria-valuetext="0:00"></div></div></div>'
        f'<div class="lane axis" aria-hidden="true"><div class="name"></div>'
        f'<div class="plot ticks">{_ticks(clips.duration)}</div></div>'
        '<div class="readout" id="readout"><span>Point at a curve to read it. '
        "Coloured bands are the clips.</span></div></section>"
    )


def lanes(curves: Sequence[Lane], analysis: Analysis, clips: ClipSet) -> str:
    """The sound curves and the rows of shots, faces and speakers."""
    duration = analysis.media.duration
    rows = [_curve_row(lane, clips) for lane in curves]
    turns = speaker_turns(analysis)
    if turns:
        rows.append(_row("Speakers", _speaker_bars(turns, duration), clips, "bars tall"))
    if analysis.faces:
        seen = merge(track.span for track in analysis.faces)
        note = "Faces were searched only inside the clips"
        rows.append(_row("Faces", _bars(seen, duration, "face"), clips, "bars", note))
    if analysis.shots:
        spans = [shot.span for shot in analysis.shots]
        name = plural(len(spans), "shot")
        rows.append(_row("Shots", _bars(spans, duration, "shot"), clips, "bars", name))
    if not rows:
        return ""
    return f'<section class="lanes" aria-label="Curves and rows">{"".join(rows)}</section>'


def speaker_turns(analysis: Analysis) -> list[tuple[str, Span]]:
    """Who speaks when, in order; empty when no word has a speaker."""
    turns: list[tuple[str, Span]] = []
    for word in analysis.transcript.words:
        if word.speaker is None:
            continue
        if turns:
            speaker, span = turns[-1]
            if speaker == word.speaker and span.gap(word.span) < _TURN_GAP_SECONDS:
                end = max(span.end, word.span.end)
                turns[-1] = (speaker, Span(span.start, end))
                continue
        turns.append((word.speaker, word.span))
    return turns


def speaker_hues(analysis: Analysis) -> dict[str, int]:
    """A number per speaker in order of first appearance, for the page's speaker colours."""
    speakers = dict.fromkeys(w.speaker for w in analysis.transcript.words if w.speaker)
    return {name: number for number, name in enumerate(speakers)}


def _curve(lane: Lane) -> str:
    kind = "area" if lane.filled else "line"
    return (
        f'<svg class="{kind}" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{text(lane.label)}: {text(lane.note)}">'
        f'<path d="{svg_path(lane)}"/></svg>'
    )


def _curve_row(lane: Lane, clips: ClipSet) -> str:
    unit = "" if lane.unit == "probability" else f" {lane.unit}"
    limits = signed(f"{lane.low:.{lane.digits}f} to {lane.high:.{lane.digits}f}{unit}")
    name = f"{text(lane.label)}<small>{text(limits)}</small>"
    return (
        f'<div class="lane" data-key="{text(lane.key)}"><div class="name" '
        f'title="{text(lane.note)}">{name}</div><div class="plot">{_curve(lane)}'
        f"{_bands(clips)}</div></div>"
    )


def _row(name: str, bars: str, clips: ClipSet, kind: str, note: str = "") -> str:
    return (
        f'<div class="lane {kind}"><div class="name" title="{text(note)}">{text(name)}</div>'
        f'<div class="plot">{bars}{_bands(clips)}</div></div>'
    )


def _place(span: Span, duration: float) -> str:
    left = 100 * max(0.0, span.start) / duration
    width = 100 * min(span.duration, duration) / duration
    return f"left:{left:.3f}%;width:{width:.3f}%"


def _bands(clips: ClipSet, *, labels: bool = False) -> str:
    return "".join(
        _band(clip, span, clips.duration, label=labels and i == 0)
        for clip in clips.clips
        for i, span in enumerate(merge(clip.spans, clips.duration * _JOINED_SHARE))
    )


def _band(clip: Clip, span: Span, duration: float, *, label: bool) -> str:
    style = f"--h:{hue(clip.rank)};{_place(span, duration)}"
    inner = ""
    if label:
        title = f"Clip {clip.rank}: {clip.title}"
        inner = (
            f'<a class="badge" href="#clip-{clip.rank}" title="{text(title)}" '
            f'aria-label="{text(title)}">{clip.rank}</a>'
        )
    return f'<div class="band" style="{style}">{inner}</div>'


def _bars(spans: Iterable[Span], duration: float, kind: str) -> str:
    shown = _joined(spans, duration * _THINNEST_SHARE)
    return "".join(f'<i class="{kind}" style="{_place(span, duration)}"></i>' for span in shown)


def _joined(spans: Iterable[Span], thinnest: float) -> list[Span]:
    """Spans with those too thin to be seen laid to the one before."""
    shown: list[Span] = []
    for span in sorted(spans):
        if shown and span.duration < thinnest and span.gap(shown[-1]) < thinnest:
            shown[-1] = Span(shown[-1].start, max(shown[-1].end, span.end))
        else:
            shown.append(span)
    return shown


def _speaker_bars(turns: Sequence[tuple[str, Span]], duration: float) -> str:
    order = {name: i for i, name in enumerate(dict.fromkeys(name for name, _ in turns))}
    bars = []
    for name, group in groupby(turns, key=lambda turn: turn[0]):
        for span in _joined((span for _, span in group), duration * _THINNEST_SHARE):
            title = f"Speaker {name}, {clock(span.start)} to {clock(span.end)}"
            bars.append(
                f'<i class="turn v{order[name] % 6}" title="{text(title)}" '
                f'style="{_place(span, duration)};top:{_stagger(order[name], len(order)):.0f}%">'
                "</i>"
            )
    return "".join(bars)


def _stagger(index: int, count: int) -> float:
    """Per cent from the top: each speaker has a level, so colour is not the only sign."""
    return 0.0 if count < 2 else 60.0 * index / (count - 1)


def _ticks(duration: float) -> str:
    fits = [step for step in _TICK_SECONDS if duration / step <= _TICKS]
    step = fits[0] if fits else _TICK_SECONDS[-1]
    count = int(duration // step) + 1
    shown = [i * step for i in range(count) if i * step <= duration * 0.97]
    return "".join(f'<b style="left:{100 * t / duration:.3f}%">{clock(t)}</b>' for t in shown)
