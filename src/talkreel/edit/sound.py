"""Facts of a voice to its chain: what is done, and what is better left as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from talkreel.core.sound import (
    VOICE_BANDS_HZ,
    Compression,
    Equalizer,
    SpanGain,
    SpeakerLevel,
    VoiceChain,
    VoiceFacts,
)
from talkreel.core.spans import Span
from talkreel.core.transcript import Word

# More takes words with the noise (measured).
MOST_DENOISE_DB = 6.0
_LEAST_DENOISE_DB = 4.0
# From here on a listener hears no noise behind the voice.
CLEAN_SNR_DB = 35.0
# Steady noise swings by 0.2 (white) to 1.3 dB (a hall); babble and music by 3 and more.
STEADY_SWING_DB = 2.5
_CLICKS_PER_MINUTE = 6.0
# Dry voices give 0.10 to 0.22 s, rooms that ring for 0.3 s 0.31 to 0.36, for 0.4 s 0.41 to 0.53.
_REVERBERANT_SECONDS = 0.37
_HIGH_PASS_HZ = 70.0
_BREATH_DB = -9.0
_LEAST_LEVEL_DB = 1.0
_MOST_LEVEL_DB = 9.0
_TURN_MARGIN_SECONDS = 0.1
# Byrne et al. 1994, long-term average spectrum of speech, summed to octaves, against 500 Hz.
_SPEECH_DB = (-5.2, -1.8, 0.0, -6.7, -11.6, -15.9)
_BELL_SHARE = 0.5
_MOST_BELL_DB = 3.0
_LEAST_BELL_DB = 1.0
# What lies so far below speech's own spectrum was not recorded: raising it raises hiss.
_NOT_RECORDED_DB = 14.0
_NOISY_SNR_DB = 20.0
_UNEVEN_DB = 3.5
_ABOVE_SPEECH_DB = 3.0


@dataclass(frozen=True, slots=True)
class Treatment:
    """A voice chain and the story of it.

    Attributes:
        chain: None where there is no voice.
        done: what it does, in a few words each.
        left: what was left out and why.
    """

    chain: VoiceChain | None
    done: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def story(self) -> str:
        """One sentence or two."""
        said = "; ".join(self.done)
        return f"{said}. Left out: {'; '.join(self.left)}" if self.left else said


def treat_voice(
    facts: VoiceFacts,
    words: Sequence[Word],
    kept: Sequence[Span],
    *,
    can_denoise: bool = True,
    can_dereverb: bool = True,
) -> Treatment:
    """What makes the voice of a clip better without harm.

    Args:
        facts: measured around the clip.
        words: with speakers, where they are known.
        kept: what is played.
        can_denoise: whether the renderer has what it needs to take noise down.
        can_dereverb: likewise reverberation.
    """
    if facts.speech_dbfs is None:
        return Treatment(None, (), ("nobody speaks here",))
    denoise, noise = _denoise(facts)
    if denoise and not can_denoise:
        denoise, noise = 0.0, "noise reduction: pyrnnoise is not installed"
    rings = facts.decay_seconds is not None and facts.decay_seconds >= _REVERBERANT_SECONDS
    room = f"reverberation of {facts.decay_seconds:.1f} s" if rings else ""
    levels = _levels(facts.speakers)
    breaths = tuple(x for x in facts.breaths if any(x.overlap(span) > 0 for span in kept))
    chain = VoiceChain(
        high_pass_hz=_HIGH_PASS_HZ,
        hum_hz=facts.hum_hz,
        declick=facts.clicks_per_minute >= _CLICKS_PER_MINUTE,
        dereverb=rings and can_dereverb,
        denoise_db=denoise,
        gains=_gains(words, levels, breaths, kept),
        equalizer=_bells(facts),
        compression=_compression(facts),
    )
    most = max((abs(gain) for gain in levels.values()), default=0.0)
    differ = most >= _LEAST_LEVEL_DB
    done = [
        f"rumble below {_HIGH_PASS_HZ:.0f} Hz cut",
        noise if denoise else "",
        f"{room} taken down" if chain.dereverb else "",
        *_repairs(chain, facts),
        f"{len(levels)} speakers levelled by up to {most:.1f} dB" if differ else "",
        f"breaths softened: {len(breaths)}" if breaths else "",
        *_colours(chain),
    ]
    left = [
        "" if denoise else noise,
        f"{room}: nara_wpe is not installed" if rings and not can_dereverb else "",
    ]
    return Treatment(chain, tuple(filter(None, done)), tuple(filter(None, left)))


def _repairs(chain: VoiceChain, facts: VoiceFacts) -> Iterator[str]:
    if chain.hum_hz:
        yield f"hum of {chain.hum_hz[0]:.0f} Hz and {len(chain.hum_hz) - 1} more notched"
    if chain.declick:
        yield f"clicks mended ({facts.clicks_per_minute:.0f} a minute)"


def _colours(chain: VoiceChain) -> Iterator[str]:
    bells = chain.equalizer
    if bells:
        shown = ", ".join(f"{bell.gain_db:+.1f} dB at {bell.frequency_hz:.0f} Hz" for bell in bells)
        yield f"tone {shown}"
    if chain.compression:
        yield f"loud words compressed {chain.compression.ratio:g}:1"


def _denoise(facts: VoiceFacts) -> tuple[float, str]:
    """(dB, what was done or why not)."""
    snr = facts.snr_db
    if snr is None:
        return 0.0, "noise reduction: no pause is quiet enough to tell the noise from the voice"
    if facts.swing_db > STEADY_SWING_DB:
        return 0.0, (
            "noise reduction: what sounds in the pauses is not steady "
            f"({facts.swing_db:.1f} dB), and taking it away would harm words"
        )
    depth = round(min(MOST_DENOISE_DB, CLEAN_SNR_DB - snr), 1)
    if depth < _LEAST_DENOISE_DB:
        return 0.0, f"noise reduction: the pauses lie {snr:.0f} dB under the voice already"
    return depth, f"steady noise {snr:.0f} dB under the voice taken down by {depth:.0f} dB"


def _levels(speakers: Sequence[SpeakerLevel]) -> dict[str, float]:
    """Gain of each speaker that brings all to one loudness; empty for fewer than two."""
    if len(speakers) < 2:
        return {}
    total = sum(one.seconds for one in speakers)
    goal = sum(one.lufs * one.seconds for one in speakers) / total
    return {
        one.speaker: max(-_MOST_LEVEL_DB, min(_MOST_LEVEL_DB, goal - one.lufs)) for one in speakers
    }


def _gains(
    words: Sequence[Word],
    levels: dict[str, float],
    breaths: Sequence[Span],
    kept: Sequence[Span],
) -> tuple[SpanGain, ...]:
    """Levels of turns, and breaths below them, as spans that do not overlap."""
    whole = Span(kept[0].start, kept[-1].end)
    heard = [word for word in words if word.span.overlap(whole) > 0]
    turns = _turns(heard, levels)
    spans = [*breaths, *(turn for turn, _ in turns)]
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    gains: list[SpanGain] = []
    for start, end in pairwise(edges):
        middle = (start + end) / 2
        gain = sum(level for turn, level in turns if turn.contains(middle))
        gain += _BREATH_DB if any(breath.contains(middle) for breath in breaths) else 0.0
        if abs(gain) < _LEAST_LEVEL_DB:
            continue
        if gains and gains[-1].span.end == start and gains[-1].gain_db == round(gain, 2):
            gains[-1] = SpanGain(Span(gains[-1].span.start, end), round(gain, 2))
        else:
            gains.append(SpanGain(Span(start, end), round(gain, 2)))
    return tuple(gains)


def _turns(words: Sequence[Word], levels: dict[str, float]) -> list[tuple[Span, float]]:
    """Spans of one speaker each with the gain, meeting midway between the words."""
    turns: list[tuple[Span, str | None]] = []
    for word in words:
        if turns and turns[-1][1] == word.speaker:
            so_far = turns[-1][0]
            turns[-1] = (Span(so_far.start, max(so_far.end, word.span.end)), word.speaker)
        else:
            start = word.span.start
            if turns and turns[-1][0].end > start:
                start = turns[-1][0].end
            turns.append((Span(start, max(start, word.span.end)), word.speaker))
    padded = []
    for i, (span, speaker) in enumerate(turns):
        before = (span.start - turns[i - 1][0].end) / 2 if i else _TURN_MARGIN_SECONDS
        after = (
            (turns[i + 1][0].start - span.end) / 2 if i + 1 < len(turns) else _TURN_MARGIN_SECONDS
        )
        gain = levels.get(speaker or "", 0.0)
        padded.append((span.pad(max(0.0, before), max(0.0, after)), gain))
    return [(span, gain) for span, gain in padded if abs(gain) >= _LEAST_LEVEL_DB]


def _bells(facts: VoiceFacts) -> tuple[Equalizer, ...]:
    """Half of the way to the usual spectrum of speech, gently."""
    if len(facts.band_db) != len(_SPEECH_DB):
        return ()
    off = [heard - usual for heard, usual in zip(facts.band_db, _SPEECH_DB, strict=True)]
    middle = sum(off[1:5]) / 4
    if facts.snr_db is None or facts.snr_db < _NOISY_SNR_DB:
        return ()  # a boost raises the noise, a cut takes consonants that it half covers
    bells = []
    for frequency, away in zip(VOICE_BANDS_HZ[1:], off[1:], strict=True):
        gain = -_BELL_SHARE * (away - middle)
        gain = max(-_MOST_BELL_DB, min(_MOST_BELL_DB, gain))
        missing = away - middle < -_NOT_RECORDED_DB
        if abs(gain) >= _LEAST_BELL_DB and not (gain > 0 and missing):
            bells.append(Equalizer(frequency, round(gain, 1)))
    return tuple(bells)


def _compression(facts: VoiceFacts) -> Compression | None:
    """2:1 above the usual level, where words differ much; noise would come up with more."""
    if facts.speech_dbfs is None or facts.spread_db < _UNEVEN_DB:
        return None
    return Compression(round(max(-60.0, min(0.0, facts.speech_dbfs + _ABOVE_SPEECH_DB)), 1))
