from __future__ import annotations

import pytest

from talkreel.core.craft import Asset
from talkreel.core.edits import AudioChain
from talkreel.core.jsonio import decode, encode
from talkreel.core.sound import (
    Compression,
    Equalizer,
    MusicBed,
    Mute,
    SpanGain,
    VoiceChain,
    VoiceFacts,
)
from talkreel.core.spans import Span


def test_a_full_chain_survives_json_and_an_old_one_reads() -> None:
    chain = AudioChain(
        voice=VoiceChain(
            high_pass_hz=70.0,
            hum_hz=(50.0, 100.0),
            declick=True,
            dereverb=True,
            denoise_db=9.0,
            gains=(SpanGain(Span(1, 2), -6.0),),
            equalizer=(Equalizer(2000.0, 1.5),),
            compression=Compression(-20.0, 2.0),
        ),
        mutes=(Mute(Span(3, 3.4)), Mute(Span(4, 5), None)),
        music=MusicBed(
            asset=Asset("/m.wav", "ab", "CC0"),
            loop=Span(0.5, 9),
            level_db=-3.0,
            speech=(Span(1, 2),),
        ),
    )
    assert decode(AudioChain, encode(chain)) == chain
    old = decode(AudioChain, {"target_lufs": -16.0})
    assert old.plain
    assert not chain.plain


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SpanGain(Span(0, 1), 40.0), "-24 to 24 dB"),
        (lambda: SpanGain(Span(0, 1), float("nan")), "-24 to 24 dB"),
        (lambda: Mute(Span(0, 1), 20.0), "100 to 8000 Hz"),
        (lambda: Equalizer(5.0, 1.0), "10 to 20000 Hz"),
        (lambda: Equalizer(500.0, 60.0), "within 24 dB"),
        (lambda: Compression(-20, 0.5), "ratio 1 to 20"),
        (lambda: VoiceChain(denoise_db=90), "0 to 40 dB"),
        (lambda: VoiceChain(high_pass_hz=5), "10 to 400 Hz"),
        (lambda: VoiceChain(hum_hz=(1.0,)), "10 to 20000 Hz"),
        (
            lambda: VoiceChain(gains=(SpanGain(Span(0, 2), 1.0), SpanGain(Span(1, 3), 1.0))),
            "overlap",
        ),
        (lambda: AudioChain(mutes=(Mute(Span(2, 3)), Mute(Span(0, 1)))), "overlap"),
        (lambda: bed(crossfade=3.0), "twice its crossfade"),
        (lambda: bed(duck_db=-1.0), "0 to 60 dB"),
        (lambda: bed(level_db=30.0), "24 dB at most"),
        (lambda: bed(fade_out=-1.0), "not negative"),
        (lambda: bed(speech=(Span(2, 3), Span(0, 1))), "out of order"),
    ],
)
def test_what_cannot_be_heard_is_refused(make, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


def bed(**changes: object) -> MusicBed:
    fields: dict[str, object] = {"asset": Asset("/m", "a"), "loop": Span(0, 4), "level_db": 0.0}
    return MusicBed(**(fields | changes))  # type: ignore[arg-type]


def test_snr_needs_speech_and_pauses() -> None:
    assert VoiceFacts(speech_dbfs=-20.0, noise_dbfs=-50.0).snr_db == 30.0
    assert VoiceFacts(speech_dbfs=-20.0).snr_db is None
