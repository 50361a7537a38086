"""``--enhance voice``: measure the voice of a clip, decide, and say what was done."""

from __future__ import annotations

from dataclasses import replace

from talkreel.core.edits import Edit
from talkreel.core.sound import VoiceFacts
from talkreel.core.spans import Span
from talkreel.edit.sound import treat_voice
from talkreel.pipeline.listen import open_sound
from talkreel.pipeline.work import Work, noted
from talkreel.rendering.denoise import can_denoise
from talkreel.rendering.dereverb import can_dereverb

FEATURE = "enhance voice"
# Raised whenever the same sound would give other facts.
FACTS_VERSION = 2
# The room is heard in pauses, and a clip may have few.
_AROUND_SECONDS = 15.0


def enhance_voice(work: Work, edit: Edit) -> Edit:
    """``edit`` with its voice made better, as far as that does no harm."""
    if edit.audio is None or work.job.media.audio is None:
        return noted(edit, FEATURE, "the source has no sound", applied=False)
    facts = facts_around(work, edit)
    treatment = treat_voice(
        facts,
        work.analysis.transcript.words,
        edit.kept,
        can_denoise=can_denoise(),
        can_dereverb=can_dereverb(),
    )
    if treatment.chain is None:
        return noted(edit, FEATURE, "; ".join(treatment.left), applied=False)
    edit = replace(edit, audio=replace(edit.audio, voice=treatment.chain))
    return noted(edit, FEATURE, treatment.story, applied=True)


def facts_around(work: Work, edit: Edit) -> VoiceFacts:
    """What is measured of the voice in and around ``edit``."""
    from talkreel.perceive.noise import voice_facts

    whole = Span(edit.kept[0].start, edit.kept[-1].end)
    around = whole.pad(_AROUND_SECONDS, _AROUND_SECONDS).clamp(work.job.media.span)
    words = tuple(word for word in work.analysis.transcript.words if word.span.overlap(around) > 0)
    voice = work.analysis.signals["voice"]
    return work.job.cache.record(
        work.job.key("voice-facts", FACTS_VERSION, around=around, words=words),
        VoiceFacts,
        lambda: voice_facts(open_sound(work.job), voice, words, around),
    )
