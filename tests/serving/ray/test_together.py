"""Requests that come while calls are under way share the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from serving.deployments.together import Together


class Line:
    """Calls that are answered when told to, with each text in capitals; no text, no answer."""

    def __init__(self, calls: int = 2) -> None:
        self.sent: list[tuple[list[str], asyncio.Event]] = []
        self.together = Together[str, str](self._send, cost=len, limit=6, calls=calls)

    async def _send(self, texts: list[str]) -> list[str | Exception]:
        answered = asyncio.Event()
        self.sent.append((texts, answered))
        await answered.wait()
        if "cut" in texts:
            raise ConnectionError("cut")
        return [text.upper() if text.strip() else ValueError("blank") for text in texts]

    def ask(self, *texts: str) -> list[asyncio.Task[str]]:
        return [asyncio.create_task(self.together.ask(text)) for text in texts]

    async def until(self, calls: int) -> list[list[str]]:
        async with asyncio.timeout(10):
            while len(self.sent) < calls:
                await asyncio.sleep(0.001)
        return [texts for texts, _ in self.sent]

    def answer(self, call: int) -> None:
        self.sent[call][1].set()


def run(act: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(act())


def test_the_first_is_sent_at_once_and_the_others_share_calls_up_to_the_limit() -> None:
    async def act() -> None:
        line = Line()
        asked = line.ask("a", "bb", "cc", "dd", "too long for one", "e")
        assert await line.until(2) == [["a"], ["bb", "cc", "dd"]]
        await asyncio.sleep(0.05)
        assert len(line.sent) == 2  # no more are under way, however long they wait
        line.answer(1)
        assert (await line.until(3))[2] == ["too long for one"]
        line.answer(0)
        assert (await line.until(4))[3] == ["e"]
        line.answer(2)
        line.answer(3)
        assert await asyncio.gather(*asked) == ["A", "BB", "CC", "DD", "TOO LONG FOR ONE", "E"]

    run(act)


def test_one_that_fails_costs_the_others_in_its_call_nothing() -> None:
    async def act() -> None:
        line = Line()
        asked = line.ask("a", "bb", " ", "cc")
        await line.until(2)
        line.answer(0)
        line.answer(1)
        *_, blank, last = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(blank, ValueError)
        assert last == "CC"

    run(act)


def test_a_call_that_fails_fails_its_own_and_those_who_left_are_not_sent() -> None:
    async def act() -> None:
        line = Line(calls=1)
        first, cut, gone, last = line.ask("a", "cut", "gone", "b")
        await line.until(1)
        gone.cancel()
        await asyncio.sleep(0)
        line.answer(0)
        assert (await line.until(2))[1] == ["cut", "b"]
        line.answer(1)
        assert await first == "A"
        for broken in (cut, last):
            with pytest.raises(ConnectionError, match="cut"):
                await broken
        (again,) = line.ask("again")
        await line.until(3)
        line.answer(2)
        assert await again == "AGAIN"

    run(act)


def test_too_many_that_wait_are_refused() -> None:
    async def act() -> None:
        line = Line(calls=1)
        asked = line.ask(*("x" for _ in range(1 + 1024)))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError, match="more to do"):
            await line.together.ask("one more")
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        line.answer(0)

    run(act)
