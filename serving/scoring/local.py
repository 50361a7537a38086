"""The scoring stage in this process: sentences in, scores out, all networks on one embedding."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from serving.scoring.batching import Batcher
from serving.scoring.models import SCORING, Models, Served, TenantModels
from serving.scoring.readers import EMOTION, ENGAGEMENT, HOOK, HookReader, embedder_for, part
from serving.scoring.scores import HookOrder, HookPlace, ModelInfo, Score, SentenceScore
from talkreel.core.arrays import FloatArray
from talkreel.core.emotions import EMOTIONS
from talkreel.core.spans import Span
from talkreel.core.transcript import MAX_SENTENCE_WORDS, Word
from talkreel.models.text import TextStates

# Characters in one batch: a quarter of a second on one core.
BATCH_CHARACTERS = 8_000
_DIGITS = 6  # beyond these, batches of another size give other ones
_COMMAS = (",", ";", ":", "—", "–")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one network says of the sentences of one text.

    Attributes:
        values: [N, C].
        label: of the bundle, such as ``engagement@2``.
        use: what its answers may be used for.
    """

    values: FloatArray
    label: str
    use: str


def sentences_of(text: str) -> list[str]:
    """The sentences of ``text``, one or more; line breaks end one too.

    Sentences are those of a transcript; runs of more than 60 words without a full stop are cut
    at a comma near their middle, or there.
    """
    found: list[str] = []
    for line in clean(text).splitlines():
        words: list[str] = []
        for word in line.split():
            words.append(word)
            if Word(word, Span(0.0, 1.0)).ends_sentence:
                found += _halves(words)
                words = []
        found += _halves(words)
    return found or [clean(text)]


def clean(text: str) -> str:
    """``text`` without what is no character, and not blank."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole if whole.strip() else "."


def _halves(words: list[str]) -> list[str]:
    if len(words) <= MAX_SENTENCE_WORDS:
        return [" ".join(words)] if words else []
    middle = len(words) // 2
    inner = range(len(words) // 4, len(words) - len(words) // 4)
    commas = [i for i in inner if words[i - 1].endswith(_COMMAS)]
    cut = min(commas, key=lambda i: abs(i - middle), default=middle)
    return [*_halves(words[:cut]), *_halves(words[cut:])]


def assembled(sentences: Sequence[str], readings: Mapping[str, Reading]) -> Score:
    """What all networks say of one text.

    Args:
        sentences: of it.
        readings: role to reading.
    """
    engagement = _rounded(readings[ENGAGEMENT].values[:, 0])
    hook = _rounded(readings[HOOK].values[:, 0])
    emotions = readings[EMOTION].values
    whole = emotions.mean(axis=0)
    return Score(
        engagement=round(float(engagement.mean()), _DIGITS),
        hook=float(hook[0]),
        emotion=EMOTIONS[int(whole.argmax())],
        emotions=_named(whole),
        sentences=[
            SentenceScore(
                text=text,
                engagement=float(engagement[i]),
                hook=float(hook[i]),
                emotion=EMOTIONS[int(emotions[i].argmax())],
                emotions=_named(emotions[i]),
            )
            for i, text in enumerate(sentences)
        ],
        models={role: reading.label for role, reading in readings.items()},
        calibration=" ".join(f"{role}: {reading.use}" for role, reading in readings.items()),
    )


def read(
    served: Mapping[str, Served],
    texts: Sequence[str],
    counts: Sequence[int],
    states: TextStates,
) -> list[dict[str, Reading]]:
    """What the bundles in ``served`` say of several texts.

    Args:
        served: role to bundle, all with readers.
        texts: [N] sentences of all texts, one text after the other.
        counts: sentences of each text.
        states: of ``texts``.

    Returns:
        For each text, role to reading.
    """
    ends = np.cumsum(counts)[:-1]
    found: list[dict[str, Reading]] = [{} for _ in counts]
    for role, one in served.items():
        assert one.reader is not None
        for here, values in zip(
            found, np.split(one.reader(texts, counts, states), ends), strict=True
        ):
            here[role] = Reading(values, one.label, one.spec.permitted_use)
    return found


def scoring(served: Mapping[str, Served]) -> dict[str, Served]:
    """Those of ``served`` that score texts."""
    return {role: served[role] for role in SCORING}


def one_core_each() -> None:
    """Have every thread that scores work alone, in the whole process.

    On matrices this small threads wait for each other: with a busy neighbour, 2 took 450 ms for
    what 1 did in 17.
    """
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(1)
    threadpool_limits(limits=1, user_api="blas")


@dataclass(frozen=True, slots=True)
class _Request:
    texts: tuple[str, ...]
    tenant: str | None
    ranks: bool = False


class LocalScorer:
    """Scores in this process, in threads, several requests at a time.

    Args:
        models: bundles; its watcher is started here.
        threads: batches at the same time; each is one core's work.
    """

    def __init__(self, models: Models | TenantModels, *, threads: int = 1) -> None:
        one_core_each()
        self._models = models if isinstance(models, TenantModels) else TenantModels(models)
        self._models.shared.watch()
        self._embedder = embedder_for(*SCORING)
        self._batcher = Batcher[_Request, Score | HookOrder](
            self._work, cost=_characters, limit=BATCH_CHARACTERS, threads=threads
        )

    async def score(self, text: str, *, tenant: str | None = None) -> Score:
        """Scores of a text, with the bundles of ``tenant`` if they have their own."""
        request = _Request(tuple(sentences_of(text)), tenant)
        found = await asyncio.wrap_future(self._batcher.submit(request))
        assert isinstance(found, Score)
        return found

    async def rank_hooks(self, hooks: list[str], *, tenant: str | None = None) -> HookOrder:
        """Hooks against each other.

        Raises:
            ValueError: none.
        """
        if not hooks:
            raise ValueError("there is nothing to rank: give one or more hooks")
        request = _Request(tuple(hooks), tenant, ranks=True)
        found = await asyncio.wrap_future(self._batcher.submit(request))
        assert isinstance(found, HookOrder)
        return found

    async def models(self, *, tenant: str | None = None) -> list[ModelInfo]:
        """Bundles in service."""
        return self._models.infos(tenant)

    async def check(self) -> None:
        """Score a few words, before all that waits.

        Raises:
            Exception: whatever is wrong.
        """
        request = _Request(("Does it work?",), None)
        await asyncio.wrap_future(self._batcher.submit(request, first=True))

    def close(self) -> None:
        """Finish what was asked for; stop the threads."""
        self._batcher.close()
        self._models.close()

    def _work(self, requests: Sequence[_Request]) -> list[Score | HookOrder]:
        counts = [len(request.texts) for request in requests]
        ends = np.cumsum(counts)
        spans = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
        states = self._embedder.states([clean(t) for request in requests for t in request.texts])
        found: list[Score | HookOrder | None] = [None] * len(requests)
        groups: dict[str | None, list[int]] = {}
        for i, request in enumerate(requests):
            if request.ranks:
                served = self._models.of(request.tenant)[HOOK]
                found[i] = ranked(served, request.texts, part(states, spans[i]))
            else:
                groups.setdefault(request.tenant, []).append(i)
        for tenant, members in groups.items():
            served_here = scoring(self._models.of(tenant))
            texts = [text for i in members for text in requests[i].texts]
            theirs = (
                states
                if len(members) == len(requests)
                else _joined([part(states, spans[i]) for i in members])
            )
            readings = read(served_here, texts, [counts[i] for i in members], theirs)
            for i, reading in zip(members, readings, strict=True):
                found[i] = assembled(requests[i].texts, reading)
        return [one for one in found if one is not None]


def ranked(served: Served, hooks: Sequence[str], states: TextStates) -> HookOrder:
    """Hooks against each other, with a hook bundle.

    Args:
        served: of role ``hook``.
        hooks: as the client wrote them.
        states: of the hooks.
    """
    assert isinstance(served.reader, HookReader)
    ranking = served.reader.rank([clean(hook) for hook in hooks], states)
    place_of = {index: place for place, index in enumerate(ranking.order, 1)}
    others = max(1, len(hooks) - 1)
    places = []
    for index, place in sorted(place_of.items(), key=lambda item: item[1]):
        wins = (ranking.wins[index].sum() - 0.5) / others if len(hooks) > 1 else 1.0
        close = [place_of[int(j)] for j in np.flatnonzero(ranking.too_close[index]) if j != index]
        places.append(
            HookPlace(
                text=hooks[index],
                place=place,
                wins=round(float(wins), _DIGITS),
                too_close=sorted(close),
            )
        )
    best = places[0].text if not places[0].too_close else None
    return HookOrder(hooks=places, best=best, model=served.label)


def _joined(parts: Sequence[TextStates]) -> TextStates:
    return TextStates(
        {n: np.concatenate([one.means[n] for one in parts]) for n in parts[0].means},
        {n: [row for one in parts for row in one.tokens[n]] for n in parts[0].tokens},
    )


def _characters(request: _Request) -> int:
    return sum(map(len, request.texts))


def _named(values: FloatArray) -> dict[str, float]:
    return dict(zip(EMOTIONS, _rounded(values).tolist(), strict=True))


def _rounded(values: FloatArray) -> FloatArray:
    return np.round(np.asarray(values, dtype=np.float64), _DIGITS)
