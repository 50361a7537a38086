"""What speaks for emphasising each word of a clip: its scores, the models, the talk, the voice."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from talkreel.core.analysis import Analysis
from talkreel.core.arrays import FloatArray
from talkreel.core.candidates import Candidate
from talkreel.core.signals import Signal
from talkreel.core.transcript import Word
from talkreel.edit.emphasis import WordEvidence
from talkreel.ranking.emotion_words import FEELING
from talkreel.ranking.hook_words import NUMBERS
from talkreel.ranking.lexicon import FILLERS, VERBS
from talkreel.ranking.wording import bare, content, is_name, is_number

# Scores whose evidence names words that matter; others cite whole sentences for their sound.
_CITING = ("hook", "information", "emotion", "ending")
# Evidence this long is a sentence quoted, not words pointed at.
_MOST_CITED = 7


def word_evidence(
    words: Sequence[Word], candidate: Candidate, analysis: Analysis
) -> list[WordEvidence]:
    """Evidence for each of ``words``, those of the clip in order."""
    plain = [bare(word.text) for word in words]
    cited = _cited(candidate)
    keys = _keyness(plain, analysis)
    model = _ranks(_model(words, analysis))
    loud = _ranks(_over(analysis.signals.get("energy"), words))
    found = []
    for i, word in enumerate(words):
        first = i == 0 or words[i - 1].ends_sentence
        number = is_number(word.text, plain[i], NUMBERS)
        found.append(
            WordEvidence(
                content=_may(plain[i], number),
                cited=float(plain[i] in cited),
                key=keys[i],
                charged=abs(FEELING.get(plain[i], (0.0, 0.0))[0]),
                named=float(number or is_name(word.text, first)),
                model=model[i],
                loud=loud[i],
            )
        )
    return found


def _may(plain: str, number: bool) -> bool:
    return number or (bool(content([plain])) and plain not in FILLERS and plain not in VERBS)


def _cited(candidate: Candidate) -> frozenset[str]:
    """Words that the evidence of the clip's scores points at."""
    quoted = [
        reason.words.replace(",", " ").split()
        for score in candidate.sub_scores
        if score.name in _CITING
        for reason in score.reasons
    ]
    return frozenset(bare(word) for words in quoted if len(words) <= _MOST_CITED for word in words)


def _keyness(plain: Sequence[str], analysis: Analysis) -> list[float]:
    """0..1: how much oftener a word comes here than its share of the talk's sentences tells."""
    sentences = [{bare(w.text) for w in s.words} for s in analysis.transcript.sentences]
    spread = Counter(word for sentence in sentences for word in sentence)
    here = Counter(plain)
    most = math.log(1 + max(1, len(sentences)))
    rare = [math.log((1 + len(sentences)) / (1 + spread[word])) / most for word in plain]
    again = [min(1.0, 0.6 + 0.2 * (here[word] - 1)) for word in plain]
    return [max(0.0, r) * a for r, a in zip(rare, again, strict=True)]


def _model(words: Sequence[Word], analysis: Analysis) -> FloatArray:
    """[N] what the engagement and emotion models say at each word; NaN where they are silent."""
    columns = [_over(analysis.signals.get("engagement"), words)]
    emotion = analysis.signals.get("emotion")
    if emotion is not None and "neutral" in emotion.channels:
        neutral = emotion.channels.index("neutral")
        values = 1.0 - np.asarray(emotion.values, dtype=np.float64)[:, neutral]
        stirred = Signal("stirred", values, "probability", emotion.start, emotion.step)
        columns.append(_over(stirred, words))
    known = [column for column in columns if np.isfinite(column).any()]
    return np.mean(known, axis=0) if known else np.full(len(words), np.nan)


def _over(signal: Signal | None, words: Sequence[Word]) -> FloatArray:
    if signal is None or np.ndim(signal.values) != 1:
        return np.full(len(words), np.nan)
    return np.array([signal.mean_over(word.span) for word in words])


def _ranks(values: FloatArray) -> list[float]:
    """0..1: the place of each value within the clip; 0 where it is not known or all are alike."""
    known = values[np.isfinite(values)]
    if len(known) < 2 or np.ptp(known) == 0:
        return [0.0] * len(values)
    below = np.searchsorted(np.sort(known), values, side="left") / (len(known) - 1)
    return [
        float(min(1.0, b)) if np.isfinite(v) else 0.0 for b, v in zip(below, values, strict=True)
    ]
