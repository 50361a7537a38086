"""The viral score: monotone in what the models read, with evidence, whole without models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkreel.core.candidates import Candidate
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript
from talkreel.ranking.options import RankOptions
from talkreel.ranking.propose import proposals_for
from talkreel.ranking.rank import rank
from talkreel.ranking.readings import Readings
from talkreel.ranking.score import gather_facts
from talkreel.ranking.talk import Talk, sentence_units
from talkreel.ranking.viral import ViralScorer, ViralWeights

Vectors = Callable[[Transcript], np.ndarray]
PARTS = ("hook", "flow", "value", "emotion", "pace", "engagement")
NAMES = ("anger", "joy", "neutral")


def readings_for(count: int, seed: int = 0) -> Readings:
    rng = np.random.default_rng(seed)
    return Readings(
        reaction=rng.uniform(0, 0.4, count),
        hook=rng.uniform(0, 1, count),
        emotions=rng.dirichlet(np.ones(len(NAMES)), count),
        emotion_names=NAMES,
        channels=("text",),
        sources=("engagement/1",),
    )


def run(transcript: Transcript, vectors: Vectors, readings: Readings) -> tuple[Candidate, ...]:
    return rank(
        transcript,
        {},
        vectors(transcript),
        RankOptions(clips=4),
        duration=transcript.words[-1].span.end + 1,
        scorer=ViralScorer(readings),
    )


def test_every_part_names_evidence_inside_the_clip(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    count = len(long_transcript.sentences)
    clips = run(long_transcript, vectors, readings_for(count))
    assert len(clips) == 4
    for clip in clips:
        assert {part.name for part in clip.sub_scores} == set(PARTS) - {"pace"}
        for part in clip.sub_scores:
            for reason in part.reasons:
                assert clip.span.start <= reason.span.start
                assert reason.span.end <= clip.span.end
        by_name = {part.name: part.reasons[0].text for part in clip.sub_scores}
        assert "engagement model" in by_name["engagement"]
        assert "hook model" in by_name["hook"]
        assert by_name["emotion"].endswith("(by text)")


def test_without_models_the_craft_factors_carry_the_parts(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    clips = run(long_transcript, vectors, Readings())
    assert {part.name for part in clips[0].sub_scores} == {"hook", "flow", "value", "emotion"}


def test_the_sentence_a_room_would_react_to_is_found(
    long_transcript: Transcript, vectors: Vectors
) -> None:
    count = len(long_transcript.sentences)
    reaction = np.full(count, 0.05)
    reaction[count // 2] = 0.95
    (best, *_) = run(long_transcript, vectors, Readings(reaction=reaction))
    line = long_transcript.sentences[count // 2]
    assert best.span.start <= line.span.start
    assert line.span.end <= best.span.end
    engagement = next(part for part in best.sub_scores if part.name == "engagement")
    assert line.text.startswith(engagement.reasons[0].words.rstrip("…")[:20])
    assert "given 95%, the usual one here 5%" in engagement.reasons[0].text


@settings(max_examples=25, deadline=None)
@given(
    which=st.integers(0, 59), rise=st.floats(0.01, 0.5), field=st.sampled_from(["reaction", "hook"])
)
def test_the_local_score_never_falls_when_a_reading_rises(
    which: int, rise: float, field: str
) -> None:
    talk = SMALL
    facts = gather_facts(talk)
    options = RankOptions()
    proposals = proposals_for(talk, facts.edges, options, Span(0, talk.duration))
    low = np.linspace(0.1, 0.4, len(talk.units))
    high = low.copy()
    # Above the median, which so stays where it is.
    high[len(low) // 2 + 1 + which % (len(low) // 2 - 1)] += rise
    before = ViralScorer(Readings(**{field: low}))(talk, facts, proposals).local
    after = ViralScorer(Readings(**{field: high}))(talk, facts, proposals).local
    assert np.all(after >= before - 1e-9)
    assert after.max() <= 1


def small_talk() -> Talk:
    from talkreel.core.transcript import Word

    words, clock = [], 0.5
    for i in range(60):
        for text in f"Sentence x{i} says something about whale number {i}.".split():
            words.append(Word(text, Span(clock, clock + 0.3)))
            clock += 0.4
        clock += 0.5
    units = sentence_units(Transcript("en", tuple(words)), Span(0, clock), 60.0)
    rows = np.random.default_rng(0).standard_normal((len(units), 384))
    return Talk(units, rows / np.linalg.norm(rows, axis=1, keepdims=True), {}, clock)


SMALL = small_talk()


def test_the_median_sentence_is_in_the_middle() -> None:
    readings = Readings(reaction=np.array([0.3, 0.0, 1.0]), hook=np.array([-4.0, -3.0, -2.0]))
    assert readings.engaging == pytest.approx([0.5, 0.0, 1.0], abs=1e-3)
    assert readings.catching == pytest.approx([0.269, 0.5, 0.731], abs=1e-3)
    assert Readings(hook=np.zeros(0)).catching == pytest.approx([])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"reaction": np.zeros(3), "hook": np.zeros(4)}, "different numbers of sentences"),
        ({"emotions": np.zeros((3, 2)), "emotion_names": ("joy",)}, "do not fit"),
        ({"emotions": np.zeros((3, 1)), "emotion_names": ("joy",)}, "neutral column"),
    ],
)
def test_readings_that_do_not_fit_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Readings(**wrong)  # type: ignore[arg-type]


def test_weights_are_checked() -> None:
    with pytest.raises(ValueError, match="not negative"):
        ViralWeights(hook=-0.1)
    with pytest.raises(ValueError, match="at least one"):
        ViralWeights(hook=0, flow=0, value=0, emotion=0, pace=0, engagement=0)
