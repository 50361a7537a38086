"""Words with times, and the sentences derived from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from talkreel.core.spans import Span

# A pause this long ends a sentence even where the recogniser wrote no full stop.
SENTENCE_PAUSE_SECONDS = 1.5
# Recognisers sometimes run on; past this many words the longest inner pause becomes a break.
MAX_SENTENCE_WORDS = 60
_ABBREVIATIONS = frozenset(
    [
        "mr.",
        "mrs.",
        "ms.",
        "dr.",
        "st.",
        "prof.",
        "jr.",
        "sr.",
        "vs.",
        "etc.",
        "e.g.",
        "i.e.",
        "u.s.",
        "a.m.",
        "p.m.",
        "gen.",
        "sen.",
        "rep.",
    ]
)
_CLOSERS = "\"')]}»”’"


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it should be shown, punctuation attached.

    Attributes:
        text: as displayed; never empty, no white space.
        span: when it is spoken, source clock.
        confidence: 0..1; 1 for text that a person wrote.
        speaker: diarization label, or None when not known.
        interpolated: True where the time was spread over a gap instead of measured.
    """

    text: str
    span: Span
    confidence: float = 1.0
    speaker: str | None = None
    interpolated: bool = False

    def __post_init__(self) -> None:
        if not self.text or any(c.isspace() for c in self.text):
            raise ValueError(f"a word is text without white space, got {self.text!r}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence is 0..1, got {self.confidence}")

    @property
    def ends_sentence(self) -> bool:
        """Whether the punctuation closes a sentence (abbreviations such as ``Dr.`` do not)."""
        bare = self.text.rstrip(_CLOSERS)
        if bare.lower() in _ABBREVIATIONS or (len(bare) == 2 and bare[0].isupper()):
            return False
        return bare.endswith((".", "?", "!", "…", "。", "？", "！"))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A run of words ``words[first:last]`` of a transcript (half-open)."""

    first: int
    last: int
    words: tuple[Word, ...]

    @property
    def span(self) -> Span:
        """First word's start to last word's end."""
        return Span(self.words[0].span.start, self.words[-1].span.end)

    @property
    def text(self) -> str:
        """The words joined by blanks."""
        return " ".join(word.text for word in self.words)

    @property
    def speaker(self) -> str | None:
        """The label most of the words carry."""
        labels = [word.speaker for word in self.words if word.speaker]
        return max(sorted(set(labels)), key=labels.count) if labels else None


@dataclass(frozen=True)
class Transcript:
    """Every word of the media, in order of time; may be empty.

    Attributes:
        language: ISO 639-1 code of the words, or ``und`` when not known.
        words: ordered by start.
        source: what made it, e.g. ``moonshine-tiny-en`` or ``sidecar:talk.srt``.
        warnings: one line each, e.g. speech in another language than the model's.
    """

    language: str
    words: tuple[Word, ...]
    source: str = ""
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for first, second in pairwise(self.words):
            if second.span.start < first.span.start:
                raise ValueError(f"words out of order: {first} then {second}")

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """The words cut at sentence ends, long pauses and (when too long) inner pauses."""
        cuts = [0]
        for i, word in enumerate(self.words):
            last = i + 1 == len(self.words)
            pause = 0.0 if last else self.words[i + 1].span.start - word.span.end
            if last or word.ends_sentence or pause >= SENTENCE_PAUSE_SECONDS:
                cuts.extend(self._split_long(cuts[-1], i + 1))
                cuts.append(i + 1)
        return tuple(Sentence(a, b, self.words[a:b]) for a, b in pairwise(cuts) if b > a)

    def _split_long(self, first: int, last: int) -> list[int]:
        if last - first <= MAX_SENTENCE_WORDS:
            return []
        inner = range(first + 4, last - 4)
        cut = max(inner, key=lambda i: self.words[i].span.start - self.words[i - 1].span.end)
        return [*self._split_long(first, cut), cut, *self._split_long(cut, last)]

    def within(self, span: Span) -> tuple[Word, ...]:
        """Words whose middle lies in ``span``."""
        return tuple(word for word in self.words if span.contains(word.span.middle))

    @property
    def text(self) -> str:
        """All words joined by blanks."""
        return " ".join(word.text for word in self.words)
