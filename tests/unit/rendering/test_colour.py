from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from talkreel.core.media import Colour, VideoStream
from talkreel.rendering.colour import SourceColour, conversion, read_colour
from talkreel.rendering.tonemap import (
    hlg_to_nits,
    nits_to_pq,
    pq_to_nits,
    roll_off,
    to_sdr,
)

LOG = """[info]   Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono, fltp
[info]   Stream #0:1[0x2](und): Video: h264 (Main) (avc1 / 0x31637661), {} 640x428, 29.41 fps"""


def video(height: int = 720, colour: Colour = Colour.SDR) -> VideoStream:
    return VideoStream(
        index=1,
        width=1280,
        height=height,
        coded_width=1280,
        coded_height=height,
        frame_rate=Fraction(30),
        codec="h264",
        colour=colour,
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("yuv420p(tv, bt709, progressive),", SourceColour("bt709", "bt709")),
        ("yuv420p(progressive),", SourceColour()),
        ("yuv420p,", SourceColour()),
        (
            "yuv420p(tv, smpte170m/smpte170m/bt709, top first),",
            SourceColour("smpte170m", "smpte170m", interlaced=True),
        ),
        (
            "yuv420p10le(tv, bt2020nc/bt2020/smpte2084),",
            SourceColour("bt2020nc", "bt2020"),
        ),
        ("yuv420p(tv, unknown/bt709/bt709, progressive),", SourceColour("unknown", "bt709")),
    ],
)
def test_what_the_stream_says(said: str, expected: SourceColour) -> None:
    assert read_colour(LOG.format(said), 1) == expected


def test_another_stream_says_nothing() -> None:
    assert read_colour(LOG.format("yuv420p(tv, bt709),"), 5) == SourceColour()


def test_untagged_video_is_taken_by_its_size() -> None:
    assert "in_color_matrix=bt709" in conversion(video(720), SourceColour()).enlarging
    assert "in_color_matrix=bt601" in conversion(video(480), SourceColour()).enlarging


def test_other_primaries_are_converted_before_scaling() -> None:
    filters = conversion(video(480), SourceColour("smpte170m", "smpte170m")).enlarging
    assert filters.index("in_primaries=smpte170m") < filters.index("{size}")


@pytest.mark.parametrize(
    ("nits", "code"), [(0.0, 0.0), (100.0, 0.508), (203.0, 0.581), (1000.0, 0.752), (1e4, 1.0)]
)
def test_pq_is_as_in_the_standard(nits: float, code: float) -> None:
    assert float(nits_to_pq(np.array(nits))) == pytest.approx(code, abs=1e-3)
    assert float(pq_to_nits(np.array(code))) == pytest.approx(nits, rel=0.02, abs=1e-6)


def test_hlg_white_is_at_75_per_cent() -> None:
    assert hlg_to_nits(np.full(3, 0.75))[0] == pytest.approx(203, rel=0.01)
    assert hlg_to_nits(np.ones(3))[0] == pytest.approx(1000, rel=0.01)


def test_highlights_are_eased_and_the_rest_is_untouched() -> None:
    nits = np.array([1.0, 20.0, 60.0, 200.0, 400.0, 1000.0])
    eased = roll_off(nits, 1000.0, 203.0)
    np.testing.assert_allclose(eased[:3], nits[:3], rtol=1e-6)
    assert np.all(np.diff(eased) > 0)
    assert eased[-1] == pytest.approx(203.0, rel=1e-3)
    np.testing.assert_allclose(roll_off(nits[:4], 200.0, 203.0), nits[:4])


@pytest.mark.parametrize("colour", [Colour.HDR10, Colour.HLG])
def test_greys_stay_grey_and_order_is_kept(colour: Colour) -> None:
    code = np.repeat(np.linspace(0, 1, 50)[:, None], 3, axis=1)
    sdr = to_sdr(code, colour, 1000.0)
    assert np.ptp(sdr, axis=1).max() < 2e-3
    assert np.all(np.diff(sdr[:, 0]) >= -1e-9)
    assert sdr[0, 0] == pytest.approx(0, abs=0.01)
    assert sdr[-1, 0] == pytest.approx(1.0, abs=0.01)


def test_dim_grading_is_shown_with_its_white_as_white() -> None:
    code = np.full(3, float(nits_to_pq(np.array(100.0))))
    assert to_sdr(code, Colour.HDR10, 100.0)[0] == pytest.approx(1.0, abs=0.01)
    dark = np.full(3, float(nits_to_pq(np.array(5.0))))
    assert to_sdr(dark, Colour.HDR10, 5.0)[0] < 0.35


def test_hdr_is_looked_up_at_the_smaller_size() -> None:
    how = conversion(video(1080, Colour.HLG), SourceColour("bt2020nc", "bt2020"))
    small, large = how.to_size(1000 * 1000, 500, 500), how.to_size(500 * 500, 1000, 1000)
    assert small.index("500:500") < small.index("lut3d")
    assert large.index("1000:1000") > large.index("lut3d")
