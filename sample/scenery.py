"""What stands behind the presenter and what the slides show, drawn from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import font_roboto
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 1280, 720
Picture = NDArray[np.uint8]
_FONTS = Path(font_roboto.__file__).parent / "files"
_PAPER, _INK, _GREY, _ACCENT, _SECOND = "#F6F4EE", "#1C2333", "#6B7285", "#D9480F", "#2B6CB0"
INSET = (960, 470, 1240, 680)  # where the presenter is shown on a slide: left, top, right, bottom


def font(size: int, weight: str = "Regular") -> ImageFont.FreeTypeFont:
    """Roboto from its package, in pixels."""
    return ImageFont.truetype(str(_FONTS / f"Roboto-{weight}.ttf"), size)


def stage() -> Picture:
    """[1080, 1920, 3] a dark stage: curtain of light, a screen with the title, a floor."""
    rows, columns = np.mgrid[0:1080, 0:1920].astype(np.float32)
    glow = np.exp(-(((columns - 1000) / 900) ** 2) - ((rows - 430) / 520) ** 2)
    night, dusk = np.float32([13, 17, 38]), np.float32([44, 62, 124])
    picture = night + (dusk - night) * glow[..., None]
    for foot, head, colour in (
        (420, 250, (120, 110, 220)),
        (960, 960, (190, 170, 150)),
        (1500, 1680, (80, 170, 200)),
    ):
        centre = head + (foot - head) * rows / 900
        cone = np.exp(-(((columns - centre) / (40 + rows * 0.19)) ** 2))
        fade = np.clip(1 - rows / 980, 0, 1)
        picture += (0.23 * cone * fade)[..., None] * np.float32(colour)
    floor = rows > 900
    shine = 0.5 + 0.5 * np.exp(-(((columns - 960) / 620) ** 2))
    picture = np.where(floor[..., None], picture * 0.35 + 26 * shine[..., None], picture)
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    _screen(image)
    _lights(image)
    return np.asarray(image)


def _screen(image: Image.Image) -> None:
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((1130, 170, 1790, 560), 14, fill="#0F2A4A", outline="#5B7FB5", width=4)
    draw.text((1180, 215), "Say it short", font=font(86, "Bold"), fill="#F4F7FF")
    draw.text((1182, 335), "Two minutes, one silence,", font=font(42), fill="#B9CBE8")
    draw.text((1182, 392), "and words for everybody", font=font(42), fill="#B9CBE8")
    draw.text((1182, 495), "talkreel sample · synthetic voice", font=font(26), fill="#7F96BC")


def _lights(image: Image.Image) -> None:
    rng = np.random.default_rng(3)
    layer = Image.new("RGB", image.size)
    draw = ImageDraw.Draw(layer)
    for _ in range(26):
        x, y, r = rng.uniform(0, 1920), rng.uniform(0, 150), rng.uniform(5, 17)
        tint = (int(rng.uniform(80, 190)), int(rng.uniform(90, 150)), int(rng.uniform(120, 220)))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tint)
    soft = np.asarray(layer.filter(ImageFilter.GaussianBlur(3)), dtype=np.int16)
    image.paste(Image.fromarray((np.asarray(image) + soft).clip(0, 255).astype(np.uint8)))


def framed(picture: Picture, left: int, top: int, width: int) -> Picture:
    """A 16:9 part of ``picture`` at the size of the video."""
    part = picture[top : top + width * 9 // 16, left : left + width]
    method = cv2.INTER_AREA if width > WIDTH else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (WIDTH, HEIGHT), interpolation=method))


def inset(picture: Picture) -> Picture:
    """A part of ``picture`` at the size of ``INSET``."""
    left, top, right, bottom = INSET
    part = picture[60:660, 200:1000]
    size = (right - left, bottom - top)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA))


class Slide:
    """One slide; what appears on it later is drawn by ``at``."""

    def __init__(self, title: str, number: int) -> None:
        self._base = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
        draw = ImageDraw.Draw(self._base)
        draw.rectangle((0, 0, 18, HEIGHT), fill=_ACCENT)
        draw.text((80, 56), title, font=font(58, "Bold"), fill=_INK)
        draw.line((80, 142, 300, 142), fill=_ACCENT, width=6)
        draw.text((80, 676), f"Say it short · {number}", font=font(22), fill=_GREY)

    def at(self, elapsed: float) -> Picture:
        """The slide ``elapsed`` seconds after it came up."""
        return np.asarray(self._base)


class GapSlide(Slide):
    """Two bars of speech with a short gap, and bullets that come one by one."""

    def __init__(self, bullets: Sequence[tuple[float, str]]) -> None:
        super().__init__("The gap between two speakers", 2)
        self._bullets = bullets
        draw = ImageDraw.Draw(self._base)
        for x0, x1, y, colour, label in (
            (110, 560, 220, _SECOND, "first speaker"),
            (640, 1150, 300, _ACCENT, "second speaker"),
        ):
            draw.rounded_rectangle((x0, y, x1, y + 56), 12, fill=colour)
            draw.text((x0 + 20, y + 11), label, font=font(28, "Medium"), fill="white")
        for x in (560, 640):
            draw.line((x, 200, x, 392), fill=_INK, width=2)
        draw.text((600, 398), "1/5 second", font=font(30, "Bold"), fill=_INK, anchor="ma")

    def at(self, elapsed: float) -> Picture:
        """The slide with what has come up so far."""
        image = self._base.copy()
        draw = ImageDraw.Draw(image)
        for row, (appears, text) in enumerate(self._bullets):
            if elapsed >= appears:
                y = 470 + row * 62
                draw.ellipse((92, y + 14, 106, y + 28), fill=_ACCENT)
                draw.text((128, y), text, font=font(36), fill=_INK)
        return np.asarray(image)


class ChartSlide(Slide):
    """Two columns that grow: the gap, and the time to prepare a word."""

    def __init__(self) -> None:
        super().__init__("One word takes longer than the gap", 3)

    def at(self, elapsed: float) -> Picture:
        """The slide with what has come up so far."""
        image = self._base.copy()
        draw = ImageDraw.Draw(image)
        draw.line((120, 620, 900, 620), fill=_INK, width=3)
        rows = ((220, 0.2, 0.4, _SECOND, "the gap"), (560, 0.6, 2.4, _ACCENT, "one word, prepared"))
        for x, seconds, appears, colour, label in rows:
            grown = min(max((elapsed - appears) / 0.8, 0.0), 1.0)
            top = 620 - round(600 * seconds * (1 - (1 - grown) ** 2))
            if top < 620:
                draw.rectangle((x, top, x + 180, 618), fill=colour)
            draw.text((x + 90, 628), label, font=font(28), fill=_INK, anchor="ma")
            if grown >= 1:
                text = f"{seconds:.1f} s"
                draw.text((x + 90, top - 52), text, font=font(42, "Bold"), fill=_INK, anchor="ma")
        return np.asarray(image)


class QuestionSlide(Slide):
    """A question from the room, in large letters."""

    def __init__(self) -> None:
        super().__init__("A question from the room", 4)
        draw = ImageDraw.Draw(self._base)
        draw.rounded_rectangle((80, 220, 1200, 560), 28, fill="#FFFFFF", outline="#D8D3C6", width=3)
        draw.text((140, 270), "What about people", font=font(80, "Bold"), fill=_INK)
        draw.text((140, 390), "who cannot hear you?", font=font(80, "Bold"), fill=_SECOND)
