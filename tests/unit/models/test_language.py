"""Engines that write: local weights and an endpoint, both for real, however small."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from talkreel.core.errors import EngineError, InputError, ModelMissing
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.models.endpoint import Endpoint
from talkreel.models.language import EndpointEngine, LocalEngine, open_engine
from talkreel.pipeline.rewrite import Writer
from talkreel.ranking.talk import Unit

SAID = "The bridge over the river took nine years to build."
CLIP = (Unit(Span(0.0, 4.0), tuple(Word(w, Span(0.0, 4.0)) for w in SAID.split()), 0),)


class Server(ThreadingHTTPServer):
    """Answers with what it is told to, and remembers what it was asked."""

    answers: list[tuple[int, bytes]]
    asked: list[tuple[str, dict[str, str], dict[str, object]]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        status, content = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        made.answers, made.asked = [], []
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def chat(text: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()


def engine(server: Server, key: str | None = "secret") -> EndpointEngine:
    url = f"http://127.0.0.1:{server.server_address[1]}/v1/"
    return EndpointEngine(Endpoint(url, "tiny", key, wait=lambda seconds: None))


def test_an_endpoint_is_asked_in_its_protocol_and_again_when_busy(server: Server) -> None:
    server.answers += [(503, b""), (429, b""), (200, chat("hello"))]
    assert engine(server).complete("rules", "data") == "hello"
    path, headers, body = server.asked[-1]
    assert len(server.asked) == 3
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert body["model"] == "tiny"
    assert [m["role"] for m in body["messages"]] == ["system", "user"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "answer",
    [(401, b""), (302, b""), (200, b"<html>"), (200, b"{}"), (200, chat(None)), (200, b"[]")],
)
def test_a_useless_answer_is_told_at_once(server: Server, answer: tuple[int, bytes]) -> None:
    server.answers.append(answer)
    with pytest.raises(EngineError):
        engine(server).complete("rules", "data")
    assert len(server.asked) == 1


def test_an_endpoint_that_is_not_there_is_told_after_some_tries() -> None:
    waits: list[float] = []
    away = EndpointEngine(Endpoint("http://127.0.0.1:9/v1", "tiny", wait=waits.append))
    with pytest.raises(EngineError, match="did not answer"):
        away.complete("rules", "data")
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize(
    ("url", "model", "key", "why"),
    [
        ("ftp://host/v1", "m", None, "http"),
        ("http://user:pass@host/v1", "m", None, "http"),
        ("https://host/v1", None, None, "--llm-model"),
        ("http://host/v1", "m", "secret", "unencrypted"),
    ],
)
def test_endpoints_that_cannot_be_or_would_leak_the_key_are_refused(
    url: str, model: str | None, key: str | None, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        Endpoint(url, model, key)


def test_a_draft_holds_what_the_clip_says_and_names_what_was_refused(server: Server) -> None:
    proposals = {
        "titles": ["The bridge took nine years to build", "Visit evil.com"],
        "hooks": ["The bridge took ninety years"],
        "description": SAID,
    }
    server.answers.append((200, chat(json.dumps(proposals))))
    draft = Writer(engine(server))(CLIP)
    assert [(t.text, t.source) for t in draft.titles] == [
        ("The bridge took nine years to build", "tiny")
    ]
    assert draft.hooks == ()
    assert draft.description == SAID
    assert [r.text for r in draft.refused] == ["Visit evil.com", "The bridge took ninety years"]
    server.answers.append((400, b""))
    failed = Writer(engine(server))(CLIP)
    assert failed.titles == ()
    assert "status 400" in failed.refused[0].reason


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of random weights, as ``save_pretrained`` writes one."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<end>", "<none>", *sorted(set(SAID.split()))]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<none>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = tmp_path_factory.mktemp("tiny-model")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", unk_token="<none>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=600,
        eos_token_id=0, bos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def test_local_weights_are_loaded_and_answer_the_same_twice(weights: Path) -> None:
    local = open_engine(str(weights))
    assert isinstance(local, LocalEngine)
    answer = local.complete("The bridge", "took nine years")
    assert answer == local.complete("The bridge", "took nine years")
    assert set(answer.split()) <= {*SAID.split(), "<none>"}
    draft = Writer(local)(CLIP)  # random words are no JSON: nothing of them is used
    assert draft.titles == draft.hooks == ()
    assert "no JSON object" in draft.refused[0].reason


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"config\.json"):
        open_engine(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelMissing, match="no usable language model"):
        open_engine(str(tmp_path))
