from __future__ import annotations

import asyncio
from concurrent.futures import Future

import numpy as np
import pytest

from serving.scoring.batching import Batcher
from serving.scoring.local import LocalScorer, sentences_of
from serving.scoring.models import SCORING, Models, TenantModels
from talkreel.core.emotions import EMOTIONS
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.features.sentences import LAYERS, talk_features
from talkreel.models.emotion_text import EmotionTextReader
from talkreel.models.hook import HookRanker
from talkreel.models.predict_engagement import EngagementPredictor
from talkreel.models.shipped import load_bundle
from talkreel.models.text import LayerEmbedder, TextEmbedder
from talkreel.pipeline.read import OPENING_WORDS

LONG = " ".join(f"and then the {i}th of them said, no," for i in range(14)) + " end."


def test_sentences_are_those_of_a_transcript(talk: str) -> None:
    words = talk.replace("\n", " ").split()
    spans = [Span(i * 0.4, i * 0.4 + 0.4) for i in range(len(words))]
    transcript = Transcript("en", tuple(map(Word, words, spans)))
    assert sentences_of(talk) == [sentence.text for sentence in transcript.sentences]


def test_what_has_no_full_stop_is_cut_at_commas_and_line_breaks() -> None:
    assert sentences_of("a title\nand another") == ["a title", "and another"]
    parts = sentences_of(LONG)
    assert " ".join(parts) == LONG
    assert all(len(part.split()) <= 60 for part in parts)
    assert all(part.endswith((",", ".")) for part in parts)
    runs = sentences_of("word " * 200)
    assert {len(run.split()) for run in runs} == {50}


@pytest.mark.parametrize("text", ["\x1c", "\ud800", "…", "\x00"])
def test_anything_is_a_sentence(scorer: LocalScorer, text: str) -> None:
    score = asyncio.run(scorer.score(text))
    assert len(score.sentences) == 1
    assert sum(score.emotions.values()) == pytest.approx(1, abs=1e-4)


def test_scores_are_those_of_the_library(scorer: LocalScorer, talk: str) -> None:
    """One shared pass gives what each class of the library computes by itself."""
    text = f"{talk} {LONG}"
    sentences = sentences_of(text)
    score = asyncio.run(scorer.score(text))
    assert [one.text for one in score.sentences] == sentences
    rows = talk_features(
        sentences, TextEmbedder()(sentences), wording=LayerEmbedder(LAYERS)(sentences)
    )
    engagement = EngagementPredictor(load_bundle("engagement")).reaction(rows)
    openings = [" ".join(one.split()[:OPENING_WORDS]) for one in sentences]
    hook = HookRanker(load_bundle("hook")).score(openings)
    emotions = EmotionTextReader(load_bundle("emotion-text")).ekman(sentences)
    for i, one in enumerate(score.sentences):
        assert one.engagement == pytest.approx(float(engagement[i]), abs=1e-4)
        assert one.hook == pytest.approx(float(hook[i]), abs=1e-4)
        assert list(one.emotions.values()) == pytest.approx(emotions[i].tolist(), abs=1e-4)
        assert one.emotion == EMOTIONS[int(emotions[i].argmax())]
    assert score.engagement == pytest.approx(float(engagement.mean()), abs=1e-4)
    assert score.hook == score.sentences[0].hook
    assert set(score.models) == set(SCORING)
    assert "Any use" in score.calibration


def test_company_in_a_batch_changes_nothing(scorer: LocalScorer, talk: str) -> None:
    texts = [talk[: 40 + 9 * i] for i in range(12)] + [talk]

    async def together() -> list[float]:
        found = await asyncio.gather(*(scorer.score(text) for text in texts))
        return [one.engagement for one in found]

    async def alone() -> list[float]:
        return [(await scorer.score(text)).engagement for text in texts]

    assert asyncio.run(together()) == pytest.approx(asyncio.run(alone()), abs=2e-6)


def test_hooks_are_ranked_as_in_the_library(scorer: LocalScorer) -> None:
    hooks = ["You won't believe it", "This is a talk about tax", "Why do cats hate water?"]
    order = asyncio.run(scorer.rank_hooks(hooks))
    wanted = HookRanker(load_bundle("hook")).rank(hooks)
    assert [place.text for place in order.hooks] == [hooks[i] for i in wanted.order]
    assert [place.place for place in order.hooks] == [1, 2, 3]
    assert order.best == wanted.best
    for place, index in zip(order.hooks, wanted.order, strict=True):
        others = np.delete(wanted.wins[index], index)
        assert place.wins == pytest.approx(float(others.mean()), abs=1e-4)
        close = {hooks[i] for i in np.flatnonzero(wanted.too_close[index]) if i != index}
        assert {order.hooks[n - 1].text for n in place.too_close} == close
    with pytest.raises(ValueError, match="give one or more hooks"):
        asyncio.run(scorer.rank_hooks([]))


def test_a_tenant_with_a_bundle_of_its_own_gets_it(hook_bundle, talk: str) -> None:
    tenants = {"ten_b": {"hook": str(hook_bundle(2))}, "ten_c": {"hook": "/nowhere"}}
    local = LocalScorer(TenantModels(Models(roles=SCORING), tenants))

    async def ask() -> None:
        a, b, c = await asyncio.gather(*(local.score(talk, tenant=f"ten_{name}") for name in "abc"))
        assert a.hook == pytest.approx(2 * b.hook, abs=2e-5)
        assert c == a
        assert (a.models["hook"], b.models["hook"]) == ("hook@1", "hook@2")
        assert a.engagement == pytest.approx(b.engagement, abs=2e-6)
        ranked = await local.rank_hooks(["one", "two"], tenant="ten_b")
        assert ranked.model == "hook@2"
        versions = {info.role: info.version for info in await local.models(tenant="ten_b")}
        assert versions["hook"] == 2

    try:
        asyncio.run(ask())
    finally:
        local.close()


def test_batches_form_while_others_are_worked_on() -> None:
    import threading

    gate, seen = threading.Event(), []

    def work(items):
        gate.wait(5)
        seen.append(list(items))
        if "bad" in items:
            raise ValueError("bad")
        return [item.upper() for item in items]

    batcher: Batcher[str, str] = Batcher(work, cost=len, limit=4)
    first = batcher.submit("a")
    while first.running() is False:
        pass
    rest: list[Future[str]] = [batcher.submit(item) for item in ("bb", "cc", "dd", "eeeeeeeee")]
    gone = batcher.submit("gone")
    assert gone.cancel()
    urgent = batcher.submit("u", first=True)
    bad = batcher.submit("bad")
    gate.set()
    assert [future.result(5) for future in (first, *rest, urgent)] == [
        "A", "BB", "CC", "DD", "EEEEEEEEE", "U",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="bad"):
        bad.result(5)
    batcher.close()
    assert seen == [["a"], ["u", "bb"], ["cc", "dd"], ["eeeeeeeee"], ["bad"]]
    with pytest.raises(RuntimeError, match="closed"):
        batcher.submit("late")
