"""Presidential speeches with the reactions of the room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from talkreel.data.marks import MarkedSentence, marked_sentences
from talkreel.data.talks import (
    APPLAUSE,
    CLOSING_SHARE,
    LAUGHTER,
    LabelledTalk,
    read_rows,
    unknown_labels,
)

# Transcribers differ: some mark every applause, some only laughter, some next to nothing. With
# so many marks of a kind the absence of a mark means that the room was quiet; below, it means
# nothing.
MIN_APPLAUSE = 10
MIN_LAUGHTER = 3
MIN_MARKS = 5
Policy = Literal["by-kind", "as-marked"]
_HEADER = re.compile(r"^President: .*$", re.MULTILINE)
_AUDIENCE = re.compile(
    r"^\s*(?:AUDIENCE|Audience)(?: MEMBERS?| [Mm]embers?)?\s*[:.].*$", re.MULTILINE
)
# "The President: ", "Q. ", "MR. LEHRER: ", "President Reagan. " at the start of a line.
_SPEAKER = re.compile(
    r"^\s*(?:Q\.?|Question|THE (?:VICE )?PRESIDENT|The (?:Vice )?President"
    r"|(?:[A-Z][\w.’'-]*\s){0,3}[A-Z][\w.’'-]*)\s*:\s+",
    re.MULTILINE,
)


def read_speeches(path: Path, policy: Policy = "by-kind") -> list[LabelledTalk]:
    """Speeches whose transcribers marked reactions, with the last 5 % of each left out.

    Args:
        path: of ``speeches.jsonl.xz``.
        policy: ``by-kind``: applause is unknown (NaN) throughout a transcript with fewer than
            ``MIN_APPLAUSE`` marks of it; laughter is known where applause is, or where at least
            ``MIN_LAUGHTER`` are marked. ``as-marked``: transcripts with ``MIN_MARKS`` marks of
            either kind are taken at their word.

    Raises:
        InputError: the file is missing or damaged.
        ValueError: another policy.
    """
    if policy not in ("by-kind", "as-marked"):
        raise ValueError(f"policies are 'by-kind' and 'as-marked', got {policy!r}")
    talks = read_rows(path, lambda row: _talk(str(row["id"]), str(row["text"]), policy))
    return [talk for talk in talks if not np.isnan(talk.reaction).all()]


def spoken_text(text: str) -> str:
    """What the speaker says: no header, no names of speakers, nothing the audience calls."""
    text = _AUDIENCE.sub("", _HEADER.sub("", text))
    return _SPEAKER.sub("", text)


def _talk(identity: str, text: str, policy: Policy) -> LabelledTalk:
    sentences = marked_sentences(spoken_text(text))
    labels = unknown_labels(len(sentences))
    claps = sum(sentence.applause for sentence in sentences)
    laughs = sum(sentence.laughter for sentence in sentences)
    if policy == "as-marked":
        claps_known = laughs_known = claps + laughs >= MIN_MARKS
    else:
        claps_known = claps >= MIN_APPLAUSE
        laughs_known = claps_known or laughs >= MIN_LAUGHTER
    if claps_known:
        labels[:, APPLAUSE] = [sentence.applause for sentence in sentences]
    if laughs_known:
        labels[:, LAUGHTER] = [sentence.laughter for sentence in sentences]
    kept = _without_closing(sentences)
    return LabelledTalk(identity, tuple(s.text for s in kept), labels[: len(kept)])


def _without_closing(sentences: Sequence[MarkedSentence]) -> Sequence[MarkedSentence]:
    return sentences[: int(len(sentences) * (1 - CLOSING_SHARE))]
