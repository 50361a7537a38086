"""Whisper's real loading and decoding code, on a tiny network with random weights."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.errors import ModelMissing
from talkreel.core.spans import Span
from talkreel.perceive.hear import SpeechChunk
from talkreel.perceive.transcribe import load_transcriber, transcribe
from talkreel.perceive.whisper import (
    FasterWhisper,
    HeardWord,
    TransformersWhisper,
    WhisperTranscriber,
    load_backend,
)

RATE = 16_000
SPECIAL = [
    "<|startoftranscript|>",
    "<|en|>",
    "<|es|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
]


class _Sound:
    """Noise in the place of a file's sound."""

    sample_rate = RATE
    duration = 12.0

    def samples(self, span: Span) -> np.ndarray:
        rng = np.random.default_rng(round(span.start * 1000))
        return 0.1 * rng.standard_normal(round(span.duration * RATE)).astype(np.float32)


def _make(folder: Path, *, word_times: bool) -> Path:
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    letters = {letter: i for i, letter in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = WhisperTokenizer(vocab=letters | {"<|endoftext|>": 256}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer),
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            max_target_positions=20,
            decoder_start_token_id=ids["<|startoftranscript|>"],
            bos_token_id=256,
            eos_token_id=256,
            pad_token_id=256,
            suppress_tokens=None,
            begin_suppress_tokens=None,
        )
    )
    settings = GenerationConfig(
        decoder_start_token_id=ids["<|startoftranscript|>"],
        eos_token_id=256,
        bos_token_id=256,
        pad_token_id=256,
    )
    settings.is_multilingual = True
    settings.lang_to_id = {name: ids[name] for name in ("<|en|>", "<|es|>")}
    settings.task_to_id = {name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")}
    settings.no_timestamps_token_id = ids["<|notimestamps|>"]
    if word_times:
        settings.alignment_heads = [[0, 0]]
    model.generation_config = settings
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("models") / "whisper-tiny-random", word_times=True)


@pytest.fixture(scope="module")
def plain_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("models") / "whisper-no-times", word_times=False)


def test_weights_are_found_by_name_and_by_path(weights: Path) -> None:
    by_name = load_transcriber(weights.name, models_dir=weights.parent)
    assert by_name.name == load_transcriber(str(weights)).name == f"whisper:{weights.name}"


@pytest.mark.parametrize("language", ["es", "en", "auto"])
def test_sound_goes_through_to_a_transcript(weights: Path, language: str) -> None:
    transcriber = WhisperTranscriber(weights)
    shares: list[float] = []
    transcript = transcribe(
        transcriber,
        _Sound(),  # type: ignore[arg-type]
        [Span(0, 4), Span(6, 11)],
        language=language,
        progress=shares.append,
    )
    assert transcript.language in ("en", "es", "und")
    assert transcript.source == transcriber.name
    assert all(a.span.end <= b.span.start + 1e-9 for a, b in pairwise(transcript.words))
    assert all(0 <= word.confidence <= 1 for word in transcript.words)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("kind", ["times", "plain"])
def test_a_chunk_gives_words_with_probabilities(
    weights: Path, plain_weights: Path, kind: str
) -> None:
    backend = TransformersWhisper(weights if kind == "times" else plain_weights)
    language, words, scores = backend(_Sound().samples(Span(0, 5)), "es")
    assert language == "es"
    assert scores
    assert all(score <= 0 for score in scores)
    assert all((word.span is not None) == (kind == "times") for word in words)


class _Said:
    """A backend that says what a test wants."""

    def __init__(self, words: list[HeardWord], language: str = "es") -> None:
        self._words, self._language = words, language

    def __call__(
        self, samples: np.ndarray, language: str | None
    ) -> tuple[str, list[HeardWord], list[float]]:
        return self._language, self._words, [-0.1] * len(self._words)


def _heard(weights: Path, backend: _Said) -> SpeechChunk:
    transcriber = WhisperTranscriber(weights)
    transcriber._backend = backend
    return next(transcriber.chunks(_Sound(), [Span(2, 5)]))  # type: ignore[arg-type]


def test_word_times_are_put_in_order(weights: Path) -> None:
    said = [
        HeardWord("uno", 0.9, Span(0.5, 1.5)),
        HeardWord("dos", 0.9, Span(1.0, 9.0)),
        HeardWord("tres", 0.9, Span(0.8, 1.2)),
    ]
    words = _heard(weights, _Said(said)).words
    assert [word.span.start for word in words] == [2.5, 3.0, 3.0]
    assert all(a.span.end <= b.span.start for a, b in pairwise(words))
    assert all(2 <= word.span.start <= word.span.end <= 5 for word in words)


def test_words_without_times_are_spread_and_loops_dropped(weights: Path) -> None:
    assert all(w.interpolated for w in _heard(weights, _Said([HeardWord("uno", 0.9)])).words)
    loop = [HeardWord(text, 0.9) for text in ["gracias", "por", "ver"] * 8]
    assert _heard(weights, _Said(loop)).words == ()


def test_nothing_heard_has_the_language_asked_for(weights: Path) -> None:
    transcriber = WhisperTranscriber(weights)
    assert transcriber.assemble([], language="es-MX").language == "es"
    assert transcriber.assemble([], language="auto").language == "und"


def test_folders_without_whisper_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no Whisper weights"):
        load_backend(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelMissing, match="'bert'"):
        load_backend(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    with pytest.raises(ModelMissing, match="cannot load"):
        load_backend(tmp_path)


def test_converted_weights_say_what_they_need(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"not a model")
    with pytest.raises(ModelMissing, match=r"faster-whisper|cannot load"):
        FasterWhisper(tmp_path)
    with pytest.raises(ModelMissing):
        load_backend(tmp_path)
