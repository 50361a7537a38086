from __future__ import annotations

import numpy as np
import pytest

from talkreel.core.media import Colour
from talkreel.media.tone import tone_curve


@pytest.mark.parametrize("colour", [Colour.HDR10, Colour.HLG])
def test_curve_rises_from_black_and_spreads_what_people_look_like(colour: Colour) -> None:
    curve = tone_curve(colour).astype(int)
    assert curve.shape == (256,)
    assert curve[0] == 0
    assert np.all(np.diff(curve) >= 0)
    # BT.2408 table 1: graphics white is 58 % PQ and 75 % HLG; it should end up bright.
    white = curve[round(255 * (0.58 if colour is Colour.HDR10 else 0.75))]
    assert 200 <= white <= 235


def test_ordinary_video_has_no_curve() -> None:
    with pytest.raises(ValueError, match="no tone curve"):
        tone_curve(Colour.SDR)
