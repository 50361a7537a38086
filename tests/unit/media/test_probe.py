from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from talkreel.core.errors import MediaError
from talkreel.core.media import Colour, Media
from talkreel.media.ffmpeg import ffmpeg_path, input_options, run_ffmpeg
from talkreel.media.probe import displayed_size, probe

# Where more than one stream could be used: which one must be, and why.
CHOSEN = {
    "nasa_13013.mp4": (3, 4),  # the larger picture, the sound with the higher rate
    "two_audio_tracks.mkv": (0, 2),  # the default track, stereo
}


def _told(path: Path) -> list[str]:
    """What ``ffmpeg -i`` prints about each stream, by index, rotation lines joined on."""
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-i", f"file:{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    streams = re.split(r"\n  Stream #0:\d+", said)[1:]
    return [re.sub(r"\s+", " ", text) for text in streams]


def _check_picture(media: Media, told: str) -> None:
    video = media.video
    assert video is not None
    size = re.search(r"(\d{2,5})x(\d{2,5})", told)
    assert size is not None
    assert (video.coded_width, video.coded_height) == (int(size[1]), int(size[2]))
    aspect = re.search(r"SAR (\d+):(\d+)", told)
    assert video.sample_aspect == (Fraction(int(aspect[1]), int(aspect[2])) if aspect else 1)
    turn = re.search(r"rotation of (-?\d+)", told)  # anticlockwise
    assert video.rotation == (-int(turn[1]) % 360 if turn else 0)
    # Average, and the rate of the time base: edit lists spoil the one, dropped frames the other.
    rates = [float(rate) for rate in re.findall(r"([\d.]+) (?:fps|tbr)", told)]
    # ("1k fps" is a time base of milliseconds, no rate.)
    assert "1k fps" in told or any(
        float(video.frame_rate) == pytest.approx(rate, rel=0.02) for rate in rates
    )
    assert f" {video.pixel_format}" in told
    assert (video.bit_depth == 10) is ("10le" in told)
    hdr = {"smpte2084": Colour.HDR10, "arib-std-b67": Colour.HLG}
    expected = next((hdr[name] for name in hdr if name in told), Colour.SDR)
    assert video.colour is expected
    assert video.full_range is ("(pc" in told)
    assert f"Video: {video.codec}" in told


def _check_sound(media: Media, told: str) -> None:
    audio = media.audio
    assert audio is not None
    assert f"{audio.sample_rate} Hz" in told
    layouts = {1: "mono", 2: "stereo", 6: "5.1"}
    assert layouts[audio.channels] in told
    assert f"Audio: {audio.codec}" in told


def _all_media(media_dir: Path) -> list[Path]:
    kinds = ("*.mp4", "edge/*", "audio/*.mp3", "audio/*.flac", "audio/*.wav")
    paths = [p for kind in kinds for p in sorted(media_dir.glob(kind)) if p.is_file()]
    return [p for p in paths if not p.name.startswith("broken_") or p.name.endswith(".mkv")]


def test_every_file_is_described_as_ffmpeg_describes_it(media_dir: Path) -> None:
    paths = _all_media(media_dir)
    assert len(paths) > 40
    for path in paths:
        media, told = probe(path), _told(path)
        pictures = [i for i, text in enumerate(told) if ": Video:" in text]
        sounds = [i for i, text in enumerate(told) if ": Audio:" in text]
        chosen = CHOSEN.get(path.name, (pictures[:1], sounds[:1]))
        found = [part.index for part in (media.video, media.audio) if part is not None]
        flat = [x for part in chosen for x in (part if isinstance(part, list) else [part])]
        assert found == flat, path.name
        if media.video:
            _check_picture(media, told[media.video.index])
        if media.audio:
            _check_sound(media, told[media.audio.index])
        assert media.digest == hashlib.sha256(path.read_bytes()).hexdigest()
        assert media.truncated is path.name.startswith("broken_"), path.name


@pytest.mark.parametrize(
    "name",
    [
        "audio_longer.mp4",
        "audio_only.m4a",
        "broken_truncated.mkv",
        "broken_truncated_tail.mp4",
        "exo_sample_edit_list.mp4",
        "exo_sample_h264.ts",
        "exo_sample_with_srt.mkv",
        "two_audio_tracks.mkv",
        "very_short_0p2s.mp4",
        "vfr_irregular.mp4",
    ],
)
def test_duration_is_what_decodes(name: str, media_dir: Path) -> None:
    media = probe(media_dir / "edge" / name)
    ends = []
    for stream, kind, show in (
        (media.video, "v", "showinfo"),
        (media.audio, "a", "ashowinfo"),
    ):
        if stream is not None:
            chain = ["-map", f"0:{stream.index}", f"-filter:{kind}", show]
            arguments = ["-copyts", *input_options(media), *chain, "-f", "null", "-"]
            said = run_ffmpeg(arguments, timeout_seconds=60).stderr
            ends.append(max(float(t) for t in re.findall(r"pts_time:(-?[\d.]+)", said)))
    zero = 1.466667 if name.endswith(".ts") else 0.0
    last = max(ends) - zero
    # The last picture or block of samples lasts a little.
    assert last < media.duration < last + 0.12


@pytest.mark.parametrize(
    ("name", "seconds"), [("broken_truncated.mkv", 4.3), ("broken_truncated_tail.mp4", 4.2)]
)
def test_cut_short_files_are_used_as_far_as_they_go(
    name: str, seconds: float, media_dir: Path
) -> None:
    media = probe(media_dir / "edge" / name)
    assert media.truncated
    assert media.duration == pytest.approx(seconds, abs=0.15)
    assert any("cut short" in warning and "of 8.0 s" in warning for warning in media.warnings)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken_random.mp4", "not a known kind"),
        ("broken_text_named.mp4", "text"),
        ("broken_truncated_no_moov.mp4", "no index"),
        ("broken_zero_bytes.mp4", "empty"),
    ],
)
def test_broken_files_say_why(name: str, words: str, media_dir: Path) -> None:
    with pytest.raises(MediaError, match=words) as caught:
        probe(media_dir / "edge" / name)
    assert "\n" not in str(caught.value)


def test_missing_folder_and_pipe_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no file"):
        probe(tmp_path / "absent.mp4")
    with pytest.raises(MediaError, match="folder"):
        probe(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(MediaError, match="not an ordinary file"):
        probe(tmp_path / "pipe.mp4")
    with pytest.raises(MediaError):
        probe("nul\0byte.mp4")


def test_no_permission_is_said(make_video, tmp_path: Path) -> None:
    path = tmp_path / "locked.mp4"
    path.write_bytes(make_video().read_bytes())
    path.chmod(0)
    code = (
        "import os, sys\n"
        "from talkreel.core.errors import MediaError\n"
        "import talkreel.media.probe as p\n"
        "os.chdir(sys.argv[1])\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: p.probe('locked.mp4')\n"
        "except MediaError as e: print(e)\n"
    )
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    command = [sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "no permission to read 'locked.mp4'" in said.stdout, said.stderr


def test_single_still_without_sound_is_refused_and_with_sound_left_out(make_video) -> None:
    still = ["-f", "lavfi", "-i", "color=red:s=64x64:r=1:d=1", "-frames:v", "1"]
    with pytest.raises(MediaError, match="single picture without sound"):
        probe(make_video("still.mp4", [*still, "-c:v", "mpeg4"]))
    frame = ["-f", "lavfi", "-i", "color=red:s=64x64:r=0.2:d=4"]
    path = make_video("podcast.mp4", [*frame, *make_video.tone(), "-c:v", "mpeg4", "-c:a", "aac"])
    media = probe(path)
    assert media.video is None
    assert media.audio is not None
    assert any("still" in warning for warning in media.warnings)


def test_cover_art_is_no_picture(make_video) -> None:
    cover = make_video("cover.png", ["-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1"])
    song = make_video("song.m4a", [*make_video.tone(), *make_video.aac])
    arguments = ["-i", str(song), "-i", str(cover), "-map", "0", "-map", "1", "-c", "copy"]
    for name in ("song.mp3", "covered.m4a"):
        codec = ["-c:a", "libmp3lame"] if name.endswith("mp3") else []
        media = probe(make_video(name, [*arguments, *codec, "-disposition:v", "attached_pic"]))
        assert media.video is None
        assert media.warnings == ()
        assert media.duration == pytest.approx(4, abs=0.1)


def test_zero_length_sound_is_refused(make_video, tmp_path: Path) -> None:
    header = make_video("short.wav", ["-f", "lavfi", "-i", "anullsrc=d=0.1", "-bitexact"])
    (tmp_path / "zero.wav").write_bytes(header.read_bytes()[:44])
    with pytest.raises(MediaError, match="nothing in 'zero.wav' decodes"):
        probe(tmp_path / "zero.wav")


def test_default_and_better_tracks_win_and_descriptions_do_not(make_video) -> None:
    sources = [*make_video.picture(), *make_video.tone(), *make_video.tone(rate=44_100)]
    base = [*sources, "-map", "0", "-map", "1", "-map", "2", *make_video.h264, *make_video.aac]
    base += ["-ac:a:0", "1", "-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=eng"]

    def chosen(name: str, *dispositions: str) -> Media:
        return probe(make_video(name, [*base, *dispositions]))

    first = chosen("a.mkv", "-disposition:a:0", "default", "-disposition:a:1", "0")
    assert first.audio is not None
    assert (first.audio.index, first.audio.language, first.audio.channels) == (1, "fra", 1)
    richer = chosen("b.mkv", "-disposition:a:0", "0", "-disposition:a:1", "0")
    assert richer.audio is not None
    assert (richer.audio.index, richer.audio.language, richer.audio.sample_rate) == (
        2,
        "eng",
        44100,
    )
    spoken = chosen("c.mkv", "-disposition:a:0", "0", "-disposition:a:1", "visual_impaired")
    assert spoken.audio is not None
    assert spoken.audio.index == 1


def test_variable_rate_is_told_from_a_lost_frame(make_video) -> None:
    source = [*make_video.picture(), *make_video.h264, "-fps_mode", "vfr"]
    varied = probe(make_video("vfr.mp4", [*source, "-vf", "select='not(between(mod(n,7),3,4))'"]))
    lost = probe(make_video("lost.mp4", [*source, "-vf", "select='not(eq(n,50))'"]))
    assert varied.video is not None
    assert lost.video is not None
    assert varied.video.variable
    assert float(varied.video.frame_rate) == pytest.approx(30 * 5 / 7, rel=0.02)
    assert not lost.video.variable
    assert lost.video.frame_rate == 30


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "60"])
def test_rates_are_neat_even_from_millisecond_stamps(rate: str, make_video) -> None:
    graph = f"testsrc2=s=64x64:r={rate}:d=3"
    media = probe(make_video("r.mkv", ["-f", "lavfi", "-i", graph, *make_video.h264]))
    assert media.video is not None
    assert media.video.frame_rate == Fraction(rate)
    assert not media.video.variable


@pytest.mark.parametrize(
    ("transfer", "colour"), [("smpte2084", Colour.HDR10), ("arib-std-b67", Colour.HLG)]
)
def test_hdr_is_told_by_its_transfer(transfer: str, colour: Colour, make_video) -> None:
    tags = ["-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc"]
    codec = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params"]
    codec += [f"log-level=error:transfer={transfer}:colorprim=bt2020:colormatrix=bt2020nc"]
    arguments = [*make_video.picture(seconds=0.5), *codec, "-pix_fmt", "yuv420p10le", *tags]
    media = probe(make_video("hdr.mp4", arguments))
    assert media.video is not None
    assert media.video.colour is colour
    assert media.video.bit_depth == 10


def test_starts_are_kept(make_video) -> None:
    arguments = [*make_video.picture(), "-itsoffset", "0.7", *make_video.tone()]
    media = probe(make_video("late.mp4", [*arguments, *make_video.h264, *make_video.aac]))
    assert media.video is not None
    assert media.audio is not None
    assert media.video.start == pytest.approx(0, abs=1e-3)
    assert media.audio.start == pytest.approx(0.7, abs=0.025)
    assert media.duration == pytest.approx(4.7, abs=0.01)


def test_shown_size_stretches_and_turns() -> None:
    assert displayed_size(720, 576, Fraction(64, 45), 0) == (1024, 576)
    assert displayed_size(720, 576, Fraction(64, 45), 90) == (576, 1024)
    assert displayed_size(100, 100, Fraction(1, 2), 180) == (100, 200)
