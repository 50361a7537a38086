"""What is done to the voice of an edit, what is masked in it, and the music under it.

Times are seconds on the *source* clock unless a field says otherwise; levels are dB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from talkreel.core.craft import Asset
from talkreel.core.spans import Span

# Louder or softer than this is no correction but another sound.
MOST_GAIN_DB = 24.0
# Middles of the octaves in which a voice is judged.
VOICE_BANDS_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)


@dataclass(frozen=True, slots=True)
class SpeakerLevel:
    """How loud one speaker is.

    Attributes:
        speaker: diarization label.
        lufs: K-weighted level of the words.
        seconds: of words it was measured on.
    """

    speaker: str
    lufs: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFacts:
    """What was measured of a voice and of what sounds beside it.

    Attributes:
        speech_dbfs: level of speech, or None where nobody speaks.
        noise_dbfs: level of the pauses, or None where there is no pause to hear it in.
        swing_db: standard deviation of the pauses' level; steady noise has little.
        hum_hz: harmonics of the mains that stand out in the pauses, the first one's base first.
        hum_db: how far they stand out of their neighbourhood, at most.
        clicks_per_minute: impulses of a few samples.
        band_db: level of speech in ``VOICE_BANDS_HZ``, against their loudest.
        speakers: levels of those who speak long enough to tell.
        breaths: breaths and mouth noises between words.
        spread_db: standard deviation of the level of words.
        decay_seconds: time in which the room's answer falls by 60 dB, or None where that is
            not heard; a dry voice gives 0.2 itself.
    """

    speech_dbfs: float | None
    noise_dbfs: float | None = None
    swing_db: float = 0.0
    hum_hz: tuple[float, ...] = ()
    hum_db: float = 0.0
    clicks_per_minute: float = 0.0
    band_db: tuple[float, ...] = ()
    speakers: tuple[SpeakerLevel, ...] = ()
    breaths: tuple[Span, ...] = ()
    spread_db: float = 0.0
    decay_seconds: float | None = None

    @property
    def snr_db(self) -> float | None:
        """Speech over pauses."""
        if self.speech_dbfs is None or self.noise_dbfs is None:
            return None
        return self.speech_dbfs - self.noise_dbfs


@dataclass(frozen=True, slots=True)
class SpanGain:
    """A gain over a span, reached and left within some milliseconds."""

    span: Span
    gain_db: float

    def __post_init__(self) -> None:
        if not abs(self.gain_db) <= MOST_GAIN_DB:
            raise ValueError(
                f"a gain is -{MOST_GAIN_DB:g} to {MOST_GAIN_DB:g} dB, got {self.gain_db}"
            )


@dataclass(frozen=True, slots=True)
class Mute:
    """A span in which the voice is not heard.

    Attributes:
        span: what is masked.
        tone_hz: pitch of the tone in its place, or None for silence; music goes on under both.
    """

    span: Span
    tone_hz: float | None = 1000.0

    def __post_init__(self) -> None:
        if self.tone_hz is not None and not 100 <= self.tone_hz <= 8000:
            raise ValueError(f"a tone is 100 to 8000 Hz, got {self.tone_hz}")


@dataclass(frozen=True, slots=True)
class Equalizer:
    """One bell of an equaliser; negative gains cut."""

    frequency_hz: float
    gain_db: float
    octaves: float = 1.0

    def __post_init__(self) -> None:
        if not (10 <= self.frequency_hz <= 20_000 and 0 < self.octaves <= 6):
            raise ValueError("an equaliser works at 10 to 20000 Hz, up to 6 octaves wide")
        if not abs(self.gain_db) <= MOST_GAIN_DB:
            raise ValueError(f"an equaliser's gain is within {MOST_GAIN_DB:g} dB")


@dataclass(frozen=True, slots=True)
class Compression:
    """A gentle compressor.

    Attributes:
        threshold_db: dBFS above which it works.
        ratio: of what is above; 1 to 20.
    """

    threshold_db: float
    ratio: float = 2.0

    def __post_init__(self) -> None:
        if not (-60 <= self.threshold_db <= 0 and 1 <= self.ratio <= 20):
            raise ValueError("a compressor's threshold is -60 to 0 dBFS, its ratio 1 to 20")


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceChain:
    """What is done to the voice, in this order; the defaults do nothing.

    Attributes:
        high_pass_hz: what lies below goes, or None.
        hum_hz: frequencies that are notched out.
        declick: whether clicks of a few samples are mended.
        dereverb: whether late reverberation is taken down.
        denoise_db: most that steady noise is taken down.
        gains: levels of speakers and of breaths; ordered, not overlapping.
        equalizer: bells.
        compression: or None.
    """

    high_pass_hz: float | None = None
    hum_hz: tuple[float, ...] = ()
    declick: bool = False
    dereverb: bool = False
    denoise_db: float = 0.0
    gains: tuple[SpanGain, ...] = ()
    equalizer: tuple[Equalizer, ...] = ()
    compression: Compression | None = None

    def __post_init__(self) -> None:
        if self.high_pass_hz is not None and not 10 <= self.high_pass_hz <= 400:
            raise ValueError(f"a high-pass is 10 to 400 Hz, got {self.high_pass_hz}")
        if not all(10 <= frequency <= 20_000 for frequency in self.hum_hz):
            raise ValueError(f"notches are 10 to 20000 Hz, got {self.hum_hz}")
        if not 0 <= self.denoise_db <= 40:
            raise ValueError(f"noise goes down by 0 to 40 dB, got {self.denoise_db}")
        for first, second in pairwise(self.gains):
            if second.span.start < first.span.end:
                raise ValueError(f"gains overlap or are out of order: {first} then {second}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicFacts:
    """What was measured of a piece of music.

    Attributes:
        lufs: integrated level.
        energy: 0 (calm) to 1 (driving).
        tempo_bpm: or None where there is no beat.
        loop: part of the piece's clock whose end goes on into its beginning.
        crossfade: seconds over which it does.
        bars: how many bars of four beats the loop has; 0 without a beat.
    """

    lufs: float
    energy: float
    tempo_bpm: float | None
    loop: Span
    crossfade: float
    bars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A piece of a music library."""

    asset: Asset
    title: str
    facts: MusicFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicBed:
    """Music under the speech.

    Attributes:
        asset: the file.
        title: as its library states it.
        loop: part of the asset's own clock that is played, over and over.
        crossfade: seconds over which the end of the loop runs into its beginning.
        level_db: gain of the music where nobody speaks.
        duck_db: how far it goes down under speech, >= 0.
        speech: where somebody speaks; ordered, not overlapping.
        attack: seconds to go down; over when the speech begins.
        release: seconds to come up again.
        fade_in: seconds at the clip's start.
        fade_out: seconds at the clip's end.
    """

    asset: Asset
    loop: Span
    level_db: float
    title: str = ""
    crossfade: float = 0.05
    duck_db: float = 14.0
    speech: tuple[Span, ...] = ()
    attack: float = 0.15
    release: float = 0.5
    fade_in: float = 0.5
    fade_out: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.crossfade <= self.loop.duration / 2 or self.loop.duration <= 0:
            raise ValueError("a loop is longer than twice its crossfade")
        if not (0 <= self.duck_db <= 60 and math.isfinite(self.level_db) and self.level_db <= 24):
            raise ValueError("music is ducked by 0 to 60 dB and raised by 24 dB at most")
        if min(self.attack, self.release, self.fade_in, self.fade_out) < 0:
            raise ValueError("fades are not negative")
        for first, second in pairwise(self.speech):
            if second.start < first.end:
                raise ValueError(f"speech overlaps or is out of order: {first} then {second}")
