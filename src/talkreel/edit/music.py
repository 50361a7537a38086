"""Which music goes under a clip, and how loud."""

from __future__ import annotations

import math
from collections.abc import Sequence

from talkreel.core.sound import MusicBed, Track, VoiceFacts
from talkreel.core.spans import Span, merge
from talkreel.core.transcript import Word

# Where nobody speaks the music lies this far under the voice, and this much further under words.
_UNDER_VOICE_DB = 8.0
_DUCK_DB = 14.0
# Music that came up for less than this would pump.
_SHORTEST_REST_SECONDS = 1.0
# What sounds this loud in the pauses, and is not steady, is music or a crowd already.
_OCCUPIED_SNR_DB = 15.0
_OCCUPIED_SWING_DB = 2.5
# Beats a minute for words a minute: 150 words go with 100 beats, 200 with 130.
_BPM_PER_WPM, _BPM_OFFSET = 0.6, 10.0
_SLOWEST, _FASTEST = 70.0, 140.0
_CALM_WPM, _FAST_WPM = 110.0, 210.0
_FLAT_DB, _LIVELY_DB = 2.0, 7.0
_OTHER_OCTAVE = 0.3
_NO_BEAT = 0.5
_MOST_GAIN_DB = 24.0


def occupied(facts: VoiceFacts) -> str:
    """Why music would do harm here; empty when it would not."""
    if facts.speech_dbfs is None:
        return "nobody speaks here: the clip's own sound stays alone"
    snr = facts.snr_db
    if snr is not None and snr < _OCCUPIED_SNR_DB and facts.swing_db > _OCCUPIED_SWING_DB:
        return f"something else already sounds {snr:.0f} dB under the voice"
    return ""


def choose_track(
    tracks: Sequence[Track], words: Sequence[Word], kept: Sequence[Span], facts: VoiceFacts
) -> Track:
    """The track that goes best with how fast and how lively the clip is spoken.

    Raises:
        ValueError: no tracks.
    """
    if not tracks:
        raise ValueError("there is no music to choose from")
    pace = words_per_minute(words, kept)
    wanted = min(_FASTEST, max(_SLOWEST, _BPM_PER_WPM * pace + _BPM_OFFSET))
    lively = 0.5 * _share(pace, _CALM_WPM, _FAST_WPM)
    lively += 0.5 * _share(facts.spread_db, _FLAT_DB, _LIVELY_DB)
    return min(
        tracks,
        key=lambda t: (
            round(_tempo_distance(t.facts.tempo_bpm, wanted) + abs(t.facts.energy - lively), 3),
            t.asset.path,
        ),
    )


def lay_music(
    track: Track, facts: VoiceFacts | None, speech: Sequence[Span], kept: Sequence[Span]
) -> MusicBed:
    """``track`` under what is kept.

    Args:
        track: what plays.
        facts: of the voice; None where the source has no sound.
        speech: where somebody speaks.
        kept: what is played.
    """
    level = 0.0
    if facts is not None and facts.speech_dbfs is not None:
        level = facts.speech_dbfs - _UNDER_VOICE_DB - track.facts.lufs
    whole = Span(kept[0].start, kept[-1].end)
    heard = [span for span in speech if span.overlap(whole) > 0]
    seconds = math.fsum(span.duration for span in kept)
    return MusicBed(
        asset=track.asset,
        title=track.title,
        loop=track.facts.loop,
        crossfade=track.facts.crossfade,
        level_db=round(max(-60.0, min(_MOST_GAIN_DB, level)), 2),
        duck_db=_DUCK_DB,
        speech=merge(heard, _SHORTEST_REST_SECONDS),
        fade_out=min(2.0, seconds / 4),
    )


def words_per_minute(words: Sequence[Word], kept: Sequence[Span]) -> float:
    """How fast the kept part is spoken; 150 where no words are known."""
    inside = sum(any(span.contains(word.span.middle) for span in kept) for word in words)
    seconds = math.fsum(span.duration for span in kept)
    return 60 * inside / seconds if inside else 150.0


def _tempo_distance(tempo: float | None, wanted: float) -> float:
    """Octaves between tempos; half and double time count as near."""
    if tempo is None:
        return _NO_BEAT
    octaves = math.log2(tempo / wanted)
    return min(abs(octaves), *(abs(octaves + k) + _OTHER_OCTAVE for k in (-1, 1)))


def _share(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
