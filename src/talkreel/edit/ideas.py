"""Ways to change a clip: only by leaving out more of it, at the ends of sentences and in pauses.

What is kept lies on the frames of the clip as it is, so that variants share their pictures.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from talkreel.core.edits import CaptionCue, CaptionWord, Edit
from talkreel.core.spans import Span
from talkreel.core.transcript import Sentence, Word

# As ``tighten`` has them: longer pauses are no rhythm; a word decays, the next draws breath.
LONG_PAUSE_SECONDS = 0.7
KEEP_AFTER_WORD, KEEP_BEFORE_WORD = 0.18, 0.12
# A variant keeps at least this share of the clip, and this many seconds.
LEAST_SHARE = 0.5
LEAST_SECONDS = 6.0
_MOST_ENDS = 3  # sentences taken off at either end
_SHORTEST_RUN = 1.0  # seconds between two cuts; less looks like a stutter
_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Idea:
    """One change.

    Attributes:
        kind: see ``core.optimize.Variant.kinds``.
        text: what is changed.
        kept: what is played then.
        at: where the change is, source clock.
        words: what is left out there.
    """

    kind: str
    text: str
    kept: tuple[Span, ...]
    at: Span
    words: str = ""


def ideas(
    kept: Sequence[Span], sentences: Sequence[Sentence], words: Sequence[Word], rate: Fraction
) -> tuple[Idea, ...]:
    """Every single change that leaves enough of the clip.

    Args:
        kept: what the clip plays.
        sentences: of the clip, in order.
        words: of the clip, in order.
        rate: frames a second of the clip.
    """
    found = [*_starts(kept, sentences, rate), *_ends(kept, sentences, rate)]
    found += _inner(kept, sentences, rate)
    paused = cut_pauses(kept, words, rate)
    if paused != tuple(kept):
        saved = _length(kept) - _length(paused)
        text = f"cut the long pauses ({saved:.1f} s)"
        found.append(Idea("cut pauses", text, paused, Span(kept[0].start, kept[-1].end)))
    return tuple(idea for idea in found if enough(idea.kept, kept))


def enough(kept: Sequence[Span], of: Sequence[Span]) -> bool:
    """Whether a variant is still the clip."""
    return bool(kept) and _length(kept) >= max(LEAST_SECONDS, LEAST_SHARE * _length(of))


def common(first: Sequence[Span], second: Sequence[Span]) -> tuple[Span, ...]:
    """What both keep; both must lie on the same frames."""
    shared = (a.intersect(b) for a in first for b in second)
    return tuple(sorted(span for span in shared if span is not None and span.duration > _EPS))


def without(kept: Sequence[Span], start: float, end: float, rate: Fraction) -> tuple[Span, ...]:
    """``kept`` less ``start`` to ``end``, widened to nothing and cut at whole frames inside."""
    left: list[Span] = []
    step = float(1 / rate)
    for span in kept:
        if end <= span.start + _EPS or start >= span.end - _EPS:
            left.append(span)
            continue
        before = math.floor((start - span.start) / step + _EPS)
        after = math.ceil((end - span.start) / step - _EPS)
        if before > 0:
            left.append(Span(span.start, span.start + before * step))
        if span.start + after * step < span.end - step / 2:
            left.append(Span(span.start + max(0, after) * step, span.end))
    return tuple(left)


def cut_pauses(kept: Sequence[Span], words: Sequence[Word], rate: Fraction) -> tuple[Span, ...]:
    """``kept`` without the middles of pauses longer than ``LONG_PAUSE_SECONDS``."""
    result = tuple(kept)
    inside = [word.span for word in words if any(s.overlap(word.span) > 0 for s in kept)]
    for first, second in itertools.pairwise(inside):
        if second.start - first.end <= LONG_PAUSE_SECONDS:
            continue
        trial = without(result, first.end + KEEP_AFTER_WORD, second.start - KEEP_BEFORE_WORD, rate)
        if all(span.duration >= _SHORTEST_RUN for span in trial):
            result = trial
    return result


def restrict(edit: Edit, kept: Sequence[Span]) -> Edit:
    """``edit`` that plays only ``kept``, a part of what it plays; captions lose what goes."""
    cues = () if edit.captions is None else tuple(_cues(edit.captions.cues, kept))
    captions = replace(edit.captions, cues=cues) if edit.captions and cues else None
    layouts = tuple(x for x in edit.layouts if any(x.span.overlap(k) > 0 for k in kept))
    broll = tuple(b for b in edit.broll if any(b.span.overlap(k) > 0 for k in kept))
    return replace(edit, kept=tuple(kept), captions=captions, layouts=layouts, broll=broll)


def _cues(cues: Sequence[CaptionCue], kept: Sequence[Span]) -> list[CaptionCue]:
    """Cues with the words that are still played; times stay, the renderer cuts what is not."""
    left = []
    for cue in cues:
        lines = tuple(
            words
            for line in cue.lines
            if (words := tuple(word for word in line if _played(word, kept)))
        )
        if lines:
            left.append(replace(cue, lines=lines))
    return left


def _played(word: CaptionWord, kept: Sequence[Span]) -> bool:
    return any(span.contains(word.span.middle) for span in kept)


def _starts(kept: Sequence[Span], sentences: Sequence[Sentence], rate: Fraction) -> list[Idea]:
    found = []
    for count in range(1, min(_MOST_ENDS, len(sentences) - 1) + 1):
        first = _before(sentences, count)
        rest = without(kept, kept[0].start, first, rate)
        said = " ".join(s.text for s in sentences[:count])
        text = f"start {first - kept[0].start:.1f} s later, at “{_opening(sentences[count])}”"
        found.append(Idea("start later", text, rest, Span(kept[0].start, first), said))
    return found


def _ends(kept: Sequence[Span], sentences: Sequence[Sentence], rate: Fraction) -> list[Idea]:
    found = []
    for count in range(1, min(_MOST_ENDS, len(sentences) - 1) + 1):
        last = _after(sentences, len(sentences) - count - 1)
        rest = without(kept, last, kept[-1].end, rate)
        said = " ".join(s.text for s in sentences[-count:])
        closing = " ".join(sentences[-count - 1].text.split()[-5:])
        text = f"end {kept[-1].end - last:.1f} s earlier, on “{closing}”"
        found.append(Idea("shorten", text, rest, Span(last, kept[-1].end), said))
    return found


def _inner(kept: Sequence[Span], sentences: Sequence[Sentence], rate: Fraction) -> list[Idea]:
    found = []
    for i in range(1, len(sentences) - 1):
        start, end = _after(sentences, i - 1), _before(sentences, i + 1)
        rest = without(kept, start, end, rate)
        if end <= start or not all(span.duration >= _SHORTEST_RUN for span in rest):
            continue
        text = f"drop the line “{_opening(sentences[i])}” ({end - start:.1f} s)"
        found.append(Idea("drop a line", text, rest, Span(start, end), sentences[i].text))
    return found


def _after(sentences: Sequence[Sentence], index: int) -> float:
    """Where to cut after a sentence: its decay stays."""
    end = sentences[index].span.end
    following = sentences[index + 1].span.start if index + 1 < len(sentences) else end + 1.0
    return end + min(KEEP_AFTER_WORD, max(0.0, following - end) / 2)


def _before(sentences: Sequence[Sentence], index: int) -> float:
    """Where to cut before a sentence: its first breath stays."""
    start = sentences[index].span.start
    earlier = sentences[index - 1].span.end if index else start - 1.0
    return start - min(KEEP_BEFORE_WORD, max(0.0, start - earlier) / 2)


def _opening(sentence: Sentence) -> str:
    words = sentence.text.split()
    return " ".join(words[:6]) + (" …" if len(words) > 6 else "")


def _length(spans: Sequence[Span]) -> float:
    return sum(span.duration for span in spans)
