"""Steady noise out of speech: log-spectral amplitude estimation with a tracked noise floor.

The gain is that of Ephraim and Malah (1985); the noise follows Gerkmann and Hendriks (2012).
Nothing is trained, and no bin is taken down further than asked, less under words than between
them, so that what is left sounds like the room and a recogniser still finds its consonants.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_FRAME_SECONDS = 0.032
_OVERLAP = 2
_BLOCK_FRAMES = 512
# Gerkmann and Hendriks 2012: a-priori SNR where speech is present, memory of the noise and of
# the probability of speech (at 16 ms hops), and the cap that keeps the noise from standing still.
_PRESENT_SNR = 10 ** (15 / 10)
_NOISE_MEMORY = 0.8
_PROBABILITY_MEMORY = 0.9
_STUCK = 0.99
_MEMORY_HOP_SECONDS = 0.016
# Decision-directed a-priori SNR (Ephraim and Malah 1984).
_SNR_MEMORY = 0.98
_LEAST_SNR = 10 ** (-25 / 10)
# The first guess of the noise: the quietest frames of each bin, brought up to their mean.
_QUIET_SHARE = 0.15
_QUIET_BIAS = 2.0
# The noise is held over so many seconds on both sides, looked at so often.
_STEADY_SECONDS, _STEADY_STEP = 3.0, 0.25
_STEADY_PERCENTILE = 40
# Recognisers lose words where more than 6 dB is taken from under them (measured, pink noise at
# 5 dB: 21.0 % of words wrong as is, 21.9 at 6 dB, 24.7 at 8, 28.8 at 12); pauses have no words.
_SPEECH_SHARE = 0.5
_SPEECH_HZ = (300.0, 4000.0)
_SPEECH_OVER_DB = 1.4
_PAUSE_PERCENTILE = 10
_HOLD_SECONDS = 0.15
_TINY = 1e-12
# exp(-x) of single precision ends here.
_MOST_RATIO = 80.0

Array = NDArray[np.float32]


def denoise(samples: Array, rate: int, reduction_db: float) -> Array:
    """``samples`` with their steady noise taken down.

    Args:
        samples: [N, C]; all channels get the same gains, so that nothing moves between them.
        rate: Hz.
        reduction_db: most that is taken from a bin in pauses, > 0; under speech, half of it.

    Returns:
        [N, C], in step with the input.
    """
    size = 2 * _OVERLAP * round(_FRAME_SECONDS * rate / (2 * _OVERLAP))
    hop = size // _OVERLAP
    window = np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)
    padded = np.pad(samples, ((size, 2 * size), (0, 0)))
    power = np.concatenate(
        [np.mean(np.abs(x) ** 2, axis=1) for _, x in _spectra(padded, window, hop)]
    )
    gains = _gains(power, hop / rate, rate / size, reduction_db)
    out = np.zeros_like(padded)
    for first, spectra in _spectra(padded, window, hop):
        spectra *= gains[first : first + len(spectra), None, :]
        _overlap_add(out, first, spectra, window, hop)
    return np.asarray(out[size : size + len(samples)] / (_OVERLAP / 2), dtype=np.float32)


def _spectra(padded: Array, window: Array, hop: int) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    """Blocks of (number of the first frame, [F, C, bins] spectra)."""
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(padded, len(window), axis=0)[::hop]
    for first in range(0, len(frames), _BLOCK_FRAMES):
        yield first, rfft(frames[first : first + _BLOCK_FRAMES] * window, axis=2)


def _overlap_add(
    out: Array, first: int, spectra: NDArray[np.complex64], window: Array, hop: int
) -> None:
    from scipy.fft import irfft

    size = len(window)
    frames = irfft(spectra, size, axis=2).transpose(0, 2, 1) * window[:, None]
    for i, frame in enumerate(frames, start=first):
        out[i * hop : i * hop + size] += frame


def _gains(power: Array, hop_seconds: float, bin_hz: float, reduction_db: float) -> Array:
    """[F, bins] gains of frames with ``power``."""
    noise = _noise(power, hop_seconds)
    memory = _SNR_MEMORY ** (hop_seconds / _MEMORY_HOP_SECONDS)
    forward = _amplitudes(power, noise, memory)
    # Backward in time an onset is an ending: what one direction hears late, the other has.
    backward = _amplitudes(power[::-1], noise[::-1], memory)[::-1]
    speech = _speech(power, noise, hop_seconds, bin_hz)
    least = 10 ** (-reduction_db * (1 - (1 - _SPEECH_SHARE) * speech) / 20)
    return np.asarray(np.maximum(np.maximum(forward, backward), least[:, None]), dtype=np.float32)


def _speech(power: Array, noise: Array, hop_seconds: float, bin_hz: float) -> Array:
    """[F] 1 in and beside speech, 0 in pauses, with smooth ways between."""
    low, high = (round(hertz / bin_hz) for hertz in _SPEECH_HZ)
    # Averaged over frequency in dB: one loud line is no speech, and neither is a quiet one.
    over = 10 * np.log10(power[:, low:high] / noise[:, low:high] + _TINY).mean(axis=1)
    over = np.convolve(np.pad(over, 2, mode="edge"), np.ones(5) / 5, "valid")
    usual = np.percentile(over, _PAUSE_PERCENTILE)
    hold = 2 * round(_HOLD_SECONDS / hop_seconds) + 1
    padded = np.pad(over > usual + _SPEECH_OVER_DB, hold // 2, mode="edge")
    held = np.lib.stride_tricks.sliding_window_view(padded, hold).any(axis=1)
    window = np.hanning(hold + 2)[1:-1]
    smooth = np.convolve(np.pad(held.astype(float), hold // 2, mode="edge"), window, "valid")
    return np.asarray(smooth / window.sum(), dtype=np.float32)


def _noise(power: Array, hop_seconds: float) -> Array:
    """[F, bins] power of the noise: tracked, and then held steady over some seconds."""
    hops = hop_seconds / _MEMORY_HOP_SECONDS
    memory, presence_memory = _NOISE_MEMORY**hops, _PROBABILITY_MEMORY**hops
    count = max(1, round(_QUIET_SHARE * len(power)))
    quiet = np.partition(power, count - 1, axis=0)[:count]
    noise = _QUIET_BIAS * quiet.mean(axis=0) + _TINY
    likely = _PRESENT_SNR / (1 + _PRESENT_SNR)
    presence = np.full_like(noise, 0.5)
    tracked = np.empty_like(power)
    for i, here in enumerate(power):
        ratio = np.minimum(here / noise, _MOST_RATIO)
        probability = 1 / (1 + (1 + _PRESENT_SNR) * np.exp(-ratio * likely))
        presence = presence_memory * presence + (1 - presence_memory) * probability
        stuck = presence > _STUCK
        probability[stuck] = np.minimum(probability[stuck], _STUCK)
        guess = probability * noise + (1 - probability) * here
        noise = memory * noise + (1 - memory) * guess + _TINY
        tracked[i] = noise
    return _steady(tracked, hop_seconds)


def _steady(tracked: Array, hop_seconds: float) -> Array:
    """[F, bins] low percentile of seconds around each frame: speech that leaked in is left out."""
    reach, step = round(_STEADY_SECONDS / hop_seconds), round(_STEADY_STEP / hop_seconds)
    marks = np.arange(0, len(tracked) + step, step)
    held = np.stack(
        [
            np.percentile(tracked[max(0, at - reach) : at + reach + 1], _STEADY_PERCENTILE, axis=0)
            for at in np.minimum(marks, len(tracked) - 1)
        ]
    ).astype(np.float32)
    places = np.arange(len(tracked)) / step
    low = places.astype(int)
    share = (places - low).astype(np.float32)[:, None]
    return np.asarray(held[low] * (1 - share) + held[low + 1] * share, dtype=np.float32)


def _amplitudes(power: Array, noise: Array, memory: float) -> Array:
    """[F, bins] gains 0..1, frame after frame."""
    from scipy.special import exp1

    clean = np.zeros_like(power[0])
    gains = np.empty_like(power)
    for i, (here, floor) in enumerate(zip(power, noise, strict=True)):
        ratio = here / floor
        prior = memory * clean / floor + (1 - memory) * np.maximum(ratio - 1, 0)
        share = np.maximum(prior, _LEAST_SNR)
        share /= 1 + share
        gain = np.minimum(share * np.exp(0.5 * exp1(np.maximum(share * ratio, 1e-6))), 1.0)
        clean = gain**2 * here
        gains[i] = gain
    return gains
