"""Captions of an edit: dressed words in a style, on a plate where they could not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from talkreel.core.analysis import Analysis
from talkreel.core.craft import Note
from talkreel.core.edits import CaptionStyle, CaptionWord, Edit
from talkreel.core.media import Media
from talkreel.core.transcript import Word
from talkreel.edit.build import restyle
from talkreel.edit.captions import caption_words
from talkreel.edit.censor import is_profane, mask
from talkreel.edit.contrast import ENOUGH, always_readable, low_contrast, plated, text_colours
from talkreel.edit.emphasis import emphasise
from talkreel.edit.speaker_colours import speaker_colours
from talkreel.edit.styles import find_style
from talkreel.edit.translated import sentences_of, spread_over
from talkreel.pipeline.backgrounds import backgrounds
from talkreel.pipeline.brand import read_brand
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.word_evidence import word_evidence
from talkreel.pipeline.work import Work, noted

PLATE = "caption plate"
_DEFAULT = ClipOptions().captions


def captioned(work: Work, edit: Edit) -> Edit:
    """``edit`` with the captions that the job asks for."""
    name = work.job.options.captions
    if name is None:
        return _without(edit, work)
    style = wanted_style(work.options.brand, name)
    words, edit = dressed(work, edit, style)
    edit = restyle(edit, style, work.analysis, words=words)
    return readable(edit, style, work.job.media, work.analysis, words)


def wanted_style(brand: Path | None, name: str) -> CaptionStyle:
    """Style ``name``, in the brand's look where there is a brand.

    The default style stands for the brand's own base.
    """
    if brand is None:
        return find_style(name)
    return read_brand(brand).style(None if name == _DEFAULT else name)


def dressed(work: Work, edit: Edit, style: CaptionStyle) -> tuple[list[CaptionWord], Edit]:
    """The words of the clip with emphasis, colours and masks, and the edit with notes of them."""
    options, analysis = work.options, work.analysis
    spoken = [w for w in analysis.transcript.words if _played(w, edit)]
    if options.censor:
        spoken = [replace(w, text=mask(w.text)) if is_profane(w.text) else w for w in spoken]
    if options.translate_model is not None and spoken:
        spoken, edit = _translated(work, edit, spoken)
    shown = caption_words(spoken, edit.kept)
    if len(shown) != len(spoken):
        # A word squeezed out between others: its neighbours keep their own evidence.
        spoken = _matching(spoken, shown)
    if options.emphasis and options.translate_model is not None:
        text = "evidence for words is in the talk's own language, the captions are not"
        edit = noted(edit, "emphasis", text, applied=False)
    elif options.emphasis:
        shown = list(emphasise(shown, word_evidence(spoken, work.candidate, analysis)))
        chosen = [word.text.strip(".,;:!?") for word in shown if word.emphasis]
        text = f"{len(chosen)} of {len(shown)} words: {', '.join(chosen)}" if chosen else ""
        edit = noted(edit, "emphasis", text or "no word stands out", applied=bool(chosen))
    if options.speaker_colours:
        brand = read_brand(options.brand) if options.brand else None
        fixed = {s.label: s.colour for s in brand.speakers if s.colour} if brand else {}
        shown, edit = _coloured(shown, spoken, edit, analysis, style, fixed)
    return shown, edit


def readable(
    edit: Edit,
    style: CaptionStyle,
    media: Media,
    analysis: Analysis | None = None,
    words: Sequence[CaptionWord] | None = None,
) -> Edit:
    """``edit`` with a plate behind its captions where their contrast is too low.

    Args:
        edit: captioned in ``style``.
        style: as it was before it was fitted to the canvas.
        media: the source.
        analysis: see ``restyle``.
        words: see ``restyle``.
    """
    if edit.captions is None:
        return edit
    colours = text_colours(edit.captions)
    if always_readable(edit.captions.style, colours):
        return edit
    behind = backgrounds(edit, media)
    before = low_contrast(edit.captions.style, colours, behind)
    if before >= ENOUGH:
        return edit
    better = plated(style, colours, behind)
    bare = edit if analysis is None else replace(edit, captions=None)
    again = restyle(bare, better, analysis, words=words)
    assert again.captions is not None
    after = low_contrast(again.captions.style, colours, behind)
    text = (
        f"a plate stands behind the captions: without it the contrast was {before:.1f}:1 at its "
        f"low end, with it {after:.1f}:1 (wanted: {ENOUGH}:1)"
    )
    kept = tuple(note for note in again.notes if note.feature != PLATE)
    return replace(again, notes=(*kept, Note(PLATE, True, text)))


def _translated(work: Work, edit: Edit, spoken: Sequence[Word]) -> tuple[list[Word], Edit]:
    """The words of the translation, with the times of the sentences they stand for."""
    from talkreel.perceive.translate import Translator

    options, language = work.options, work.analysis.transcript.language
    assert options.translate_model is not None
    translator = Translator(options.translate_model, language, options.translate_to)
    sentences = sentences_of(spoken)
    texts = translator([" ".join(w.text for w in sentence) for sentence in sentences])
    words = [
        word
        for text, sentence in zip(texts, sentences, strict=True)
        for word in spread_over(text, sentence)
    ]
    done = (
        f"{len(sentences)} sentences from {language} to {options.translate_to} by "
        f"{options.translate_model.name}; word times are spread over each sentence, not heard"
    )
    return words, noted(edit, "translation", done, applied=True)


def _without(edit: Edit, work: Work) -> Edit:
    """Without captions, and told so where something was asked of them."""
    edit = restyle(edit, None)
    for asked, feature in (
        (work.options.emphasis, "emphasis"),
        (work.options.speaker_colours, "speaker colours"),
        (work.options.translate_model is not None, "translation"),
    ):
        if asked:
            edit = noted(edit, feature, "the clip has no captions", applied=False)
    return edit


def _coloured(
    shown: Sequence[CaptionWord],
    spoken: Sequence[Word],
    edit: Edit,
    analysis: Analysis,
    style: CaptionStyle,
    fixed: Mapping[str, str],
) -> tuple[list[CaptionWord], Edit]:
    colours = speaker_colours(analysis.transcript.words, style, fixed)
    if len(colours) < 2:
        text = "only one speaker is told apart in this talk; the captions keep their colour"
        return list(shown), noted(edit, "speaker colours", text, applied=False)
    words = [
        replace(word, colour=colours.get(said.speaker)) if said.speaker else word
        for word, said in zip(shown, spoken, strict=True)
    ]
    here = sorted({word.speaker for word in spoken if word.speaker})
    text = ", ".join(f"{label} {colours[label]}" for label in here) or "nobody is told apart here"
    return words, noted(edit, "speaker colours", text, applied=bool(here))


def _played(word: Word, edit: Edit) -> bool:
    return any(span.contains(word.span.middle) for span in edit.kept)


def _matching(spoken: Sequence[Word], shown: Sequence[CaptionWord]) -> list[Word]:
    """The words of ``spoken`` that are in ``shown``; both in order."""
    found, at = [], 0
    for word in shown:
        while spoken[at].text != word.text:
            at += 1
        found.append(spoken[at])
        at += 1
    return found
