from __future__ import annotations

import pytest

from talkreel.perceive.word_errors import edit_distance, spoken, word_error_rate


def test_edit_distance_counts_the_three_operations() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3
    assert edit_distance("abc", "abc") == 0


def test_writing_does_not_count_as_an_error() -> None:
    reference = "Mr. Smith paid $3.50 on the 2nd of May, 1984 -- didn't he?"
    said = (
        "mister smith paid three dollars fifty on the second of may nineteen eighty four didn’t he"
    )
    assert word_error_rate(reference, said) == 0.0


def test_errors_are_counted_per_word_of_the_reference() -> None:
    assert word_error_rate("one two three four", "one too three") == 0.5
    assert spoken("'Tis -- so!") == ["tis", "so"]


def test_a_reference_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="reference"):
        word_error_rate("...", "anything")
