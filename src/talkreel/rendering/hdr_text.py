"""SDR graphics in an HDR picture: captions and titles with white at 203 cd/m2 (ITU-R BT.2408)."""

from __future__ import annotations

import re

import numpy as np

from talkreel.core.media import Colour
from talkreel.rendering.tonemap import DISPLAY_GAMMA, WHITE_NITS, nits_to_hlg, nits_to_pq

# ITU-R BT.2087, linear light.
_709_TO_2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)
# Colours of an ASS script: of styles with their opacity, of override tags without.
_STYLE_COLOUR = re.compile(r"&H([0-9A-Fa-f]{2})([0-9A-Fa-f]{6})(?=[,\s])")
_TAG_COLOUR = re.compile(r"(\\[1-4]?c&H)([0-9A-Fa-f]{6})(?=&)")


def hdr_code(rgb: tuple[int, int, int], colour: Colour) -> tuple[int, int, int]:
    """8 bit BT.709 colour as 8 bit BT.2020 code values of ``colour``."""
    linear = np.power(np.array(rgb, dtype=np.float64) / 255, DISPLAY_GAMMA) @ _709_TO_2020.T
    nits = WHITE_NITS * np.clip(linear, 0, None)
    code = nits_to_pq(nits) if colour is Colour.HDR10 else nits_to_hlg(nits)
    red, green, blue = (round(255 * float(value)) for value in code)
    return red, green, blue


def hdr_script(script: str, colour: Colour) -> str:
    """An ASS script whose colours look the same in a picture of ``colour``."""
    styled = _STYLE_COLOUR.sub(lambda m: f"&H{m[1]}{_mapped(m[2], colour)}", script)
    return _TAG_COLOUR.sub(lambda m: f"{m[1]}{_mapped(m[2], colour)}", styled)


def _mapped(digits: str, colour: Colour) -> str:
    """``BBGGRR``; neighbours told apart by blue's last bit alone stay apart by it."""
    blue, green, red = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
    r, g, b = hdr_code((red, green, blue), colour)
    return f"{b & ~1 | blue & 1:02X}{g:02X}{r:02X}"
