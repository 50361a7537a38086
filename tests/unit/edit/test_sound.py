from __future__ import annotations

from dataclasses import replace

import pytest

from talkreel.core.craft import Asset
from talkreel.core.sound import MusicFacts, SpeakerLevel, Track, VoiceFacts
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.music import choose_track, lay_music, occupied, words_per_minute
from talkreel.edit.sound import treat_voice

KEPT = (Span(0.0, 20.0),)
NOISY = VoiceFacts(speech_dbfs=-20.0, noise_dbfs=-35.0, swing_db=0.8)


def words(*turns: tuple[str, float, float]) -> list[Word]:
    """Words of half a second each, by speaker."""
    made = []
    for speaker, start, end in turns:
        at = start
        while at + 0.5 <= end:
            made.append(Word("word", Span(at, at + 0.45), speaker=speaker))
            at += 0.5
    return made


def test_steady_noise_goes_and_no_more_than_is_safe() -> None:
    got = treat_voice(NOISY, (), KEPT)
    assert got.chain is not None
    assert got.chain.denoise_db == 6.0
    assert "15 dB under the voice taken down by 6 dB" in got.story
    almost_clean = replace(NOISY, noise_dbfs=-50.0)
    chain = treat_voice(almost_clean, (), KEPT).chain
    assert chain is not None
    assert chain.denoise_db == 5.0
    without = treat_voice(NOISY, (), KEPT, can_denoise=False)
    assert without.chain is not None
    assert without.chain.denoise_db == 0.0
    assert "not installed" in without.story


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (replace(NOISY, noise_dbfs=-60.0), "40 dB under the voice already"),
        (replace(NOISY, swing_db=4.0), "not steady"),
        (replace(NOISY, noise_dbfs=None), "no pause is quiet enough"),
    ],
)
def test_noise_is_left_where_taking_it_would_do_harm(facts: VoiceFacts, why: str) -> None:
    got = treat_voice(facts, (), KEPT)
    assert got.chain is not None
    assert got.chain.denoise_db == 0.0
    assert why in got.story.partition("Left out: ")[2]


def test_without_a_voice_there_is_no_chain() -> None:
    assert treat_voice(VoiceFacts(speech_dbfs=None), (), KEPT).chain is None


def test_hum_and_clicks_are_taken_only_where_they_are() -> None:
    spoilt = replace(NOISY, hum_hz=(50.0, 100.0, 150.0), clicks_per_minute=30.0)
    chain = treat_voice(spoilt, (), KEPT).chain
    assert chain is not None
    assert chain.hum_hz == (50.0, 100.0, 150.0)
    assert chain.declick
    plain = treat_voice(replace(NOISY, clicks_per_minute=2.0), (), KEPT).chain
    assert plain is not None
    assert plain.hum_hz == ()
    assert not plain.declick


def test_a_ringing_room_is_taken_down_and_a_dry_one_left() -> None:
    ringing = replace(NOISY, decay_seconds=0.8)
    got = treat_voice(ringing, (), KEPT)
    assert got.chain is not None
    assert got.chain.dereverb
    assert "reverberation of 0.8 s taken down" in got.story
    without = treat_voice(ringing, (), KEPT, can_dereverb=False)
    assert without.chain is not None
    assert not without.chain.dereverb
    assert "nara_wpe is not installed" in without.story
    for dry in (None, 0.2):
        chain = treat_voice(replace(NOISY, decay_seconds=dry), (), KEPT).chain
        assert chain is not None
        assert not chain.dereverb


def test_speakers_meet_in_the_middle_and_breaths_are_softer() -> None:
    facts = replace(
        NOISY,
        speakers=(SpeakerLevel("A", -20.0, 8.0), SpeakerLevel("B", -28.0, 8.0)),
        breaths=(Span(14.0, 14.3), Span(90.0, 90.3)),
    )
    said = words(("A", 0, 8), ("B", 9, 13), ("B", 15, 19))
    got = treat_voice(facts, said, KEPT)
    assert got.chain is not None

    def gain(time: float) -> float:
        return sum(x.gain_db for x in got.chain.gains if x.span.contains(time))  # type: ignore[union-attr]

    assert gain(4.0) == pytest.approx(-4.0)
    assert gain(11.0) == pytest.approx(4.0)
    assert gain(14.1) == pytest.approx(4.0 - 9.0)
    assert gain(90.1) == 0.0
    assert "2 speakers levelled by up to 4.0 dB" in got.story
    assert "breaths softened: 1" in got.story


def test_a_dull_clean_voice_gets_presence_and_a_telephone_does_not() -> None:
    clean = replace(NOISY, noise_dbfs=-70.0)
    dull = replace(clean, band_db=(-5.0, -2.0, 0.0, -7.0, -16.0, -24.0))
    chain = treat_voice(dull, (), KEPT).chain
    assert chain is not None
    raised = {bell.frequency_hz: bell.gain_db for bell in chain.equalizer}
    assert 1.0 <= raised[4000.0] <= 3.0
    phone = replace(clean, band_db=(-5.0, -2.0, 0.0, -7.0, -12.0, -45.0))
    chain = treat_voice(phone, (), KEPT).chain
    assert chain is not None
    assert all(bell.frequency_hz != 4000.0 for bell in chain.equalizer)
    noisy = treat_voice(replace(dull, noise_dbfs=-30.0), (), KEPT).chain
    assert noisy is not None
    assert noisy.equalizer == ()


# --- music


def track(name: str, bpm: float | None, energy: float) -> Track:
    facts = MusicFacts(lufs=-16.0, energy=energy, tempo_bpm=bpm, loop=Span(0, 30), crossfade=0.03)
    return Track(asset=Asset(f"/{name}.wav", name), title=name, facts=facts)


LIBRARY = [track("calm", 72, 0.2), track("fast", 132, 0.8), track("pad", None, 0.1)]


def paced(per_minute: float) -> list[Word]:
    step = 60 / per_minute
    return [Word("w", Span(i * step, i * step + 0.1)) for i in range(int(20 / step))]


def test_fast_lively_speech_gets_fast_music_and_calm_speech_calm() -> None:
    lively = replace(NOISY, spread_db=7.0)
    assert words_per_minute(paced(210), KEPT) == pytest.approx(210, abs=4)
    assert choose_track(LIBRARY, paced(210), KEPT, lively).title == "fast"
    assert choose_track(LIBRARY, paced(105), KEPT, replace(NOISY, spread_db=2.0)).title == "calm"
    with pytest.raises(ValueError, match="no music"):
        choose_track([], paced(100), KEPT, NOISY)


def test_music_lies_under_the_voice_and_does_not_pump() -> None:
    speech = [Span(1, 3), Span(3.5, 6), Span(9, 12), Span(50, 60)]
    bed = lay_music(LIBRARY[0], NOISY, speech, KEPT)
    assert bed.level_db == pytest.approx(-20 - 8 + 16)
    assert bed.duck_db >= 12
    assert bed.speech == (Span(1, 6), Span(9, 12))
    assert lay_music(LIBRARY[0], None, (), KEPT).level_db == 0.0


def test_music_keeps_out_of_what_sounds_already() -> None:
    assert occupied(NOISY) == ""
    assert "already sounds" in occupied(replace(NOISY, noise_dbfs=-30.0, swing_db=4.0))
    assert "nobody speaks" in occupied(VoiceFacts(speech_dbfs=None))
