from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest

from talkreel.core.errors import MediaError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import ffmpeg_path, input_options, run_ffmpeg
from talkreel.media.frames import FrameReader, packet_index
from talkreel.media.probe import probe

CONTAINERS = [
    "plain.mp4",
    "plain.mkv",
    "plain.ts",
    "plain.flv",
    "fragmented.mp4",
    "mpeg4.avi",
    "program.mpg",
    "vp9.webm",
    "hevc10.mp4",
    "av1.mkv",
    "late.mp4",
    "late.ts",
    "vfr.mkv",
    "open_gop.mp4",
    "cut.mp4",
]


def _make(maker, name: str) -> Path:
    """One source in many wrappings, odd ones among them."""
    both = [*maker.picture(), *maker.tone()]
    h264 = [*both, *maker.h264, *maker.aac]
    x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"]
    open_gop = ["-bf", "3", "-x264-params", "open-gop=1:keyint=30:b-adapt=0"]
    recipes = {
        "fragmented.mp4": [*h264, "-movflags", "frag_keyframe+empty_moov"],
        "mpeg4.avi": [*both, "-c:v", "mpeg4", "-bf", "2", "-g", "30", "-c:a", "mp3"],
        "program.mpg": [*both, "-c:v", "mpeg2video", "-bf", "2", "-g", "30", "-c:a", "mp2"],
        "vp9.webm": [*both, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-g", "30"],
        "hevc10.mp4": [*both, *x265, "-g", "30", "-pix_fmt", "yuv420p10le"],
        "av1.mkv": [*both, "-c:v", "libsvtav1", "-preset", "12", "-g", "30"],
        "late.mp4": ["-itsoffset", "0.7", *h264],
        "late.ts": ["-itsoffset", "0.7", *h264],
        "vfr.mkv": [*h264, "-vf", "select='not(between(mod(n,7),3,4))'", "-fps_mode", "vfr"],
        "open_gop.mp4": [*both, "-c:v", "libx264", *open_gop, "-pix_fmt", "yuv420p"],
    }
    if name == "cut.mp4":  # an edit list hides what lies before 1.5 s, in mid-group
        plain = _make(maker, "plain.mp4")
        return maker(name, ["-ss", "1.5", "-i", str(plain), "-c", "copy"])
    return maker(name, recipes.get(name, h264))


def _truth(media: Media) -> list[float]:
    """Frame times by the ffmpeg program, the library's libav left out of it."""
    assert media.video is not None
    arguments = [*input_options(media), "-map", f"0:{media.video.index}", "-an"]
    # The sound is mapped too, so that ffmpeg's zero is the file's own.
    if media.audio is not None:
        arguments = [*input_options(media), "-map", f"0:{media.video.index}"]
        arguments += ["-map", f"0:{media.audio.index}"]
    arguments += ["-vf", "showinfo", "-fps_mode", "passthrough", "-enc_time_base", "demux"]
    result = run_ffmpeg([*arguments, "-f", "null", "-"], timeout_seconds=60)
    return [float(x) for x in re.findall(r"showinfo.* pts_time:([-\d.]+)", result.stderr)]


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_frame_comes_at_ffmpegs_time(name: str, make_video) -> None:
    media = probe(_make(make_video, name))
    truth = _truth(media)
    with FrameReader(media, width=80) as reader:
        times = [frame.time for frame in reader.every(Span(-1, media.duration + 1))]
    assert len(truth) > 50
    assert times == pytest.approx(truth, abs=1e-4)
    assert packet_index(media).times == pytest.approx(truth, abs=1e-4)


@pytest.mark.parametrize("name", CONTAINERS)
def test_seeking_gives_the_same_pictures_as_reading_on(name: str, make_video) -> None:
    media = probe(_make(make_video, name))
    with FrameReader(media, width=80, gray=True) as reader:
        whole = list(reader.every(Span(0, media.duration + 1)))
        times = np.array([frame.time for frame in whole])
        part = Span(1.0, 2.5)
        some = list(reader.every(part))
        inside = [f for f in whole if part.contains(f.time + 1e-6)]
        assert [f.time for f in some] == [f.time for f in inside]
        sampled = list(reader.sample(Span(0.2, media.duration), 5))
        asked = [0.0, 0.9, 0.9, 1.3, 2.05, 2.06, media.duration - 0.2, media.duration + 9]
        shown = reader.at(asked)
    by_time = {round(f.time, 5): f.image for f in whole}
    for frame in (*some, *sampled, *shown):
        assert np.array_equal(frame.image, by_time[round(frame.time, 5)])
    grid = np.arange(0.2, media.duration, 0.2)
    expected = {times[times >= t - 1e-6].min() for t in grid if t <= times[-1] + 1e-6}
    assert [f.time for f in sampled] == pytest.approx(sorted(expected), abs=1e-5)
    for time, frame in zip(asked, shown, strict=True):
        earlier = times[times <= time + 1e-6]
        assert frame.time == pytest.approx(earlier.max() if len(earlier) else times[0], abs=1e-5)


@pytest.mark.parametrize("name", ["plain.mp4", "plain.ts", "vp9.webm", "hevc10.mp4"])
def test_pictures_match_ffmpegs(name: str, make_video) -> None:
    media = probe(_make(make_video, name))
    arguments = [*input_options(media), "-map", "0:v", "-vf", "scale=80:48:flags=area"]
    command = [ffmpeg_path(), "-v", "error", "-nostdin", *arguments]
    command += ["-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    truth = np.frombuffer(raw, np.uint8).reshape(-1, 48, 80, 3).astype(int)
    with FrameReader(media, width=80) as reader:
        images = np.stack([f.image for f in reader.every(Span(-1, 9))]).astype(int)
    assert images.shape == truth.shape
    assert np.abs(images - truth).mean() < 3.0


def test_flash_shows_at_its_second(make_video) -> None:
    media = probe(make_video())
    with FrameReader(media, width=40, gray=True) as reader:
        bright = [f.time for f in reader.every(media.span) if f.image[:, :18].mean() > 230]
    assert bright[0] == pytest.approx(make_video.flash_start, abs=1e-3)
    assert bright[-1] == pytest.approx(make_video.flash_end - 1 / 30, abs=1e-3)


def test_keyframes_are_the_indexs_and_decode_nothing_else(make_video) -> None:
    media = probe(make_video())
    index = packet_index(media)
    with FrameReader(media, width=40) as reader:
        times = [f.time for f in reader.keyframes()]
        assert times == pytest.approx(list(index.times[index.keyframe]), abs=1e-6)
        assert times == pytest.approx([0, 1, 2, 3], abs=1e-3)
        assert [f.time for f in reader.keyframes(Span(0.5, 2.0))] == pytest.approx([1.0])
    assert len(index) == 120
    assert index.sizes.min() > 0
    assert not index.times.flags.writeable


@pytest.mark.parametrize("name", ["plain.mp4", "hevc10.mp4", "av1.mkv"])
def test_keyframes_first_do_not_spoil_what_is_read_next(name: str, make_video) -> None:
    media = probe(_make(make_video, name))
    with FrameReader(media, width=40) as reader:
        keys = [f.time for f in reader.keyframes()]
        assert len(keys) >= 4
        assert len(list(reader.every(Span(1.0, 2.0)))) == 30
        assert [f.time for f in reader.keyframes()] == keys


@pytest.mark.parametrize(("turn", "corner"), [(90, "tr"), (180, "br"), (270, "bl")])
def test_rotated_pictures_come_upright(turn: int, corner: str, make_video) -> None:
    # A white patch in the stored picture's top left corner.
    graph = "color=black:s=160x96:r=30:d=1,drawbox=w=40:h=40:color=white:t=fill"
    stored = make_video("patch.mp4", ["-f", "lavfi", "-i", graph, *make_video.h264])
    # The option counts anticlockwise, the record clockwise.
    path = make_video(
        f"turned{turn}.mp4",
        ["-display_rotation", str(-turn), "-i", str(stored), "-c", "copy"],
    )
    media = probe(path)
    assert media.video is not None
    assert media.video.rotation == turn
    assert (media.video.width < media.video.height) is (turn in (90, 270))
    with FrameReader(media, width=media.video.width, gray=True) as reader:
        image = reader.at([0.5])[0].image
    assert image.shape == (media.video.height, media.video.width)
    rows = slice(0, 20) if corner[0] == "t" else slice(-20, None)
    columns = slice(0, 20) if corner[1] == "l" else slice(-20, None)
    assert image[rows, columns].mean() > 200
    assert image.mean() < 60


@pytest.mark.parametrize(("aspect", "size"), [("64/45", (228, 96)), ("1/2", (160, 192))])
def test_anamorphic_pictures_come_square(aspect: str, size: tuple[int, int], make_video) -> None:
    arguments = [*make_video.picture(), *make_video.h264, "-vf", f"setsar={aspect}"]
    media = probe(make_video("wide.mp4", arguments))
    assert media.video is not None
    assert (media.video.width, media.video.height) == size
    with FrameReader(media, width=1000) as reader:
        assert reader.at([0])[0].image.shape == (size[1], size[0], 3)


def test_two_files_of_one_scene_agree(media_dir: Path) -> None:
    # The second lost every third frame and the first is turned, but they show the same film.
    turned = probe(media_dir / "psd_issue-134-rotate.mp4")
    dropped = probe(media_dir / "psd_goldeneye-vfr-drop3.mp4")
    assert turned.video is not None
    assert dropped.video is not None
    assert turned.video.rotation == 90
    assert dropped.video.variable
    times = [1.0, 3.3, 5.0, 7.7, 9.0]
    with FrameReader(turned, width=54, gray=True) as first:
        upright = [np.rot90(f.image, 1) for f in first.at(times)]
    with FrameReader(dropped, width=128, gray=True) as second:
        other = [f.image for f in second.at(times)]
    for a, b in zip(upright, other, strict=True):
        width = min(a.shape[1], b.shape[1])
        assert np.abs(a[:, :width].astype(int) - b[:, :width]).mean() < 8


def test_hdr_looks_like_ordinary_video(media_dir: Path) -> None:
    levels = []
    for name in ("moov_at_end.mp4", "hdr10_pq.mp4", "hlg_10bit.mp4"):
        with FrameReader(probe(media_dir / "edge" / name), width=160, gray=True) as reader:
            levels.append(np.percentile(reader.at([4.0])[0].image, [10, 50, 90]))
    for level in levels[1:]:
        assert level[2] - level[0] > 0.4 * (levels[0][2] - levels[0][0])


def test_iterations_interleave_and_outlive_close(make_video) -> None:
    media = probe(make_video())
    reader = FrameReader(media, width=40)
    first, second = reader.every(Span(0, 1)), reader.every(Span(2, 3))
    pairs = [(a.time, b.time) for a, b in zip(first, second, strict=True)]
    assert pairs[0] == pytest.approx((0, 2))
    assert len(pairs) == 30
    third = reader.every(Span(0, 1))
    next(third)
    reader.close()
    assert len(list(third)) == 29


def test_callers_mistakes_are_named(make_video, tmp_path: Path) -> None:
    sound = probe(make_video("only.m4a", [*make_video.tone(), *make_video.aac]))
    with pytest.raises(ValueError, match="no picture"):
        FrameReader(sound, width=10)
    with pytest.raises(ValueError, match="picture"):
        packet_index(sound)
    media = probe(make_video())
    with pytest.raises(ValueError, match="at least 1"):
        FrameReader(media, width=0)
    with FrameReader(media, width=10) as reader:
        with pytest.raises(ValueError, match="ascend"):
            reader.at([1.0, 0.5])
        with pytest.raises(ValueError, match="positive"):
            next(reader.sample(Span(0, 1), 0))
        assert reader.at([]) == []
        assert list(reader.every(Span(50, 60))) == []


def test_file_that_went_away_is_a_media_error(make_video, tmp_path: Path) -> None:
    copy = tmp_path / "gone.mp4"
    copy.write_bytes(make_video().read_bytes())
    media = probe(copy)
    copy.unlink()
    with FrameReader(media, width=10) as reader, pytest.raises(MediaError):
        next(reader.keyframes())
    with pytest.raises(MediaError):
        packet_index(media)


def test_memory_stays_flat_over_many_frames(make_video) -> None:
    plain = make_video()
    arguments = ["-stream_loop", "150", "-i", str(plain), "-c", "copy"]
    media = probe(make_video("long.mp4", arguments))
    process = psutil.Process()
    with FrameReader(media, width=64) as reader:
        sizes = []
        for count, _ in enumerate(reader.every(media.span)):
            if count % 3000 == 2999:
                sizes.append(process.memory_info().rss)
    assert len(sizes) >= 5
    # Keeping every frame would take 80 MB; what other tests left running takes some too.
    assert sizes[-1] - sizes[0] < 32 * 2**20
