from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.tracks import Transition
from talkreel.media.packets import PacketIndex
from talkreel.perceive.shot_compare import blend, brightness, difference, parts, signature
from talkreel.perceive.shot_packets import stretches
from talkreel.perceive.shot_transitions import Change, find_changes, separate

Pictures = NDArray[np.uint8]
RATE = 25


def picture(seed: int, low: int = 20, high: int = 235) -> Pictures:
    """[108, 576, 3] of patches: wide enough to pan over."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(low, high, (9, 48, 3), dtype=np.uint8)
    return np.repeat(np.repeat(patches, 12, axis=0), 12, axis=1)


def still(seed: int, frames: int, **range_: int) -> list[Pictures]:
    return [picture(seed, **range_)[:, :192]] * frames


def pan(seed: int, frames: int, step: int) -> list[Pictures]:
    big = picture(seed)
    return [big[:, i * step : i * step + 192] for i in range(frames)]


def changes(frames: list[Pictures], **options: bool) -> list[tuple[int, Transition]]:
    times = np.arange(len(frames)) / RATE
    found = find_changes(times, np.stack([signature(frame) for frame in frames]), **options)
    return [(round(change.time * RATE), change.kind) for change in found]


def mixed(a: Pictures, b: Pictures, steps: int) -> list[Pictures]:
    shares = (np.arange(steps) + 1) / (steps + 1)
    return [np.round(a * (1 - s) + b * s).astype(np.uint8) for s in shares]


def test_difference_of_a_picture_with_itself_is_nothing() -> None:
    one = signature(picture(1)[:, :192])
    assert difference(one, one)[0] == pytest.approx(0, abs=1e-6)


def test_difference_of_other_pictures_is_beyond_a_cut() -> None:
    a, b = (signature(picture(i)[:, :192]) for i in (1, 2))
    assert difference(a, b)[0] > 2


def test_brightness_changes_colour_but_not_structure() -> None:
    dim = picture(1, high=120)[:, :192]
    colour, structure = parts(signature(dim), signature(dim + np.uint8(80)))
    assert colour[0] == pytest.approx(80, abs=1)
    assert structure[0] < 0.01


def test_bars_do_not_dilute_a_difference() -> None:
    a, b = picture(1)[:, :192].copy(), picture(2)[:, :192].copy()
    bare = difference(signature(a[:, 60:132]), signature(b[:, 60:132]))[0]
    for barred in (a, b):
        barred[:, :60] = barred[:, 132:] = 0
    assert difference(signature(a), signature(b))[0] > 0.55 * bare


def test_grain_on_black_is_no_difference() -> None:
    rng = np.random.default_rng(0)
    a, b = (signature(rng.integers(0, 8, (108, 192, 3), dtype=np.uint8)) for _ in range(2))
    assert difference(a, b)[0] < 0.2
    assert brightness(np.stack([a, b])).max() < 8


def test_blend_tells_the_share() -> None:
    a, b = picture(1)[:, :192], picture(2)[:, :192]
    frames = [a, *mixed(a, b, 3), b]
    share, rest = blend(np.stack([signature(frame) for frame in frames]))
    assert share == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.02)
    assert rest.max() < 0.02


def test_cut_is_at_the_first_new_frame() -> None:
    assert changes(still(1, 20) + still(2, 20)) == [(20, Transition.CUT)]


def test_cut_between_dark_pictures() -> None:
    frames = still(1, 20, low=0, high=40) + still(2, 20, low=0, high=40)
    assert changes(frames) == [(20, Transition.CUT)]


def test_camera_that_swings_round_within_frames_is_no_cut() -> None:
    frames = still(3, 20) + [picture(3)[:, 60 * i : 60 * i + 192] for i in range(6)]
    assert changes(frames + [frames[-1]] * 20) == []


def test_change_of_slide_is_a_cut_although_most_of_it_is_paper() -> None:
    slides = [np.full((108, 192, 3), 250, dtype=np.uint8) for _ in range(2)]
    slides[0][20:90, 15:95] = picture(1)[20:90, :80]
    slides[1][20:90, 90:180] = picture(2)[20:90, :90]
    assert changes([slides[0]] * 20 + [slides[1]] * 20) == [(20, Transition.CUT)]


def test_dissolve_in_the_dark() -> None:
    a, b = still(1, 30, low=0, high=50), still(2, 30, low=0, high=50)
    found = changes([*a, *mixed(a[0], b[0], 15), *b])
    assert [kind for _, kind in found] == [Transition.FADE]


def test_one_picture_or_none_has_no_change() -> None:
    assert changes(still(1, 1)) == []
    assert find_changes(np.zeros(0), np.zeros((0, 27, 48, 3), dtype=np.float32)) == ()


@pytest.mark.parametrize("step", [2, 6, 10])
def test_pan_is_no_cut(step: int) -> None:
    assert changes(pan(3, 36, step)) == []


def test_cut_inside_pans() -> None:
    assert changes(pan(3, 30, 3) + pan(4, 30, 3)) == [(30, Transition.CUT)]


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_flash_is_no_cut(length: int) -> None:
    frames = still(1, 40)
    for i in range(20, 20 + length):
        frames[i] = np.full_like(frames[i], 250)
    assert changes(frames) == []


def test_glimpse_of_another_picture_counts_when_long_enough() -> None:
    frames = still(1, 30) + still(2, 10) + still(1, 30)
    assert changes(frames) == [(30, Transition.CUT), (40, Transition.CUT)]


@pytest.mark.parametrize("steps", [6, 12, 25, 45])
def test_dissolve_is_one_fade_in_its_middle(steps: int) -> None:
    a, b = still(1, 30), still(2, 30)
    found = changes([*a, *mixed(a[0], b[0], steps), *b])
    assert [kind for _, kind in found] == [Transition.FADE]
    assert found[0][0] == pytest.approx(30 + steps / 2, abs=2)


def test_light_going_up_is_no_fade() -> None:
    dim = picture(1, low=60, high=120)[:, :192]
    bright = dim + np.uint8(100)
    assert changes([dim] * 20 + mixed(dim, bright, 15) + [bright] * 20) == []


@pytest.mark.parametrize("hold", [1, 10, 30])
def test_dip_to_black_is_one_fade_in_its_middle(hold: int) -> None:
    a, b = still(1, 30), still(2, 30)
    black = np.zeros_like(a[0])
    frames = [*a, *mixed(a[0], black, 12), *[black] * hold, *mixed(black, b[0], 12), *b]
    found = changes(frames)
    assert [kind for _, kind in found] == [Transition.FADE]
    assert found[0][0] == pytest.approx(42 + hold / 2, abs=2)


def test_cut_to_black_and_back_counts_twice() -> None:
    frames = [*still(1, 30), *[np.zeros((108, 192, 3), dtype=np.uint8)] * 20, *still(2, 30)]
    assert changes(frames) == [(30, Transition.CUT), (50, Transition.CUT)]


def test_fade_in_at_the_very_beginning_begins_no_shot() -> None:
    shot = still(1, 40)
    frames = [np.zeros_like(shot[0])] * 3 + mixed(np.zeros_like(shot[0]), shot[0], 12) + shot
    assert changes(frames, opens=True) == []
    assert changes(frames[::-1], closes=True) == []
    assert len(changes(frames)) == 1


def test_of_close_changes_the_stronger_stands() -> None:
    weak, strong = Change(1.0, Transition.CUT, 1.5), Change(1.1, Transition.CUT, 3.0)
    far = Change(2.0, Transition.FADE, 1.0)
    assert separate([far, weak, strong]) == (strong, far)


# Packets ------------------------------------------------------------------------------------


def packets(sizes: list[int], keys: list[int], rate: float = RATE) -> PacketIndex:
    keyframe = np.zeros(len(sizes), dtype=np.bool_)
    keyframe[keys] = True
    return PacketIndex(np.arange(len(sizes)) / rate, np.array(sizes), keyframe)


def gop(length: int, key: int = 50_000) -> list[int]:
    """A keyframe and a quiet P B B pattern after it."""
    return [key, *([4_000, 900, 700] * length)[: length - 1]]


def test_no_packets_no_stretches() -> None:
    assert stretches(packets([], [])) == ()


def test_quiet_packets_hint_at_nothing() -> None:
    found = stretches(packets(gop(100) * 3, [0, 100, 200]))
    assert [(part.first, part.last) for part in found] == [(0, 100), (100, 200), (200, 300)]
    assert all(part.spikes == () and part.blanks == () and part.rests for part in found)


def test_packet_as_large_as_a_picture_is_a_spike() -> None:
    sizes = gop(100) * 3
    sizes[140] = 35_000
    assert stretches(packets(sizes, [0, 100, 200]))[1].spikes == (140,)


def test_tiny_packets_are_a_blank() -> None:
    sizes = gop(100) * 3
    sizes[140:155] = [40] * 15
    assert stretches(packets(sizes, [0, 100, 200]))[1].blanks == (140,)


def test_many_large_packets_are_a_swell() -> None:
    sizes = gop(100) * 3
    sizes[140:156:2] = [15_000] * 8
    part = stretches(packets(sizes, [0, 100, 200]))[1]
    assert part.spikes == ()
    assert 130 <= part.swells[0] <= 142
    assert 150 <= part.swells[-1] <= 162


def test_keyframe_off_the_beat_is_forced() -> None:
    sizes = gop(250) + gop(250) + gop(87) + gop(250) + gop(250)
    found = stretches(packets(sizes, [0, 250, 500, 587, 837]))
    assert [part.forced for part in found] == [False, False, True, False, False]


def test_fixed_keyframe_distance_is_not_forced() -> None:
    found = stretches(packets(gop(50) * 5, [0, 50, 100, 150, 200]))
    assert not any(part.forced for part in found)


def test_restless_end_of_a_stretch() -> None:
    sizes = gop(250) + gop(250)
    sizes[240:250] = [30_000] * 10
    assert [part.rests for part in stretches(packets(sizes, [0, 250]))] == [False, True]


def test_all_intra_is_looked_at_three_times_a_second() -> None:
    rng = np.random.default_rng(0)
    sizes = list(rng.normal(100_000, 300, 250).astype(int))
    sizes[130:] = [int(size * 1.3) for size in sizes[130:]]
    found = stretches(packets(sizes, list(range(250))))
    assert 24 <= len(found) <= 30
    assert [spike for part in found for spike in part.spikes] == [130]
