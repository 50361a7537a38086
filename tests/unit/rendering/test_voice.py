from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import fftconvolve, resample_poly

from talkreel.core.craft import Asset
from talkreel.core.edits import AudioChain, Edit
from talkreel.core.errors import RenderError
from talkreel.core.media import Media
from talkreel.core.sound import Compression, Equalizer, MusicBed, Mute, SpanGain, VoiceChain
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.perceive.decay import decay_seconds
from talkreel.rendering.denoise import denoise
from talkreel.rendering.dereverb import dereverb
from talkreel.rendering.render import render
from talkreel.rendering.schedule import make_schedule
from talkreel.rendering.sound import RATE, ClipSound, cut_sound
from talkreel.rendering.voice import treat_sound

if TYPE_CHECKING:
    from tests.unit.rendering.conftest import Workshop

SECONDS = 12.0
T = np.arange(round(SECONDS * RATE)) / RATE


def talk(level: float = 0.2) -> NDArray[np.int16]:
    """Half a second of a buzz in every second."""
    buzz = sum(np.sin(2 * np.pi * 150 * n * T) / n for n in range(1, 12))
    return (32767 * level * buzz * (np.mod(T, 1.0) < 0.5)).astype(np.int16)


@pytest.fixture(scope="module")
def media(workshop: Workshop) -> Media:
    return workshop.source("buzz.mkv", sound=talk(), arguments=("-c:a", "pcm_s16le"))


@pytest.fixture
def treat(workshop: Workshop, media: Media, tmp_path: Path):
    def make(*kept: Span, **chain: object) -> NDArray[np.float32]:
        edit = of(workshop, media, *kept, **chain)
        cut = cut_sound(edit, media, make_schedule(edit, media), tmp_path, timeout_seconds=60)
        done = treat_sound(edit, cut, tmp_path, timeout_seconds=60)
        return np.fromfile(tmp_path / done.name, dtype=np.float32).reshape(-1, 2)

    return make


def of(workshop: Workshop, media: Media, *kept: Span, **chain: object) -> Edit:
    audio = AudioChain(fade_in=0.0, fade_out=0.0, join_fade=0.0, **chain)  # type: ignore[arg-type]
    return workshop.edit(media, list(kept) or [Span(1.0, 7.0)], audio=audio)


def level(sound: NDArray[np.float32], start: float, end: float) -> float:
    part = sound[round(start * RATE) : round(end * RATE), 0].astype(np.float64)
    return float(10 * np.log10(np.mean(part**2) + 1e-12))


def tone_share(sound: NDArray[np.float32], start: float, end: float, hertz: float) -> float:
    part = sound[round(start * RATE) : round(end * RATE), 0].astype(np.float64)
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    frequency = np.fft.rfftfreq(len(part), 1 / RATE)
    return float(power[np.abs(frequency - hertz) < 20].sum() / power.sum())


def music_file(folder: Path, samples: NDArray[np.float64]) -> Asset:
    path = folder / "music.wav"
    wavfile.write(path, RATE, np.stack([samples, samples], 1).astype(np.float32))
    return Asset(str(path), probe(path).digest)


def test_a_plain_chain_is_not_touched(workshop: Workshop, media: Media, tmp_path: Path) -> None:
    sound = ClipSound(48_000, "", False, "")
    assert treat_sound(of(workshop, media), sound, tmp_path, timeout_seconds=1) is sound


def test_gains_hold_over_their_spans_across_a_join(treat) -> None:
    kept = (Span(1.0, 3.0), Span(5.0, 8.0))
    plain = treat(*kept, voice=VoiceChain(), mutes=())
    gains = (SpanGain(Span(2.0, 2.5), -12.0), SpanGain(Span(6.0, 6.5), 6.0))
    got = treat(*kept, voice=VoiceChain(gains=gains))
    assert len(got) == 5 * RATE
    for at, change in ((0.0, 0), (1.0, -12), (2.0, 0), (3.0, 6), (4.0, 0)):
        here = level(got, at + 0.1, at + 0.4) - level(plain, at + 0.1, at + 0.4)
        assert here == pytest.approx(change, abs=0.2)


def test_muted_words_are_gone_and_a_tone_or_silence_is_in_their_place(treat) -> None:
    got = treat(mutes=(Mute(Span(2.0, 2.5)), Mute(Span(4.0, 4.5), None)))
    assert tone_share(got, 1.0, 1.5, 1000) > 0.999
    assert level(got, 1.05, 1.45) == pytest.approx(level(got, 0.05, 0.45) - 4, abs=1.5)
    assert level(got, 3.0, 3.5) < -90
    assert tone_share(got, 2.0, 2.5, 1000) < 0.2


def test_hum_is_notched_and_the_voice_beside_it_stays(workshop: Workshop, tmp_path: Path) -> None:
    hum = 3000 * (np.sin(2 * np.pi * 50 * T) + np.sin(2 * np.pi * 100 * T))
    media = workshop.source(
        "hum.mkv", sound=(talk(0.1) + hum).astype(np.int16), arguments=("-c:a", "pcm_s16le")
    )
    levels = []
    for chain in (VoiceChain(), VoiceChain(high_pass_hz=70.0, hum_hz=(50.0, 100.0))):
        edit = of(workshop, media, voice=chain)
        cut = cut_sound(edit, media, make_schedule(edit, media), tmp_path, timeout_seconds=60)
        done = treat_sound(edit, cut, tmp_path, timeout_seconds=60)
        got = np.fromfile(tmp_path / done.name, dtype=np.float32).reshape(-1, 2)
        levels.append(
            (
                level(got, 2.6, 2.95),
                tone_share(got, 3.0, 3.5, 300) * 10 ** (level(got, 3.0, 3.5) / 10),
            )
        )
    assert levels[0][0] - levels[1][0] > 20
    assert 10 * np.log10(levels[1][1] / levels[0][1]) == pytest.approx(0, abs=0.5)


@pytest.fixture
def said(media_dir: Path, tmp_path: Path) -> NDArray[np.float32]:
    """[N] a clean voice."""
    source = media_dir / "audio" / "wer" / "astralplane_06_leadbeater_0349.flac"
    arguments = ["-i", str(source), "-ar", str(RATE), "-ac", "1"]
    run_ffmpeg([*arguments, "-c:a", "pcm_f32le", "a.wav"], timeout_seconds=60, cwd=tmp_path)
    return wavfile.read(tmp_path / "a.wav")[1][: 4 * RATE]


def test_a_room_that_rings_is_heard_and_taken_down(said: NDArray[np.float32]) -> None:
    t = np.arange(round(0.9 * RATE)) / RATE
    room = np.random.default_rng(0).normal(size=len(t)) * 10 ** (-3 * t / 0.7) * 0.02
    room[0] = 1.0
    early = np.where(t < 0.05, room, 0)
    wet, wanted = (fftconvolve(said, x)[: len(said)] for x in (room, early))
    assert decay_seconds(resample_poly(wet, 1, 3)) == pytest.approx(0.7, abs=0.25)
    assert (decay_seconds(resample_poly(said, 1, 3)) or 1.0) < 0.25
    assert decay_seconds(np.random.default_rng(0).normal(size=64_000)) is None
    got = dereverb(np.stack([wet, wet], 1).astype(np.float32))
    assert got.shape == (len(wet), 2)
    assert np.array_equal(got[:, 0], got[:, 1])
    before, after = (np.mean((x - wanted) ** 2) for x in (wet, got[:, 0]))
    assert 10 * np.log10(before / after) > 1.0
    # A dry voice is hardly changed, and silence stays silent.
    dry = dereverb(said[:, None])[:, 0]
    assert 10 * np.log10(np.mean((dry - said) ** 2) / np.mean(said**2)) < -20
    assert not dereverb(np.zeros((2 * RATE, 2), np.float32)).any()


def test_long_sound_is_worked_in_blocks_without_seams() -> None:
    t = np.arange(65 * RATE) / RATE
    wave = 0.1 * np.random.default_rng(0).normal(size=(len(t), 1)).astype(np.float32)
    got = dereverb(wave)
    assert got.shape == wave.shape
    # White noise cannot be foretold: it comes out as it went in, at the seams too.
    for at in (15, 29.5, 30, 59.5, 60, 64.9):
        part = slice(round(at * RATE), round((at + 0.1) * RATE))
        assert 20 * np.log10(got[part].std() / wave[part].std()) == pytest.approx(0, abs=0.5)


def test_noise_goes_down_and_the_voice_stays(said: NDArray[np.float32]) -> None:
    clean = np.concatenate([said, np.zeros(2 * RATE, np.float32)])[:, None].repeat(2, 1)
    hiss = np.random.default_rng(0).normal(size=(len(clean), 1)).astype(np.float32)
    noisy = clean + 0.3 * clean[: 4 * RATE].std() * hiss
    got = denoise(noisy, 9.0)
    assert got.shape == noisy.shape
    assert np.array_equal(got[:, 0], got[:, 1])
    rest = slice(round(4.5 * RATE), round(5.5 * RATE))
    assert 20 * np.log10(noisy[rest].std() / got[rest].std()) == pytest.approx(9, abs=1.0)

    def error(sound: NDArray[np.float32]) -> float:
        return float(10 * np.log10(np.mean((sound[: 4 * RATE] - clean[: 4 * RATE]) ** 2)))

    assert error(got) < error(noisy) - 3
    assert np.array_equal(got, denoise(noisy, 9.0))
    # What is on one side only stays there.
    noisy[:, 1] = 0
    assert not denoise(noisy, 9.0)[:, 1].any()


@pytest.mark.parametrize(
    ("chain", "remedy"),
    [
        (VoiceChain(denoise_db=9.0), "set denoise_db to 0"),
        (VoiceChain(dereverb=True), "set dereverb to false"),
    ],
)
def test_an_edit_needs_the_library_that_it_asks_for(
    treat, monkeypatch: pytest.MonkeyPatch, chain: VoiceChain, remedy: str
) -> None:
    for module in ("denoise", "dereverb"):
        monkeypatch.setattr(f"talkreel.rendering.{module}.find_spec", lambda name: None)
    with pytest.raises(RenderError, match=f"install it, or {remedy}"):
        treat(voice=chain)


def test_music_is_ducked_looped_and_faded(treat, tmp_path: Path) -> None:
    t = np.arange(4 * RATE) / RATE
    asset = music_file(tmp_path, 0.2 * np.sin(2 * np.pi * 5000 * t))
    bed = MusicBed(
        asset=asset,
        loop=Span(0.0, 2.0),
        crossfade=0.03,
        level_db=-6.0,
        duck_db=14.0,
        speech=(Span(3.0, 5.0),),
        fade_in=0.2,
        fade_out=1.0,
    )
    mutes = (Mute(Span(0.0, 12.0), None),)  # the music alone
    got = treat(music=bed, mutes=mutes)
    full = 20 * np.log10(0.2 / 2**0.5) - 6
    assert level(got, 1.0, 1.8) == pytest.approx(full, abs=0.1)
    assert level(got, 2.0, 4.0) == pytest.approx(full - 14, abs=0.1)
    assert level(got, 4.6, 4.95) == pytest.approx(full, abs=0.3)
    assert level(got, 5.98, 6.0) < full - 40
    # At the seams (2, 4 s) the wave goes on: no step larger than the tone's own.
    step = np.abs(np.diff(got[: 2 * RATE + 4800, 0])).max()
    assert step <= np.abs(np.diff(got[RATE : RATE + 4800, 0])).max() * 1.05


def test_other_music_than_was_chosen_is_refused(treat, tmp_path: Path) -> None:
    asset = music_file(tmp_path, np.sin(np.arange(RATE) * 0.1))
    for bad in (Asset(asset.path, "0" * 64), Asset(str(tmp_path / "gone.wav"), asset.digest)):
        with pytest.raises(RenderError, match="music"):
            treat(music=MusicBed(asset=bad, loop=Span(0, 0.9), level_db=0.0))


def test_a_full_chain_is_delivered_loud_and_the_same_twice(
    workshop: Workshop, media: Media, tmp_path: Path
) -> None:
    t = np.arange(3 * RATE) / RATE
    asset = music_file(tmp_path, 0.3 * np.sin(2 * np.pi * 700 * t) * (np.mod(t, 0.5) < 0.3))
    edit = of(
        workshop,
        media,
        voice=VoiceChain(
            high_pass_hz=70.0,
            declick=True,
            dereverb=True,
            denoise_db=8.0,
            equalizer=(Equalizer(3000.0, 2.0),),
            compression=Compression(-20.0),
        ),
        mutes=(Mute(Span(2.0, 2.5)),),
        music=MusicBed(asset=asset, loop=Span(0, 2.5), level_db=-12.0, speech=(Span(1, 7),)),
    )
    first, second = (render(edit, media, tmp_path / f"{i}.mp4") for i in range(2))
    assert first.measured.integrated_lufs == pytest.approx(-14, abs=0.5)
    assert first.measured.true_peak_dbtp is not None
    assert first.measured.true_peak_dbtp <= -1.0
    assert first.path.read_bytes() == second.path.read_bytes()
