from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from talkreel.core.edits import Canvas
from talkreel.edit.safe_area import PLATFORMS, safe_area

PHONE, WIDE = Canvas(1080, 1920, Fraction(30)), Canvas(1920, 1080, Fraction(30))


def test_without_a_platform_a_clip_fits_every_short_video_platform() -> None:
    union = safe_area(PHONE)
    for name in ("tiktok", "reels", "shorts", "facebook"):
        area = safe_area(replace(PHONE, platform=name))
        assert union.top >= area.top
        assert union.bottom >= area.bottom
        assert union.sides >= area.sides


def test_each_platform_says_where_its_figures_come_from() -> None:
    assert {"tiktok", "reels", "shorts", "youtube", "linkedin", "x", "facebook"} <= set(PLATFORMS)
    for platform in PLATFORMS.values():
        assert len(platform.source) > 10
        assert 0.5 < platform.area.width < 1
        assert platform.area.top < platform.area.lowest


def test_wide_canvases_have_a_title_safe_frame_wherever_they_go() -> None:
    assert safe_area(replace(WIDE, platform="tiktok")) == safe_area(WIDE)
    with pytest.raises(ValueError, match="choose one of tiktok"):
        safe_area(replace(WIDE, platform="nowhere"))
