"""What tightening says of itself."""

from __future__ import annotations

from collections.abc import Sequence

from talkreel.core.analysis import Analysis
from talkreel.core.craft import Note
from talkreel.core.spans import Span
from talkreel.edit.fillers import Idle, Kind
from talkreel.edit.holes import LONG_PAUSE_SECONDS
from talkreel.edit.punch import Punched
from talkreel.edit.tighten import Tightened, unwritten_sounds


def tighten_note(tightened: Tightened, punched: Punched, analysis: Analysis) -> Note:
    """How many seconds and words went, and what was left alone and why."""
    hull = Span(tightened.kept[0].start, tightened.kept[-1].end)
    parts = []
    applied = bool(tightened.pauses or tightened.idle)
    if applied:
        parts.append(f"{tightened.seconds:.1f} s went: {_went(tightened)}")
    else:
        parts.append(
            f"nothing to take out: no silence over {LONG_PAUSE_SECONDS} s, and no filler or false "
            "start between two silences"
        )
    if tightened.held:
        held = ", ".join(_quoted(tightened, tightened.held))
        parts.append(
            f"left in, as the sound beside it does not rest or the run would be cut too "
            f"short: {held}"
        )
    if unwritten := unwritten_sounds(hull, tightened.words, analysis.signals.get("voice")):
        parts.append(
            f"{unwritten} short voiced sound{'s' * (unwritten > 1)} that the transcript has no "
            "word for left in, as nobody can tell an um from a yes there"
        )
    if punched.hops:
        parts.append(f"{punched.hidden} of {punched.hops} jump cuts hidden by a closer framing")
    return Note("tighten", applied, "; ".join(parts))


def _went(tightened: Tightened) -> str:
    fillers = [one for one in tightened.idle if one.kind is Kind.FILLER]
    starts = [one for one in tightened.idle if one.kind is Kind.FALSE_START]
    parts = []
    if tightened.pauses:
        parts.append(_counted(tightened.pauses, "long pause") + " shortened")
    for idle, name in ((fillers, "filler"), (starts, "false start")):
        if idle:
            quoted = ", ".join(_quoted(tightened, idle))
            parts.append(f"{_counted(len(idle), name)} cut ({quoted})")
    return ", ".join(parts)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'s' if count > 1 else ''}"


def _quoted(tightened: Tightened, idle: Sequence[Idle]) -> list[str]:
    return [f'"{text.strip(" .,;:!?…")}"' for text in tightened.texts(idle)]
