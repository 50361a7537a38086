"""A rough look at HDR for machines: code values to ones that resemble ordinary video.

Delivered clips are tone mapped by ffmpeg; this only keeps detectors from seeing a grey fog.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.media import Colour

# ITU-R BT.2408: graphics white of an HDR programme, in cd/m2; becomes code value _WHITE_CODE.
_REFERENCE_WHITE = 203.0
_WHITE_CODE = 0.9
# ITU-R BT.2100 table 4 (PQ) and table 5 (HLG).
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2


def tone_curve(colour: Colour) -> NDArray[np.uint8]:
    """[256] ordinary code value for each 8 bit HDR code value.

    Raises:
        ValueError: the colour is not HDR.
    """
    code = np.linspace(0.0, 1.0, 256)
    if colour is Colour.HDR10:
        power = code ** (1 / _M2)
        nits = 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    elif colour is Colour.HLG:
        low = code**2 / 3
        scene = np.where(code <= 0.5, low, (np.exp((code - _HLG_C) / _HLG_A) + _HLG_B) / 12)
        nits = _HLG_PEAK * scene**_HLG_GAMMA
    else:
        raise ValueError(f"{colour.value} needs no tone curve")
    light = nits / _REFERENCE_WHITE * _WHITE_CODE**2.2
    # Below the knee as it is, above it rolled off towards 1 (Reinhard).
    knee = 0.6
    over = np.maximum(light - knee, 0) / (1 - knee)
    light = np.where(light <= knee, light, knee + (1 - knee) * over / (1 + over))
    curve: NDArray[np.uint8] = np.rint(255 * light ** (1 / 2.2)).astype(np.uint8)
    return curve
