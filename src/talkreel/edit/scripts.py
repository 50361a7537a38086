"""Words of scripts written without blanks: where their lines may break.

Chinese and Japanese may break between any two characters but for those that may not begin or
end a line (kinsoku shori, JIS X 4051; https://www.w3.org/TR/jlreq/#line_breaking).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from talkreel.core.edits import CaptionWord
from talkreel.core.spans import Span

# A character of these scripts is about this many Latin ones to read.
CHARACTER_WEIGHT = 1.4
# Shown at once: so many of their characters for one word of another script.
UNITS_PER_WORD = 3
# ruff: noqa: RUF001
_NOT_FIRST = frozenset(
    "、。，．・：；？！…‥）］｝」』】〉》〕’”ー々〻ゝゞヽヾ"
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ,.:;?!)]}%％～"
)
_NOT_LAST = frozenset("（［｛「『【〈《〔‘“([{$＄￥¥")


def is_unspaced(character: str) -> bool:
    """Whether lines may break beside ``character``: Han, Kana and their punctuation."""
    code = ord(character)
    return (
        0x3000 <= code <= 0x30FF
        or 0x3400 <= code <= 0x4DBF
        or 0x4E00 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFFEF
        or 0x20000 <= code <= 0x3FFFF
    )


def reading_size(text: str) -> float:
    """Length of ``text`` in Latin characters."""
    wide = sum(is_unspaced(c) for c in text)
    return len(text) + (CHARACTER_WEIGHT - 1) * wide if wide else len(text)


def unbroken_katakana(before: str, after: str) -> bool:
    """Whether a break here would cut a foreign word spelt in Katakana."""
    return all(0x30A0 <= ord(c) <= 0x30FF and c != "・" for c in (before[-1:] or " ") + after[:1])


def split_unspaced(words: Sequence[CaptionWord]) -> list[CaptionWord]:
    """``words`` with those of unspaced scripts in the pieces between which a line may break.

    A piece shares its word's time by its length, and is glued to the one before it.
    """
    pieces: list[CaptionWord] = []
    untils = [*(word.span.start for word in words[1:]), float("inf")]
    for word, until in zip(words, untils, strict=True):
        if not any(is_unspaced(c) for c in word.text):
            pieces.append(word)
            continue
        parts = _parts(word.text)
        # Every piece starts before the next word, as the word itself does.
        whole = Span(word.span.start, max(word.span.start, min(word.span.end, until)))
        done = 0
        for part in parts:
            span = _share(whole, done, done + len(part), len(word.text))
            done += len(part)
            glued = _glued(pieces[-1].text, part) if pieces else False
            glued = glued or part is not parts[0]
            if glued and pieces and part[0] in _NOT_FIRST:
                last = pieces[-1]
                pieces[-1] = replace(
                    last, text=last.text + part, span=Span(last.span.start, span.end)
                )
                continue
            pieces.append(replace(word, text=part, span=span, glued=glued))
    return pieces


def _glued(before: str, after: str) -> bool:
    return is_unspaced(before[-1]) and is_unspaced(after[0])


def _share(span: Span, first: int, last: int, whole: int) -> Span:
    step = span.duration / whole
    return Span(span.start + first * step, span.start + last * step)


def _parts(text: str) -> list[str]:
    """Single characters and runs of other scripts, held together where a line may not break."""
    parts: list[str] = []
    for c in text:
        combining = unicodedata.combining(c) > 0
        run = parts and not is_unspaced(c) and not is_unspaced(parts[-1][-1])
        held = parts and (c in _NOT_FIRST or combining or parts[-1][-1] in _NOT_LAST or run)
        if held:
            parts[-1] += c
        else:
            parts.append(c)
    return parts
