from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from talkreel.core.errors import TalkreelError
from talkreel.perceive import speech_pool
from talkreel.perceive.align import Aligner
from talkreel.perceive.speech_pool import Request, SpeechPool
from talkreel.perceive.speech_worker import (
    parse_words,
    read_message,
    serve,
    write_message,
)

RATE = 16_000
SOUND = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) * 0.05


def _request(*words: str) -> Request:
    return {"task": "align", "words": list(words)}, SOUND


def test_messages_come_back_as_sent() -> None:
    stream = io.BytesIO()
    write_message(stream, {"a": "é"}, SOUND)
    write_message(stream, {"b": 1})
    stream.seek(0)
    head, samples = read_message(stream) or ({}, SOUND[:0])
    assert head == {"a": "é", "count": len(SOUND)}
    assert np.array_equal(samples, SOUND)
    assert (read_message(stream) or ({}, None))[0] == {"b": 1}
    assert read_message(stream) is None


def test_a_worker_answers_until_its_input_ends() -> None:
    source, target = io.BytesIO(), io.BytesIO()
    write_message(source, *_request("hello", "world"))
    source.seek(0)
    serve(source, target)
    target.seek(0)
    answer = read_message(target)
    assert answer is not None
    assert parse_words(answer[0]) == Aligner()(SOUND, ["hello", "world"])


def test_answers_keep_the_order_of_the_requests() -> None:
    counts = [5, 1, 4, 1, 3, 1, 2, 6, 1]
    with SpeechPool(2) as pool:
        answers = list(pool.map((_request(*["so"] * n) for n in counts), parse_words))
    assert [len(words) for words in answers] == counts


def test_requests_are_read_only_a_little_ahead() -> None:
    read = 0

    def requests() -> Iterator[Request]:
        nonlocal read
        for _ in range(50):
            read += 1
            yield _request("so")

    with SpeechPool(1) as pool:
        answers = pool.map(requests(), parse_words)
        next(answers)
        assert read <= 4
        answers.close()  # type: ignore[attr-defined]


def test_a_worker_that_is_killed_is_replaced() -> None:
    with SpeechPool(1) as pool:
        answers = pool.map((_request("so", "be", "it") for _ in range(6)), parse_words)
        assert len(next(answers)) == 3
        for child in psutil.Process().children():
            if "speech_worker" in " ".join(child.cmdline()):
                child.kill()
        assert [len(words) for words in answers] == [3] * 5


def test_a_request_that_kills_every_worker_is_an_error_that_says_why() -> None:
    with (
        SpeechPool(1) as pool,
        pytest.raises(TalkreelError, match="KeyError"),
    ):
        list(pool.map([({"task": "align"}, SOUND)], lambda answer: answer))


def test_no_worker_is_left_after_closing_or_after_a_failure() -> None:
    before = set(psutil.Process().children())
    with SpeechPool(2) as pool:
        next(pool.map((_request("so") for _ in range(9)), parse_words))
    assert not [c for c in psutil.Process().children() if c not in before and c.is_running()]


def test_a_closed_pool_takes_no_work() -> None:
    pool = SpeechPool(1)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(pool.map([_request("so")], parse_words))


def test_fewer_than_one_worker_is_refused() -> None:
    with pytest.raises(ValueError, match="worker"):
        SpeechPool(0)


def test_workers_end_with_a_parent_that_is_killed() -> None:
    script = (
        "import sys, numpy as np\n"
        "from talkreel.perceive.speech_pool import SpeechPool\n"
        "pool = SpeechPool(1)\n"
        "ask = ({'task': 'align', 'words': ['so']}, np.zeros(16000, np.float32))\n"
        "answers = pool.map((ask for _ in range(10000)), lambda answer: answer)\n"
        "next(answers)\n"
        "print(pool._all[0]._process.pid, flush=True)\n"
        "for _ in answers: pass\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert psutil.pid_exists(worker)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    for _ in range(200):
        if not psutil.pid_exists(worker) or _is_zombie(worker):
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent")


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_worker_imports_nothing_heavy() -> None:
    script = (
        "import sys, talkreel.perceive.speech_worker\n"
        "heavy = {'torch', 'cv2', 'av', 'transformers', 'scipy', 'onnxruntime', 'dlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_number_of_workers_follows_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_pool, "_cores", lambda: 64)
    assert SpeechPool().workers == speech_pool.MAX_WORKERS
    monkeypatch.setattr(speech_pool, "_cores", lambda: 1)
    assert SpeechPool().workers == 1
