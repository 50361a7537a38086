from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pytest

from talkreel.core.candidates import Candidate, Reason, SubScore
from talkreel.core.errors import InputError, NothingToClip
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Transcript, Word
from talkreel.ranking.facts import Facts
from talkreel.ranking.options import RankOptions
from talkreel.ranking.rank import rank, to_score
from talkreel.ranking.score import Scores
from talkreel.ranking.talk import Proposals, Talk

Speak = Callable[..., Transcript]
Vectors = Callable[[Transcript], np.ndarray]
Sentences = Callable[..., list[str]]
EMPTY = Transcript("und", ())
NO_ROWS = np.zeros((0, 384))


def run(transcript: Transcript, vectors: Vectors, **options: object) -> tuple[Candidate, ...]:
    duration = transcript.words[-1].span.end + 1
    made = RankOptions(**options)  # type: ignore[arg-type]
    return rank(transcript, {}, vectors(transcript), made, duration=duration)


def check_rules(
    candidates: Sequence[Candidate], transcript: Transcript, options: RankOptions
) -> None:
    starts = {s.span.start for s in transcript.sentences}
    ends = {s.span.end for s in transcript.sentences}
    for candidate in candidates:
        assert candidate.span.start in starts
        assert candidate.span.end in ends
        assert options.min_seconds - 1e-6 <= candidate.span.duration
        assert candidate.span.duration <= options.max_seconds + 1e-6
        assert 3 <= len(candidate.title) <= 60
        for part in candidate.sub_scores:
            for reason in part.reasons:
                assert candidate.span.start <= reason.span.start
                assert reason.span.end <= candidate.span.end
    for a, b in combinations(candidates, 2):
        shorter = min(a.span.duration, b.span.duration)
        assert a.span.overlap(b.span) <= 0.4 * shorter + 1e-6
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert len({candidate.id for candidate in candidates}) == len(candidates)


def test_a_talk_gives_whole_sentences_under_the_rules(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    found = run(long_transcript, vectors)
    check_rules(found, long_transcript, RankOptions())
    minutes = long_transcript.words[-1].span.end / 60
    assert 0.3 * minutes <= len(found) <= 1.2 * minutes


def test_no_clip_starts_on_a_dangling_word_while_better_ones_exist(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    assert not [c for c in run(long_transcript, vectors) if c.text.startswith("And ")]


def test_the_same_input_gives_the_same_output(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    assert run(long_transcript, vectors) == run(long_transcript, vectors)


@pytest.mark.parametrize("wanted", [1, 3, 8, 15])
def test_as_many_clips_as_wanted(
    long_transcript: Transcript, vectors: Vectors, wanted: int
) -> None:
    found = run(long_transcript, vectors, clips=wanted)
    assert len(found) == wanted
    check_rules(found, long_transcript, RankOptions())


def test_more_clips_than_fit_gives_all_that_fit(speak: Speak, vectors: Vectors) -> None:
    transcript = speak(
        [f"The number {i} ship left port {i} with cargo {i * 7}." for i in range(20)]
    )
    found = run(transcript, vectors, clips=50)
    seconds = transcript.words[-1].span.end
    assert seconds / 15 * 0.6 <= len(found) <= 2 * seconds / 15
    check_rules(found, transcript, RankOptions())


def test_ranking_a_first_part_keeps_ids_and_titles(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    words = tuple(w for w in long_transcript.words if w.span.end < 330)
    early = run(Transcript("en", words), vectors)
    late = {c.span: c for c in run(long_transcript, vectors)}
    shared = [c for c in early if c.span in late]
    assert len(shared) >= len(early) / 2
    for candidate in shared:
        assert candidate.id == late[candidate.span].id
        assert candidate.title == late[candidate.span].title
        assert candidate.text == late[candidate.span].text


def test_range_keeps_clips_inside(long_transcript: Transcript, vectors: Vectors) -> None:
    found = run(long_transcript, vectors, range=Span(100, 250))
    assert found
    assert all(c.span.start >= 100 and c.span.end <= 250 for c in found)


def test_a_range_shorter_than_a_clip_is_taken_whole(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    (found,) = run(long_transcript, vectors, range=Span(100, 112))
    assert found.span == Span(100, 112)


def test_a_loop_gives_each_passage_once(
    speak: Speak, vectors: Vectors, sentences_of: Sentences
) -> None:
    found = run(speak(sentences_of(12) * 8), vectors, clips=20)
    texts = [c.text for c in found]
    assert len(set(texts)) == len(texts)
    assert len(found) <= 4


def test_a_query_ranks_by_meaning_and_says_which_sentence(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    matrix = vectors(long_transcript)
    index = next(i for i, s in enumerate(long_transcript.sentences) if i > 60 and "whale" in s.text)
    sentence = long_transcript.sentences[index]
    found = rank(
        long_transcript,
        {},
        matrix,
        RankOptions(clips=3, query="whales"),
        duration=long_transcript.words[-1].span.end + 1,
        query_embedding=matrix[index],
    )
    assert found[0].span.start <= sentence.span.start
    assert sentence.span.end <= found[0].span.end
    relevance = found[0].sub_scores[0]
    assert relevance.name == "relevance"
    assert "whales" in relevance.reasons[0].text
    assert relevance.reasons[0].span == sentence.span


def test_another_scorer_can_take_over(long_transcript: Transcript, vectors: Vectors) -> None:
    class LateIsBest:
        name = "late/1"

        def __call__(self, talk: Talk, facts: Facts, proposals: Proposals) -> Scores:
            value = proposals.start / talk.duration

            def explain(index: int) -> tuple[SubScore, ...]:
                reason = Reason("comes late", proposals.span(index))
                return (SubScore("late", float(value[index]), 1.0, (reason,)),)

            return Scores(value, value, explain)

    duration = long_transcript.words[-1].span.end + 1
    found = rank(
        long_transcript,
        {},
        vectors(long_transcript),
        RankOptions(clips=4),
        duration=duration,
        scorer=LateIsBest(),
    )
    assert [c.sub_scores[0].name for c in found] == ["late"] * 4
    assert found[0].span.start > 0.8 * duration
    assert sorted(found, key=lambda c: -c.span.start) == list(found)


def test_a_reaction_lifts_the_moment_that_earned_it(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    duration = long_transcript.words[-1].span.end + 1
    quiet = run(long_transcript, vectors)[-1]
    values = np.zeros(int(duration / 0.5) + 1)
    end = int(quiet.span.end / 0.5)
    values[end - 2 : end + 3] = 0.95
    signals = {"reaction": Signal("reaction", values, "probability", 0.0, 0.5)}
    found = rank(
        long_transcript, signals, vectors(long_transcript), RankOptions(), duration=duration
    )
    here = next(c for c in found if c.span.overlap(quiet.span) > 0.5 * quiet.span.duration)
    assert here.score > quiet.score
    reaction = next(part for part in here.sub_scores if part.name == "reaction")
    assert "aughter or applause" in reaction.reasons[0].text


def test_sound_names_its_evidence(long_transcript: Transcript, vectors: Vectors) -> None:
    duration = long_transcript.words[-1].span.end + 1
    rng = np.random.default_rng(0)
    signals = {
        "loudness": Signal("loudness", rng.normal(-20, 4, int(duration * 10)), "LUFS", 0, 0.1),
        "pitch": Signal("pitch", rng.uniform(100, 240, int(duration * 40)), "Hz", 0, 0.025),
    }
    found = rank(
        long_transcript, signals, vectors(long_transcript), RankOptions(), duration=duration
    )
    delivery = next(part for part in found[0].sub_scores if part.name == "delivery")
    assert any("semitones" in reason.text for reason in delivery.reasons)


def test_sentences_longer_than_a_clip_are_cut_at_pauses(speak: Speak, vectors: Vectors) -> None:
    body = " ".join(f"word{i}" for i in range(50))
    transcript = speak([body + ".", body + " again."], rate=0.7)
    found = run(transcript, vectors, max_seconds=40.0)
    assert found
    assert all(15 <= c.span.duration <= 40 for c in found)


def test_speech_without_punctuation_ends_at_pauses(vectors: Vectors) -> None:
    words, clock = [], 0.0
    for i in range(600):
        words.append(Word(f"word{i % 90}", Span(clock, clock + 0.3)))
        clock += 1.2 if i % 14 == 13 else 0.4
    transcript = Transcript("en", tuple(words))
    found = run(transcript, vectors)
    check_rules(found, transcript, RankOptions())


def test_narrow_limits_still_give_clips(long_transcript: Transcript, vectors: Vectors) -> None:
    found = run(long_transcript, vectors, min_seconds=30.0, max_seconds=30.0)
    assert found
    assert all(c.span.duration == pytest.approx(30) for c in found)


def test_a_short_sentence_among_silence_is_stretched_into_it(
    speak: Speak, vectors: Vectors
) -> None:
    transcript = speak(["We choose to go to the moon this decade."], start=40.0)
    (found,) = rank(transcript, {}, vectors(transcript), RankOptions(clips=3), duration=100)
    assert found.span.duration == pytest.approx(15)
    assert found.span.start <= 40
    assert found.span.end >= transcript.words[-1].span.end


def test_a_talk_shorter_than_a_clip_is_one_candidate(speak: Speak, vectors: Vectors) -> None:
    transcript = speak(["We choose to go to the moon.", "It is hard."])
    (found,) = rank(transcript, {}, vectors(transcript), RankOptions(), duration=8.0)
    assert found.span == Span(0, 8)
    assert found.title == "We choose to go to the moon"


def loudness(values: np.ndarray) -> dict[str, Signal]:
    return {"loudness": Signal("loudness", values, "LUFS", 0.0, 0.1)}


def test_sound_without_words_gives_moments() -> None:
    rng = np.random.default_rng(0)
    level = -30 + 10 * np.sin(np.arange(3000) / 80) + rng.normal(0, 1, 3000)
    found = rank(EMPTY, loudness(level), NO_ROWS, RankOptions(clips=4), duration=300)
    assert len(found) == 4
    assert all(c.title.startswith("Moment at ") and c.text == "" for c in found)
    assert all(15 <= c.span.duration <= 60 for c in found)


def test_picture_alone_gives_moments_where_it_is_cut() -> None:
    cuts = [0.0, *np.arange(60, 90, 2.0), 120.0, 180.0]
    ends = [*cuts[1:], 240.0]
    shots = [Shot(Span(a, b)) for a, b in zip(cuts, ends, strict=True)]
    found = rank(EMPTY, {}, NO_ROWS, RankOptions(clips=1), duration=240, shots=shots)
    assert found[0].span.overlap(Span(60, 90)) >= 15
    assert "cuts in the picture" in found[0].sub_scores[0].reasons[0].text


@pytest.mark.parametrize(
    ("signals", "duration", "why"),
    [
        (loudness(np.full(600, -90.0)), 60.0, "silent"),
        (loudness(np.full(600, np.nan)), 60.0, "silent"),
        ({}, 60.0, "neither speech nor sound"),
        (loudness(np.full(10, -20.0)), 0.5, "needs at least 2 s"),
    ],
)
def test_nothing_to_clip_says_why(signals: dict[str, Signal], duration: float, why: str) -> None:
    with pytest.raises(NothingToClip, match=why):
        rank(EMPTY, signals, NO_ROWS, RankOptions(), duration=duration)


def test_bad_arguments_are_refused(long_transcript: Transcript, vectors: Vectors) -> None:
    matrix = vectors(long_transcript)
    with pytest.raises(ValueError, match="one row per sentence"):
        rank(long_transcript, {}, matrix[:-1], RankOptions(), duration=600)
    with pytest.raises(ValueError, match="query_embedding"):
        rank(long_transcript, {}, matrix, RankOptions(query="tax"), duration=600)
    with pytest.raises(ValueError, match="query_embedding needs shape"):
        rank(
            long_transcript,
            {},
            matrix,
            RankOptions(query="tax"),
            duration=600,
            query_embedding=np.zeros(3),
        )
    with pytest.raises(ValueError, match="duration"):
        rank(long_transcript, {}, matrix, RankOptions(), duration=float("nan"))
    with pytest.raises(InputError, match="outside the media"):
        rank(long_transcript, {}, matrix, RankOptions(range=Span(900, 960)), duration=600)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"clips": 0}, "at least 1"),
        ({"min_seconds": -1.0}, "positive"),
        ({"max_seconds": float("inf")}, "positive"),
        ({"min_seconds": 61.0}, "above max_seconds"),
        ({"range": Span(3, 3)}, "after its start"),
        ({"query": "  "}, "blank"),
    ],
)
def test_options_refuse_nonsense(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RankOptions(**fields)  # type: ignore[arg-type]


def test_scores_are_monotone_and_in_range() -> None:
    scores = [to_score(total) for total in np.linspace(0, 1, 101)]
    assert scores == sorted(scores)
    assert scores[0] >= 0
    assert scores[-1] <= 99
    assert scores[-1] - scores[0] > 80


def test_an_hour_is_ranked_in_seconds(
    speak: Speak, vectors: Vectors, sentences_of: Sentences
) -> None:
    transcript = speak(sentences_of(900))
    matrix = vectors(transcript)
    begun = time.process_time()
    found = rank(transcript, {}, matrix, RankOptions(), duration=transcript.words[-1].span.end + 1)
    # Measured 0.5 s; the bound only catches a change of order.
    assert time.process_time() - begun < 10
    assert 15 <= len(found) <= 30
