"""The words that go out with a clip: shortened, chosen, fitted to platforms, never made up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.pipeline.words import chapters, sentences
from talkreel.ranking.compress import compress, versions
from talkreel.ranking.hashtags import hashtags
from talkreel.ranking.headlines import hook_lines, title_lines
from talkreel.ranking.platforms import PLATFORMS
from talkreel.ranking.posts import compose, cut_to, describe
from talkreel.ranking.talk import Unit
from talkreel.ranking.wording import bare_all


def talk(texts: Sequence[str], gap: float = 0.4) -> Transcript:
    words, clock = [], 0.0
    for sentence in texts:
        for text in sentence.split():
            words.append(Word(text, Span(clock, clock + 0.3)))
            clock += 0.36
        clock += gap
    return Transcript("en", tuple(words))


def units(*texts: str) -> tuple[Unit, ...]:
    spoken = talk(texts)
    return sentences(spoken, Span(0, spoken.words[-1].span.end + 1))


def said(words: Sequence[Word] | None) -> str:
    return " ".join(word.text for word in words or ())


@pytest.mark.parametrize(
    ("sentence", "limit", "want"),
    [
        ("Um, we we built uh a bridge.", 60, "we built a bridge."),
        (
            "And, you know, the bridge, which was built by my father in 1931, still stands.",
            40,
            "the bridge still stands.",
        ),
        (
            "Last year, we moved the whole company to Lisbon.",
            45,
            "we moved the whole company to Lisbon.",
        ),
        (
            "Ada Lovelace, the first programmer, wrote it in 1843.",
            40,
            "Ada Lovelace wrote it in 1843.",
        ),
    ],
)
def test_compression_leaves_out_what_the_claim_does_not_hang_on(
    sentence: str, limit: int, want: str
) -> None:
    words = units(sentence)[0].words
    assert said(compress(words, limit)).rstrip(".") == want.rstrip(".") or want.startswith(
        "We left"
    )
    if want.startswith("We left"):  # two words are no sentence: nothing shorter is offered
        assert compress(words, limit) is None


def test_nothing_is_offered_that_is_no_sentence_any_more() -> None:
    words = units("We left, because nobody would listen to the two of us.")[0].words
    assert compress(words, 20) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "If you skip your sleep, your memory suffers.",
        "It is safe unless you open the door.",
        "It costs nothing, but it kills you slowly.",
        "I did not say that she stole the money.",
        "I think that prices will fall.",
    ],
)
def test_compression_keeps_conditions_contrasts_negations_and_hedges(sentence: str) -> None:
    shortest = list(versions(units(sentence)[0].words))[-1]
    assert said(shortest) == sentence


def test_every_alternative_is_made_of_the_clips_words_in_their_order() -> None:
    clip = units(
        "So, um, most people think that sleep is a waste of time.",
        "In 1964, a boy called Randy Gardner stayed awake eleven days, which nobody tried again.",
        "He did not go mad.",
        "What does that tell us about the brain?",
    )
    spoken = [w for unit in clip for w in bare_all(word.text for word in unit.words)]
    lines = [*title_lines(clip, Span(0, 30)), *hook_lines(clip)]
    assert len(lines) >= 4
    for line in lines:
        left = iter(spoken)
        assert all(word in left for word in bare_all(line.text.split())), line.text


def test_a_title_is_not_cut_where_that_turns_its_meaning() -> None:
    clip = units(
        "Most of the energy is not used to send the radio waves into the air around us today."
    )
    assert (
        "Most of the energy is not used" not in [t.text for t in title_lines(clip, Span(0, 9))][1:]
    )


def test_hashtags_are_names_and_things() -> None:
    clip = units(
        "The whales near Cape Town sing in the dark water.",
        "Every song of the whales is new, and we recorded the songs in Cape Town.",
    )
    tags = hashtags(clip, clip)
    assert tags[0] == "#CapeTown"
    assert {"#whales"} <= set(tags)
    assert not {"#dark", "#new", "#sing"} & set(tags)


def test_posts_fit_every_platform_and_lead_with_the_hook() -> None:
    tags = tuple(f"#tag{i}" for i in range(9))
    posts = compose("A title " * 30, "Nobody told me this", "Many words here. " * 400, tags)
    assert {post.platform for post in posts} == set(PLATFORMS)
    for post in posts:
        platform = PLATFORMS[post.platform]
        assert len(post.text) <= platform.text
        assert len(post.title) <= platform.title
        assert post.text.count("#") == platform.hashtags
        assert platform.title or post.text.startswith("Nobody told me this.")


def test_text_is_cut_at_a_sentence_else_at_a_word() -> None:
    assert cut_to("One two. Three four five.", 12) == "One two."
    assert cut_to("incomprehensibilities are long", 26) == "incomprehensibilities…"
    assert cut_to("short", 5) == "short"


def test_a_description_starts_where_a_stranger_can_follow() -> None:
    clip = units(
        "They said it could not be done at all.",
        "The bridge over the river took nine years to build.",
        "Nine years later the bridge over the river fell.",
    )
    assert describe(clip).startswith("The bridge over the river took")
    assert describe(units("Yes.")) == ""


def test_chapters_follow_topics_and_short_talks_have_none() -> None:
    rng = np.random.default_rng(3)
    topics = rng.standard_normal((3, 384))
    texts, rows = [], []
    for number, name in enumerate(("whales", "markets", "gardens")):
        for i in range(12):
            texts.append(f"The {name} changed everything for us in year {i} of the great study.")
            row = topics[number] + 0.4 * rng.standard_normal(384)
            rows.append(row / np.linalg.norm(row))
    spoken = talk(texts)
    found = chapters(spoken, np.array(rows), Span(0, spoken.words[-1].span.end + 1))
    firsts = [spoken.sentences[i].span.start for i in (12, 24)]
    assert [chapter.start for chapter in found] == pytest.approx([0.0, *firsts])
    for chapter, name in zip(found, ("whales", "markets", "gardens"), strict=True):
        assert name in chapter.title
    short = talk(texts[:5])
    assert chapters(short, np.array(rows[:5]), Span(0, 60)) == ()
