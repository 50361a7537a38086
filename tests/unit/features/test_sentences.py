from __future__ import annotations

import numpy as np
import pytest

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.features.sentences import (
    FORM,
    SOUND,
    TEXT,
    TEXT_SIZE,
    TIMING,
    VISUAL,
    WORD_SLOTS,
    talk_features,
    transcript_features,
)

TEXTS = ("We will win!", "Do you think so?", "I said 12 things, and then — silence.")
EMBEDDINGS = np.eye(3, 384, dtype=np.float32)
WORDING = np.eye(3, TEXT_SIZE, dtype=np.float32)
TIMES = np.array([[0.0, 1.0], [1.5, 3.0], [3.2, 6.0]])


def transcript() -> Transcript:
    words = []
    for text, (start, end) in zip(TEXTS, TIMES, strict=True):
        tokens = text.split()
        step = (end - start) / len(tokens)
        words += [
            Word(token, Span(start + i * step, start + (i + 1) * step))
            for i, token in enumerate(tokens)
        ]
    return Transcript("en", tuple(words))


def sounds() -> dict[str, Signal]:
    loudness = np.concatenate([np.full(20, -30.0), np.full(40, -20.0)])
    pitch = 100 * 2 ** (np.arange(600) / 600)
    return {
        "loudness": Signal("loudness", loudness, "LUFS", 0.0, 0.1),
        "pitch": Signal("pitch", pitch, "Hz", 0.0, 0.01),
        "reaction": Signal("reaction", np.ones(60), "probability", 0.0, 0.1),
    }


def test_a_transcript_and_its_texts_give_the_same_rows() -> None:
    by_text = talk_features(TEXTS, EMBEDDINGS, wording=WORDING, times=TIMES, signals=sounds())
    by_words = transcript_features(transcript(), EMBEDDINGS, sounds(), wording=WORDING)
    for name in ("text", "words", "form", "timing", "sound", "visual", "mel", "known"):
        np.testing.assert_allclose(getattr(by_text, name), getattr(by_words, name), atol=1e-5)
    np.testing.assert_array_equal(by_text.known, [[1, 1, 1, 0, 0]] * 3)


def test_what_a_source_lacks_is_masked() -> None:
    rows = talk_features(TEXTS, None)
    np.testing.assert_array_equal(rows.known, np.zeros((3, 5)))
    assert not rows.timing.any()
    assert not rows.text.any()
    visual = np.ones((3, 5), np.float32)
    visual[1] = np.nan
    rows = talk_features(TEXTS, EMBEDDINGS, wording=WORDING, times=TIMES, visual=visual)
    np.testing.assert_array_equal(rows.known[:, VISUAL], [1, 0, 1])
    assert rows.known[:, TEXT].all()
    assert rows.known[:, TIMING].all()
    assert not rows.known[:, SOUND].any()
    assert all(np.isfinite(getattr(rows, name)).all() for name in ("timing", "sound", "visual"))


def test_form_words_and_delivery() -> None:
    rows = talk_features(TEXTS, EMBEDDINGS, times=TIMES, signals=sounds())
    form = dict(zip(FORM, rows.form.T, strict=True))
    np.testing.assert_array_equal(form["exclamation"], [1, 0, 0])
    np.testing.assert_array_equal(form["question"], [0, 1, 0])
    np.testing.assert_array_equal(form["numbers"], [0, 0, 1])
    assert rows.words.shape == (3, WORD_SLOTS)
    assert (rows.words[0] > 0).sum() == 4 + 3 + 2  # we will win !, pairs, first and last
    assert rows.sound[0, 0] < rows.sound[2, 0]  # louder later
    assert rows.sound[0, 2] < rows.sound[2, 2]  # higher later
    np.testing.assert_allclose(rows.timing[:2, 3], np.log1p([0.5, 0.2]), atol=1e-6)


def test_the_rooms_reaction_and_the_place_in_the_talk_are_not_looked_at() -> None:
    without = {name: signal for name, signal in sounds().items() if name != "reaction"}
    a = talk_features(TEXTS, EMBEDDINGS, times=TIMES, signals=sounds())
    b = talk_features(TEXTS, EMBEDDINGS, times=TIMES, signals=without)
    np.testing.assert_array_equal(a.sound, b.sound)
    later = talk_features(TEXTS, EMBEDDINGS, times=TIMES + 1000)
    np.testing.assert_allclose(later.timing, a.timing, atol=1e-6)


def test_no_sentences() -> None:
    rows = transcript_features(Transcript("en", ()), np.zeros((0, 384)), sounds())
    assert len(rows) == 0
    assert rows.form.shape == (0, len(FORM))


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="embeddings"):
        talk_features(TEXTS, EMBEDDINGS[:2])
    with pytest.raises(ValueError, match="wording"):
        talk_features(TEXTS, EMBEDDINGS, wording=WORDING[:2])
    with pytest.raises(ValueError, match="times"):
        talk_features(TEXTS, EMBEDDINGS, times=TIMES[:2])
    with pytest.raises(ValueError, match="visual"):
        talk_features(TEXTS, EMBEDDINGS, visual=np.ones((2, 5)))
    with pytest.raises(ValueError, match="mel must have 4096 columns, got 5"):
        talk_features(TEXTS, EMBEDDINGS, mel=np.ones((3, 5), np.float16))
