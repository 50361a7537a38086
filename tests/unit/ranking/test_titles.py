from __future__ import annotations

from collections.abc import Sequence

import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.ranking.lexicon import UNFINISHED
from talkreel.ranking.talk import Unit
from talkreel.ranking.titles import LIMIT, make_title
from talkreel.ranking.wording import bare


def units(sentences: Sequence[str]) -> list[Unit]:
    made = []
    for i, sentence in enumerate(sentences):
        words = tuple(Word(text, Span(10.0 * i, 10.0 * i + 5)) for text in sentence.split())
        made.append(Unit(Span(10.0 * i, 10.0 * i + 5), words, i))
    return made


def title(*sentences: str) -> str:
    return make_title(units(sentences), Span(0, 10))


@pytest.mark.parametrize(
    ("sentences", "want"),
    [
        (("We cut the deficit by $600 billion.",), "We cut the deficit by $600 billion"),
        (("Well, you know, why do we sleep?",), "Why do we sleep?"),
        (("So nobody knows what dark matter is.",), "Nobody knows what dark matter is"),
        (
            ("200 years ago, our founders changed the entire course of human history by voting.",),
            "Our founders changed the entire course of human history",
        ),
    ],
)
def test_titles_are_whole_phrases(sentences: tuple[str, ...], want: str) -> None:
    assert title(*sentences) == want


def test_long_sentences_are_cut_at_phrases_and_never_dangle() -> None:
    made = title(
        "The committee that was set up in the spring of that year to look into the collapse of the "
        "bridge over the river found nothing of any use to the people who lived beside it."
    )
    assert 3 <= len(made) <= LIMIT
    assert made[0].isupper()
    assert bare(made.split()[-1]) not in UNFINISHED


def test_abbreviations_do_not_end_a_title() -> None:
    made = title("Fifty years ago this week, President John F. Kennedy made two speeches.")
    assert made == "President John F. Kennedy made two speeches"


def test_quote_marks_come_in_pairs() -> None:
    for text in (
        'Kinsey wrote, "Two sheets were laid down to protect the oriental carpets."',
        "He said, “Everything here must change by Friday or we all go home to Paris.”",
    ):
        made = title(text)
        assert made.count('"') % 2 == 0
        assert made.count("“") == made.count("”")


def test_clips_without_words_are_named_by_their_time() -> None:
    assert make_title([Unit(Span(83, 100))], Span(83, 100)) == "Moment at 1:23"
    assert make_title([Unit(Span(3683, 3700))], Span(3683, 3700)) == "Moment at 1:01:23"


def test_one_endless_word_still_gets_a_title() -> None:
    assert title("x" * 200 + ".") == "Moment at 0:00"
