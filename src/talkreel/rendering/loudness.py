"""Loudness and true peak: measured with EBU R128 meters, reached with gain and a limiter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from talkreel.media.ffmpeg import run_ffmpeg

# The meter reports -70 for what lies under its absolute gate.
_GATE_LUFS = -70.0
# Quieter than this is room noise: raising it would only make the noise loud.
NEARLY_SILENT_LUFS = -55.0
MAX_GAIN_DB = 36.0
# AAC moves peaks; what is left between the limiter and the allowed peak takes that up.
AAC_MARGIN_DB = 0.8
# Reaching the target may take this much limiting before speech audibly suffers; from there a
# gentle compressor works first.
_LIMITING_DB = 8.0
_COMPRESS_ABOVE_LU = 3.0
_CLOSE_LU = 0.1
_TRIES = 6
_LEAST_SLOPE = 0.2
# Compressor and limiter may take away this much; more would be another sound.
_MAKE_UP_DB = 14.0
# Meters need 400 ms; shorter clips are repeated for measuring.
_SHORTEST_SECONDS = 1.2
_TIMEOUT_SECONDS = 300.0
_NUMBER = r"(-?(?:\d+(?:\.\d+)?|inf|nan))"


@dataclass(frozen=True, slots=True)
class Loudness:
    """What the meter read.

    Attributes:
        integrated_lufs: EBU R128 integrated loudness; None when all lies under the gate.
        true_peak_dbtp: 4x oversampled peak; None for digital silence.
        samples: how many were read, or None when nobody counted.
    """

    integrated_lufs: float | None
    true_peak_dbtp: float | None
    samples: int | None = None


@dataclass(frozen=True, slots=True)
class Mastering:
    """How the sound reaches its loudness.

    Attributes:
        gain_db: applied first.
        ceiling_dbtp: true peak after the limiter; None when nothing needs limiting.
        compress_db: level above which a 3:1 compressor works (dBFS), or None.
    """

    gain_db: float
    ceiling_dbtp: float | None = None
    compress_db: float | None = None

    @property
    def filters(self) -> str:
        """The chain in ffmpeg's words; input is 48 kHz."""
        return self._chain(true_peaks=True)

    @property
    def sketch(self) -> str:
        """Nearly as loud as ``filters`` at a fifth of the work; its true peaks are not bounded."""
        return self._chain(true_peaks=False)

    def _chain(self, *, true_peaks: bool) -> str:
        chain = [f"volume={self.gain_db:.3f}dB:precision=float"]
        if self.compress_db is not None:
            threshold = max(0.001, 10 ** (self.compress_db / 20))
            chain.append(
                f"acompressor=threshold={threshold:.5f}:ratio=3:attack=8:release=180:knee=4"
            )
        if self.ceiling_dbtp is not None:
            limit = min(1.0, max(0.0625, 10 ** (self.ceiling_dbtp / 20)))
            limiter = f"alimiter=limit={limit:.5f}:attack=4:release=60:level=0:latency=1"
            # At four times the rate, sample peaks are true peaks.
            above, below = ("aresample=192000,", ",aresample=48000") if true_peaks else ("", "")
            chain.append(f"{above}{limiter}{below}")
        return ",".join(chain)


Meter = Callable[[str], Loudness]


def read_meter(ffmpeg_log: str) -> Loudness:
    """The summary of ``ebur128=peak=true`` (and of ``astats``, if it ran) in ffmpeg's log."""
    integrated = re.findall(rf"I:\s+{_NUMBER} LUFS", ffmpeg_log)
    peaks = re.findall(rf"Peak:\s+{_NUMBER} dBFS", ffmpeg_log)
    counts = re.findall(r"Number of samples: (\d+)", ffmpeg_log)
    lufs = float(integrated[-1]) if integrated else _GATE_LUFS
    peak = float(peaks[-1]) if peaks else float("-inf")
    return Loudness(
        lufs if lufs > _GATE_LUFS else None,
        peak if peak > -120.0 else None,
        int(counts[-1]) if counts else None,
    )


def measure(
    source: Sequence[str], seconds: float, filters: str = "", *, cwd: Path, peaks: bool = True
) -> Loudness:
    """Loudness of a sound input after ``filters``.

    Args:
        source: ffmpeg arguments that open it, ``-i`` included.
        seconds: about how long it is.
        filters: a chain, or empty.
        cwd: folder to run in.
        peaks: whether to measure the true peak too.
    """
    chain = [filters] if filters else []
    chain.append("astats=measure_perchannel=none:measure_overall=Number_of_samples")
    if seconds < _SHORTEST_SECONDS:
        chain.append("aloop=loop=-1:size=57600")
        chain.append(f"atrim=end={4 * _SHORTEST_SECONDS}")
    chain.append(f"ebur128=peak={'true' if peaks else 'none'}:framelog=quiet")
    log = run_ffmpeg(
        [*source, "-map", "0:a:0", "-vn", "-af", ",".join(chain), "-f", "null", "-"],
        timeout_seconds=_TIMEOUT_SECONDS,
        cwd=cwd,
    ).stderr
    return read_meter(log)


def find_mastering(
    plain: Loudness, target_lufs: float, peak_dbtp: float, meter: Meter
) -> Mastering:
    """The gentlest chain that brings a sound to ``target_lufs`` under ``peak_dbtp`` after AAC.

    Args:
        plain: the sound as it is.
        target_lufs: wanted.
        peak_dbtp: highest true peak allowed in the delivered file.
        meter: loudness of the sound after a chain of filters.
    """
    if plain.integrated_lufs is None or plain.integrated_lufs < NEARLY_SILENT_LUFS:
        return Mastering(0.0)
    ceiling = peak_dbtp - AAC_MARGIN_DB
    wanted = min(target_lufs - plain.integrated_lufs, MAX_GAIN_DB)
    peak = plain.true_peak_dbtp if plain.true_peak_dbtp is not None else 0.0
    if peak + wanted <= ceiling:
        return Mastering(wanted)
    compress = target_lufs + _COMPRESS_ABOVE_LU if peak + wanted - ceiling > _LIMITING_DB else None
    near = approach(Mastering(wanted, ceiling, compress), target_lufs, lambda m: meter(m.sketch))
    return approach(near, target_lufs, lambda m: meter(m.filters))


def approach(
    mastering: Mastering, target_lufs: float, meter: Callable[[Mastering], Loudness]
) -> Mastering:
    """``mastering`` with the gain that makes up for what its limiter takes away (secant steps)."""
    before: tuple[float, float] | None = None
    slope = 1.0
    most = mastering.gain_db + _MAKE_UP_DB
    for _ in range(_TRIES):
        got = meter(mastering).integrated_lufs
        if got is None or abs(target_lufs - got) <= _CLOSE_LU:
            break
        gain = mastering.gain_db
        if before is not None and gain != before[0]:
            # The harder it is limited, the less of a gain gets through.
            slope = min(1.0, max(_LEAST_SLOPE, (got - before[1]) / (gain - before[0])))
        before = (gain, got)
        mastering = replace(mastering, gain_db=min(gain + (target_lufs - got) / slope, most))
        if mastering.gain_db == gain:
            break
    return mastering


def correct(
    mastering: Mastering, delivered: Loudness, target_lufs: float, peak_dbtp: float
) -> Mastering:
    """``mastering`` changed by what was wrong with the delivered file."""
    ceiling = mastering.ceiling_dbtp
    if delivered.true_peak_dbtp is not None and delivered.true_peak_dbtp > peak_dbtp:
        over = delivered.true_peak_dbtp - peak_dbtp
        ceiling = (peak_dbtp - AAC_MARGIN_DB if ceiling is None else ceiling) - over - 0.2
    gain = mastering.gain_db
    if delivered.integrated_lufs is not None:
        gain += target_lufs - delivered.integrated_lufs
    return replace(mastering, gain_db=gain, ceiling_dbtp=ceiling)
