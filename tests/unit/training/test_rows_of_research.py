from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from talkreel.data.talks import LabelledTalk, unknown_labels
from training.laugh_rows import FORMS, TURNS, form_rows, shifted, turn_rows
from training.summary_rows import (
    PLACE,
    closeness,
    place_rows,
    repeated,
    segments_of,
    text_rank,
    within,
)


def lecture(name: str, *segments: list[str]) -> LabelledTalk:
    texts = tuple(text for segment in segments for text in segment)
    numbers = np.repeat(np.arange(len(segments)), [len(segment) for segment in segments])
    return LabelledTalk(name, texts, unknown_labels(len(texts)), segments=numbers.astype(float))


def test_turns_follow_the_speakers() -> None:
    rows = dict(zip(TURNS, turn_rows(["A", "A", "B", "A"]).T, strict=True))
    assert rows["same_as_before"].tolist() == [0, 1, 0, 0]
    assert rows["same_as_after"].tolist() == [1, 0, 0, 0]
    assert np.exp(rows["log_lines_in_turn"]).round().tolist() == [1, 2, 1, 1]
    assert np.expm1(rows["log_lines_before_turn"]).round().tolist() == [0, 0, 2, 1]
    assert np.exp(rows["log_lines_since_speaker"]).round().tolist() == [50, 1, 50, 2]
    assert rows["speakers_near"].tolist() == [1, 1, 2, 2]
    assert rows["share_of_speaker"].tolist() == [0.75, 0.75, 0.25, 0.75]


def test_the_form_of_a_line_is_read() -> None:
    texts = ["You're passing?", "WELL, well... passing!", "and"]
    rows = dict(zip(FORMS, form_rows(texts).T, strict=True))
    assert rows["question"].tolist() == [1, 0, 0]
    assert rows["exclamation"].tolist() == [0, 1, 0]
    assert rows["dots"].tolist() == [0, 1, 0]
    assert rows["shouted"][1] == pytest.approx(1 / 3)
    assert rows["starts_small"].tolist() == [0, 0, 1]
    assert rows["repeated_words"][1] == pytest.approx(1 / 3)
    assert rows["echo"].tolist() == [0, pytest.approx(1 / 3), 0]
    assert form_rows([]).shape == (0, len(FORMS))


def test_rows_are_shifted_with_zeros_beyond_the_ends() -> None:
    rows = np.arange(1.0, 4)[:, None]
    assert shifted(rows, 1)[:, 0].tolist() == [2, 3, 0]
    assert shifted(rows, -1)[:, 0].tolist() == [0, 1, 2]
    assert shifted(rows, 0)[:, 0].tolist() == [1, 2, 3]
    assert shifted(rows, 5)[:, 0].tolist() == [0, 0, 0]


def test_places_are_counted_inside_segments() -> None:
    talks = [lecture("a", ["one two", "one"], ["x"]), lecture("b", ["y", "y", "y"])]
    segments, owners = segments_of(talks)
    assert segments.tolist() == [0, 0, 1, 2, 2, 2]
    assert owners.tolist() == [0, 0, 0, 1, 1, 1]
    rows = dict(zip(PLACE, place_rows(talks).T, strict=True))
    assert rows["index"].tolist() == [0, 1, 0, 0, 1, 2]
    assert rows["from_end"].tolist() == [1, 0, 0, 2, 1, 0]
    assert rows["size"].tolist() == [2, 2, 1, 3, 3, 3]
    assert rows["segments"].tolist() == [2, 2, 2, 1, 1, 1]
    assert rows["segment_relative"].tolist() == [0, 0, 0.5, 0, 0, 0]
    assert rows["words_to_mean"][2:].tolist() == [0, 0, 0, 0]
    bare = LabelledTalk("c", ("x",), unknown_labels(1))
    with pytest.raises(ValueError, match="no segments"):
        segments_of([bare])


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_closeness_leaves_the_sentence_itself_out(kind: Callable[[np.ndarray], Any]) -> None:
    vectors = kind(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=float))
    groups = np.array([0, 0, 0, 1])
    near = closeness(vectors, groups)
    assert near[:2] == pytest.approx([1 / np.sqrt(2)] * 2)
    assert near[2:] == pytest.approx([0, 0])


def test_text_rank_lifts_what_the_others_are_like() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1], [1, 0]], dtype=float)
    rank = text_rank(vectors, np.array([0, 0, 0, 1]))
    assert rank.argmax() == 1
    assert rank[:3].mean() == pytest.approx(1)
    assert rank[3] == 1


def test_columns_are_standardised_inside_groups() -> None:
    values = np.array([[1.0], [3.0], [7.0]])
    assert within(values, np.array([0, 0, 1]))[:, 0].tolist() == [-1, 1, 0]


def test_lectures_that_were_seen_in_training_are_found() -> None:
    long, other = "a" * 81, "b" * 81
    known = [lecture("k", [long, "short"])]
    talks = [
        lecture("half", [long, other]),
        lecture("less", [long, other, "c" * 81]),
        lecture("short", ["short"]),
    ]
    assert repeated(talks, known).tolist() == [True, False, False]
