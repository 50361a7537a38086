"""The transcript with the chosen spans marked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from talkreel.core.clips import Clip, ClipSet
from talkreel.core.transcript import Sentence, Transcript, Word
from talkreel.report.markup import clock, hue, text

# Below this the recogniser is wrong about as often as right; such words are dotted.
UNSURE_BELOW = 0.5


def transcript(spoken: Transcript, clips: ClipSet, speakers: dict[str, int]) -> str:
    """Every sentence with its time, speaker and the clips that play it."""
    if not spoken.words:
        return '<p class="none">No words were recognised in this talk.</p>'
    marker = _Marker(clips.clips)
    parts: list[str] = []
    before: str | None = None
    for sentence in spoken.sentences:
        speaker = sentence.speaker
        if speaker is not None and speaker != before and len(speakers) > 1:
            parts.append(
                f'<p class="who v{speakers.get(speaker, 0) % 6}">Speaker {text(speaker)}</p>'
            )
        before = speaker
        parts.append(_sentence(sentence, marker))
    return "".join(parts)


def has_unsure(spoken: Transcript) -> bool:
    """Whether any word is marked as unsure."""
    return any(word.confidence < UNSURE_BELOW for word in spoken.words)


class _Marker:
    """Finds the clips that play a word; remembers which clips have begun."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._plays = [(span, clip.rank) for clip in clips for span in clip.spans]
        self._begun: set[int] = set()

    def ranks_of(self, word: Word) -> tuple[int, ...]:
        """The clips that play the middle of ``word``, best first."""
        middle = word.span.middle
        return tuple(sorted({rank for span, rank in self._plays if span.contains(middle)}))

    def beginning(self, ranks: Sequence[int]) -> list[int]:
        """Those of ``ranks`` that have not been seen before."""
        new = [rank for rank in ranks if rank not in self._begun]
        self._begun.update(new)
        return new


def _sentence(sentence: Sentence, marker: _Marker) -> str:
    start = sentence.span.start
    # Centiseconds from the sentence's start: the page finds the word under a click with them.
    onsets = " ".join(str(round((word.span.start - start) * 100)) for word in sentence.words)
    runs = []
    for ranks, group in groupby(sentence.words, key=marker.ranks_of):
        run = " ".join(_word(word) for word in group)
        if ranks:
            run = "".join(map(_badge, marker.beginning(ranks))) + _marked(run, ranks)
        runs.append(run)
    return (
        f'<div class="say" data-a="{start:.2f}" data-b="{sentence.span.end:.2f}" '
        f'data-w="{onsets}"><button type="button" class="at" data-a="{start:.2f}" '
        f'data-b="{sentence.span.end:.2f}">{clock(start)}</button>'
        f'<p dir="auto">{" ".join(runs)}</p></div>'
    )


def _badge(rank: int) -> str:
    return (
        f'<a class="badge" style="--h:{hue(rank)}" href="#clip-{rank}" '
        f'aria-label="Clip {rank} begins">{rank}</a>'
    )


def _marked(run: str, ranks: Sequence[int]) -> str:
    """The colour of the best clip, underlined with that of the next when two play the words."""
    title = " and ".join(f"clip {rank}" for rank in ranks)
    style = f"--h:{hue(ranks[0])}"
    if len(ranks) > 1:
        style += f";--h2:{hue(ranks[1])}"
    kind = ' class="two"' if len(ranks) > 1 else ""
    return f'<mark{kind} style="{style}" title="In {title}">{run}</mark>'


def _word(word: Word) -> str:
    if word.confidence < UNSURE_BELOW:
        sure = f"heard with confidence {word.confidence:.2f}"
        return f'<u title="{text(sure)}">{text(word.text)}</u>'
    return text(word.text)
