"""TED talks with the reactions of the audience (research only)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from talkreel.core.arrays import FloatArray
from talkreel.data.marks import is_remark, mark_kinds, marked_sentences
from talkreel.data.talks import (
    APPLAUSE,
    CLOSING_SHARE,
    LAUGHTER,
    LabelledTalk,
    read_rows,
    unknown_labels,
)

Unit = Literal["line", "sentence"]
_CREDITS = ("Translator:", "Reviewer:", "Transcriber:", "Translated by", "Reviewed by")


def read_ted(path: Path, unit: Unit = "line") -> list[LabelledTalk]:
    """Talks with the last 5 % of each left out; applause and laughter are known in all.

    Args:
        path: of ``ted_reactions.jsonl.xz``.
        unit: ``line`` as subtitled, the unit of the published floor; ``sentence`` as the product
            cuts them.

    Raises:
        InputError: the file is missing or damaged.
        ValueError: another unit.
    """
    if unit not in ("line", "sentence"):
        raise ValueError(f"units are 'line' and 'sentence', got {unit!r}")
    read = _by_line if unit == "line" else _by_sentence
    talks = read_rows(path, lambda row: read(str(row["id"]), _without_credits(row["lines"])))
    return [talk for talk in talks if talk.texts]


def _without_credits(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.startswith(_CREDITS)]


def _by_line(identity: str, lines: Sequence[str]) -> LabelledTalk:
    texts: list[str] = []
    claps: set[int] = set()
    laughs: set[int] = set()
    for line in lines:
        applause, laughter = mark_kinds(line)
        if applause:
            claps.add(len(texts) - 1)
        if laughter:
            laughs.add(len(texts) - 1)
        if "(" not in line and "[" not in line:
            texts.append(" ".join(line.split()))
        elif not is_remark(line):
            # A mark inside a line stands before or between words: it marks the line itself.
            parts = marked_sentences(line)
            claps |= {len(texts)} if any(part.applause for part in parts) else set()
            laughs |= {len(texts)} if any(part.laughter for part in parts) else set()
            texts.append(" ".join(part.text for part in parts))
    labels = unknown_labels(len(texts))
    labels[:, APPLAUSE] = [i in claps for i in range(len(texts))]
    labels[:, LAUGHTER] = [i in laughs for i in range(len(texts))]
    spoken = [i for i, text in enumerate(texts) if text]
    return _cut(identity, [texts[i] for i in spoken], labels[spoken])


def _by_sentence(identity: str, lines: Sequence[str]) -> LabelledTalk:
    sentences = marked_sentences(" ".join(lines))
    labels = unknown_labels(len(sentences))
    labels[:, APPLAUSE] = [sentence.applause for sentence in sentences]
    labels[:, LAUGHTER] = [sentence.laughter for sentence in sentences]
    return _cut(identity, [sentence.text for sentence in sentences], labels)


def _cut(identity: str, texts: Sequence[str], labels: FloatArray) -> LabelledTalk:
    kept = int(len(texts) * (1 - CLOSING_SHARE))
    return LabelledTalk(identity, tuple(texts[:kept]), labels[:kept])
