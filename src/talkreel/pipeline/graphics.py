"""Cards and the logo of a clip: what the brand kit and ``--title-card`` ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from talkreel.core.craft import Asset
from talkreel.core.digests import file_sha256
from talkreel.core.edits import Box, Canvas, Edit, LayoutKind
from talkreel.core.errors import InputError
from talkreel.core.graphics import Bookend, Card, Logo, Sticker
from talkreel.core.media import Colour
from talkreel.core.spans import Span
from talkreel.edit.build import faces_on_canvas
from talkreel.edit.cards import (
    LOWER_THIRD_SECONDS,
    TITLE_SECONDS,
    CardLook,
    Surroundings,
    lower_third,
    meet,
    title_card,
)
from talkreel.edit.censor import masked_text
from talkreel.edit.emoji import choose_emoji, emoji_box
from talkreel.edit.safe_area import SafeArea, safe_area
from talkreel.media.fonts import emoji_font
from talkreel.media.probe import probe
from talkreel.pipeline.brand import Brand, BrandLogo, BrandSpeaker, read_brand
from talkreel.pipeline.words import Wordsmith
from talkreel.pipeline.work import Work, noted
from talkreel.rendering.stickers import draw_glyph

# A lower third comes this long after its speaker's first word, so that the eye is free.
_AFTER_SECONDS = 0.4
# Longer lines do not stay for two seconds.
_MOST_CHARACTERS = 80


def add_logo(work: Work, edit: Edit) -> Edit:
    """``edit`` with the brand's logo in its corner of the safe area; before captions are set."""
    brand = _brand(work)
    if brand is None or brand.logo is None:
        return edit
    box = _corner_box(brand.logo, edit.canvas, safe_area(edit.canvas))
    logo = Logo(brand.logo.asset, box, brand.logo.opacity)
    edit = replace(edit, graphics=replace(edit.graphics, logo=logo))
    return noted(edit, "logo", f"{brand.logo.corner}, inside the safe area", applied=True)


def add_cards(work: Work, edit: Edit) -> Edit:
    """``edit`` with its title card and lower thirds; after captions are set."""
    brand = _brand(work)
    look = CardLook() if brand is None else brand.cards
    if work.options.title_card:
        edit = _with_title(work, edit, look)
    for speaker in brand.speakers if brand else ():
        edit = _with_lower_third(work, edit, look, speaker)
    return _with_emoji(work, edit, brand) if work.options.emoji else edit


def _with_emoji(work: Work, edit: Edit, brand: Brand | None) -> Edit:
    if edit.captions is None:
        return noted(edit, "emoji", "the clip has no captions", applied=False)
    font = brand.emoji if brand is not None and brand.emoji is not None else _installed_emoji()
    if font is None:
        text = (
            "no colour font: install one (Debian: fonts-noto-color-emoji), or name one in a brand "
            "kit, [emoji] file"
        )
        return noted(edit, "emoji", text, applied=False)
    around = _around(work, edit)
    cards = edit.graphics.cards
    made = []
    for cue, emoji, span in choose_emoji(edit.captions):
        box = emoji_box(cue, edit.captions, edit.canvas)
        hidden = [*around.taken, *(c.box for c in cards if c.span.overlap(span) > 0)]
        faces = around.faces_at(span.start) if around.faces_at else ()
        outside = box[1] < around.area.top
        if outside or any(meet(box, other) for other in (*hidden, *faces)):
            continue
        if draw_glyph(emoji, Path(font.path)) is not None:
            made.append(Sticker(emoji, span, font, box))
    edit = replace(edit, graphics=replace(edit.graphics, stickers=tuple(made)))
    done = f"{len(made)}: {' '.join(s.text for s in made)}" if made else ""
    text = done or "no word calls for one where there is room for it"
    return noted(edit, "emoji", text, applied=bool(made))


def _installed_emoji() -> Asset | None:
    path = emoji_font()
    return None if path is None else Asset(str(path), file_sha256(path))


def add_bookends(work: Work, edit: Edit) -> Edit:
    """``edit`` with the brand's intro before it and its outro after it."""
    brand = _brand(work)
    if brand is None:
        return edit
    graphics = edit.graphics
    for name, asset in (("intro", brand.intro), ("outro", brand.outro)):
        if asset is None:
            continue
        media = probe(asset.path)
        if media.video is None or media.video.colour is not Colour.SDR:
            raise InputError(f"the {name} {asset.path} must be a video in standard range (SDR)")
        frames = max(1, round(media.duration * edit.canvas.frame_rate))
        end = Bookend(asset, frames)
        intro = name == "intro"
        graphics = replace(graphics, intro=end) if intro else replace(graphics, outro=end)
        text = f"{media.duration:.1f} s {'before' if intro else 'after'} the clip, as loud as it"
        edit = noted(edit, name, text, applied=True)
    return replace(edit, graphics=graphics)


def _brand(work: Work) -> Brand | None:
    return None if work.options.brand is None else read_brand(work.options.brand)


def _with_title(work: Work, edit: Edit, look: CardLook) -> Edit:
    if any(layout.kind is LayoutKind.WAVEFORM for layout in edit.layouts):
        text = "the title stands over the waveform all along"
        return noted(edit, "title card", text, applied=False)
    text = hook_line(work, edit)
    end = edit.time_map.to_source(min(TITLE_SECONDS, edit.time_map.duration))
    span = Span(edit.kept[0].start, max(end, edit.kept[0].start + 0.1))
    card = title_card(text, span, look, _around(work, edit, span))
    if card is None:
        why = "every place for it would hide a face or the captions, or it is too long"
        return noted(edit, "title card", f"“{text}” is left out: {why}", applied=False)
    size = card.lines[0].size * edit.canvas.height
    done = f"“{text}” stands on the first {TITLE_SECONDS:g} s, {size:.0f} px high"
    return noted(_with_card(edit, card), "title card", done, applied=True)


def hook_line(work: Work, edit: Edit) -> str:
    """The hook model's favourite line of the clip; its title where there is none short enough."""
    words = Wordsmith(work.job)(work.candidate, work.analysis)
    lines = [hook.text for hook in words.hooks] if words is not None else []
    line = next((text for text in lines if len(text) <= _MOST_CHARACTERS), edit.title)
    return masked_text(line) if work.options.censor else line


def _with_lower_third(work: Work, edit: Edit, look: CardLook, speaker: BrandSpeaker) -> Edit:
    feature = f"lower third of {speaker.name}"
    busy = edit.kept[0].start
    for earlier in edit.graphics.cards:
        busy = max(busy, earlier.span.end)
    said = [
        word.span.start
        for word in work.analysis.transcript.words
        if word.speaker == speaker.label and any(s.contains(word.span.middle) for s in edit.kept)
    ]
    if not said:
        text = f"nobody labelled {speaker.label!r} speaks in this clip"
        return noted(edit, feature, text, applied=False)
    for start in (s + _AFTER_SECONDS for s in said if s + _AFTER_SECONDS >= busy):
        home = next((span for span in edit.kept if span.contains(start)), None)
        if home is None or home.end - start < LOWER_THIRD_SECONDS:
            continue
        span = Span(start, start + LOWER_THIRD_SECONDS)
        card = lower_third(speaker.name, speaker.role, span, look, _around(work, edit, span))
        if card is not None:
            at = edit.time_map.to_clip(start)
            done = f"shown at {at:.1f} s for {LOWER_THIRD_SECONDS:g} s"
            return noted(_with_card(edit, card), feature, done, applied=True)
    text = "there is no free place for it while the speaker talks"
    return noted(edit, feature, text, applied=False)


def _with_card(edit: Edit, card: Card) -> Edit:
    cards = (*edit.graphics.cards, card)
    return replace(edit, graphics=replace(edit.graphics, cards=cards))


def _around(work: Work, edit: Edit, span: Span | None = None) -> Surroundings:
    """What a card over ``span`` must keep off."""
    logo = edit.graphics.logo
    scene = None
    if span is not None:
        hull = Span(edit.kept[0].start, edit.kept[-1].end)
        layout = next((x for x in edit.layouts if x.span.contains(span.start)), edit.layouts[0])
        scene = layout.span.clamp(hull)
    return Surroundings(
        canvas=edit.canvas,
        area=safe_area(edit.canvas),
        captions=edit.captions,
        faces_at=faces_on_canvas(work.analysis, edit.canvas, edit.layouts),
        taken=(logo.box,) if logo is not None else (),
        scene=scene,
    )


def _corner_box(logo: BrandLogo, canvas: Canvas, area: SafeArea) -> Box:
    """Where the logo stands; smaller than asked where it would leave the safe area."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(logo.asset.path) as image:
            shape = image.width / image.height
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"the logo {logo.asset.path} is no picture: {error}") from error
    width = min(logo.width, area.width)
    height = width * canvas.width / canvas.height / shape
    room = area.lowest - area.top
    if height > room:
        width, height = width * room / height, room
    left = area.sides if "left" in logo.corner else 1 - area.sides - width
    top = area.top if "top" in logo.corner else area.lowest - height
    return (left, top, left + width, top + height)
