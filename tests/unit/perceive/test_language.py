from __future__ import annotations

import pytest

from talkreel.core.spans import Span
from talkreel.perceive.hear import SpeechChunk
from talkreel.perceive.language import is_english_text, judge_language


def _chunks(*english: float | None, seconds: float = 10.0) -> list[SpeechChunk]:
    return [
        SpeechChunk(Span(i * seconds, (i + 1) * seconds), score=-0.5, tokens=40, english=value)
        for i, value in enumerate(english)
    ]


def test_mostly_foreign_speech_is_told_with_one_line() -> None:
    verdict = judge_language(_chunks(0.0, 0.0, 1.0))
    assert not verdict.english
    assert "English" in verdict.warning
    assert "\n" not in verdict.warning


@pytest.mark.parametrize(
    "english",
    [(), (1.0, 1.0), (0.0, 1.0, 1.0), (0.0, 1.0), (0.0, None, None, None)],
)
def test_doubt_counts_for_english(english: tuple[float | None, ...]) -> None:
    verdict = judge_language(_chunks(*english))
    assert verdict.english
    assert verdict.warning == ""


def test_a_few_seconds_tell_nothing() -> None:
    assert judge_language(_chunks(0.0, seconds=3.0)).english


def test_minutes_of_another_language_need_not_be_heard_on() -> None:
    assert judge_language(_chunks(*[0.0] * 18)).hopeless
    assert not judge_language(_chunks(*[0.0] * 17)).hopeless


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("And so my fellow Americans, ask not what your country can do for you", True),
        ("Today I’m going to talk about the cost of software", True),
        ("Ich möchte Ihnen heute erzählen, warum wir vor fünf Jahren angefangen haben", False),
        ("Hoy quiero hablarles de algo que me parece muy importante para nuestro futuro", False),
        ("Je voudrais vous parler d'un sujet qui me tient à coeur depuis longtemps", False),
        ("今天我想跟大家谈谈教育的未来", False),
        ("", False),
    ],
)
def test_text_is_told_by_its_function_words(text: str, english: bool) -> None:
    assert is_english_text(text.split()) is english
