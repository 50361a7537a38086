"""``--censor``: profanity is not heard, not read, and not in the title."""

from __future__ import annotations

from dataclasses import replace

from talkreel.core.candidates import Candidate
from talkreel.core.edits import Edit
from talkreel.core.sound import Mute
from talkreel.core.spans import merge
from talkreel.edit.censor import is_profane, masked_text, mutes_for
from talkreel.pipeline.work import Work, noted


def censor(work: Work, edit: Edit) -> Edit:
    """``edit`` with a tone over every profane word; captions are masked where they are made."""
    words = work.analysis.transcript.words
    mutes = mutes_for(words, edit.kept)
    edit = replace(edit, title=masked_text(edit.title))
    if not mutes:
        return noted(edit, "censor", "no word on the list is said here", applied=False)
    count = sum(
        is_profane(word.text) and any(span.contains(word.span.middle) for span in edit.kept)
        for word in words
    )
    seconds = sum(mute.span.duration for mute in mutes)
    masked = f"{count} {'word is' if count == 1 else 'words are'} masked"
    if edit.audio is None:
        return noted(edit, "censor", f"{masked} in the text; there is no sound", applied=True)
    spans = merge([mute.span for mute in (*edit.audio.mutes, *mutes)])
    audio = replace(edit.audio, mutes=tuple(Mute(span) for span in spans))
    text = f"{masked} in sound ({seconds:.1f} s of tone) and text"
    return noted(replace(edit, audio=audio), "censor", text, applied=True)


def censored(candidate: Candidate) -> Candidate:
    """``candidate`` as it may be named and listed."""
    return replace(candidate, title=masked_text(candidate.title), text=masked_text(candidate.text))
