"""From per-frame evidence to who speaks: sticky states, smoothed over the whole stretch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray

# Turns last seconds: chance of a change per frame at 25 Hz while a voice goes on, and where the
# diarized voice changes.
_CHANGE = 0.004
_CHANGE_AT_TURN = 0.08
_CHANGE_IN_TURN = 0.0015
# Nobody in the picture speaks: a voice from off screen starts out this likely.
_OFF_SCREEN = 0.1
# Evidence that every face earns at random is not held against the voice off screen.
_OFF_ODDS = -0.004
# Rounds in which faces and voices settle on each other.
_ROUNDS = 4
_DOUBT = 8.0
# Neighbouring frames say much the same: their votes count this much.
_VOTE_SHARE = 0.5
_LABEL_TRUST = 0.9
# Frames at 25 Hz over which one look at a label is spread: labels err for seconds on end, and at
# the very changes that matter, so the pictures may outvote them there.
_LABEL_FRAMES = 35.0


def who_speaks(odds: FloatArray, labels: NDArray[np.int_] | None = None) -> FloatArray:
    """[T, K] probability that each face is the one that speaks; rows sum to at most 1.

    Args:
        odds: [T, K] log odds per frame; NaN where a face is not in the picture.
        labels: [T] diarized voice per frame, -1 where not known; a voice that goes with one
            face makes that face likelier wherever the voice is heard.
    """
    absent = np.isnan(odds)
    gain = np.concatenate([np.where(absent, 0.0, odds), np.full((len(odds), 1), _OFF_ODDS)], axis=1)
    gain[:, :-1][absent] = -2.0
    change = np.full(len(odds), _CHANGE)
    if labels is not None and labels.max(initial=-1) >= 0:
        turned = np.concatenate([[False], (np.diff(labels) != 0)])
        change = np.where(turned, _CHANGE_AT_TURN, np.where(labels >= 0, _CHANGE_IN_TURN, _CHANGE))
    states = _smoothed(gain, change)
    if labels is not None and labels.max(initial=-1) >= 0:
        heard = _by_label(gain, labels)
        for _ in range(_ROUNDS):
            states = _smoothed(gain + _label_gain(heard, labels), change)
            heard = states
    return states[:, :-1] * ~absent


def _by_label(gain: FloatArray, labels: NDArray[np.int_]) -> FloatArray:
    """[T, K+1] who speaks if every voice were one face all along: all its frames vote at once.

    Starting from here, rather than from turns found without labels, many short turns that are
    each too weak to move the sticky states add up.
    """
    states = np.full(gain.shape, 1.0 / gain.shape[1])
    for label in range(int(labels.max()) + 1):
        total = gain[labels == label].sum(axis=0) * _VOTE_SHARE
        votes = np.exp(total - total.max(initial=-np.inf))
        states[labels == label] = votes / votes.sum()
    return states


def _label_gain(states: FloatArray, labels: NDArray[np.int_]) -> FloatArray:
    """[T, K+1] log likelihood of the voice given the speaker, per frame."""
    count = int(labels.max(initial=-1)) + 1
    heard = np.zeros((count, states.shape[1]))
    for label in range(count):
        heard[label] = states[labels == label].sum(axis=0)
    likely = (heard + _DOUBT) / (heard + _DOUBT).sum(axis=0, keepdims=True)
    table = np.log(_LABEL_TRUST * likely + (1 - _LABEL_TRUST) / max(count, 1)) / _LABEL_FRAMES
    rows = table[np.maximum(labels, 0)] if count else np.zeros_like(states)
    return np.asarray(np.where((labels >= 0)[:, None], rows, 0.0))


def _smoothed(gain: FloatArray, change: FloatArray) -> FloatArray:
    """Forward-backward over sticky states; [T, K] posteriors."""
    length, count = gain.shape
    start = np.full(count, (1 - _OFF_SCREEN) / max(count - 1, 1))
    start[-1] = _OFF_SCREEN if count > 1 else 1.0
    likely = np.exp(gain - gain.max(axis=1, keepdims=True))
    forward, backward = np.empty_like(gain), np.ones_like(gain)
    now = start * likely[0]
    forward[0] = now / now.sum()
    for t in range(1, length):
        now = ((1 - change[t]) * forward[t - 1] + change[t] * start) * likely[t]
        forward[t] = now / now.sum()
    for t in range(length - 2, -1, -1):
        later = backward[t + 1] * likely[t + 1]
        now = (1 - change[t + 1]) * later + change[t + 1] * float(start @ later)
        backward[t] = now / now.sum()
    joint = forward * backward
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))
