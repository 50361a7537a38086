"""Whisper in place of the bundled recogniser, when its weights are on this machine.

Folders as ``transformers`` writes them (``config.json``, ``model.safetensors``) run on torch;
folders converted for CTranslate2 (``model.bin``) run on ``faster-whisper`` where that is
installed. Nothing is ever downloaded.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import ModelMissing
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.media.audio import Audio
from talkreel.perceive.align import AlignedWord, Aligner, spread
from talkreel.perceive.chunks import plan_chunks
from talkreel.perceive.hear import DIGITS, SpeechChunk, goes_round, placed

SAMPLE_RATE = 16_000
VERSION = 1
# The decoder's own length limit; 16 s of the fastest speech take about half of it.
_MAX_TOKENS = 440
_SPACE = "Ġ"  # byte-level BPE writes a word's leading blank as this letter


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word as Whisper gives it.

    Attributes:
        text: as displayed.
        confidence: 0..1.
        span: seconds from the first sample, or None when the weights know no word times.
    """

    text: str
    confidence: float
    span: Span | None = None


class Backend(Protocol):
    """One way to run Whisper on a chunk."""

    def __call__(
        self, samples: NDArray[np.float32], language: str | None
    ) -> tuple[str, list[HeardWord], list[float]]:
        """Language, words and log-probabilities of the tokens."""
        ...


class WhisperTranscriber:
    """Whisper as a ``Transcriber``; English words get their times from forced alignment.

    Args:
        folder: weights.

    Raises:
        ModelMissing: the folder holds no Whisper weights, or what runs them is not installed.
    """

    version = 100 * VERSION + Aligner.version

    def __init__(self, folder: Path) -> None:
        self.name = f"whisper:{folder.name}"
        self._backend = load_backend(folder)
        self._align = Aligner()

    def plan(self, voice: Sequence[Span], duration: float) -> tuple[Span, ...]:
        """Chunks to recognise, in order; see ``plan_chunks``."""
        return plan_chunks(voice, duration)

    def chunks(
        self, audio: Audio, spans: Iterable[Span], *, language: str = "en"
    ) -> Generator[SpeechChunk, None, None]:
        """One result per span, in order."""
        wanted = None if language == "auto" else language.lower().split("-")[0]
        for span in spans:
            yield placed(self._hear(audio.samples(span), wanted), span)

    def gives_up(self, chunks: Sequence[SpeechChunk]) -> bool:
        """Never: Whisper knows a hundred languages."""
        return False

    def assemble(self, chunks: Sequence[SpeechChunk], *, language: str = "en") -> Transcript:
        """Words in order, in the language that most of the speech is in."""
        words = tuple(word for chunk in chunks for word in chunk.words)
        seconds: Counter[str] = Counter()
        for chunk in chunks:
            seconds[chunk.language] += round(chunk.span.duration * 1000) if chunk.words else 0
        found = seconds.most_common(1)[0][0] if words else ""
        fallback = "und" if language == "auto" else language.lower().split("-")[0]
        return Transcript(found or fallback, words, self.name)

    def _hear(self, samples: NDArray[np.float32], language: str | None) -> SpeechChunk:
        found, said, scores = self._backend(samples, language)
        span = Span(0.0, len(samples) / SAMPLE_RATE)
        score = round(float(np.mean(scores)), DIGITS) if scores else 0.0
        texts = [word.text for word in said]
        if goes_round(texts):
            return SpeechChunk(span, (), score, len(scores), language=found)
        times = self._times(samples, said, found) if said else ()
        words = tuple(
            Word(word.text, at.span, round(word.confidence, DIGITS), interpolated=at.interpolated)
            for word, at in zip(said, times, strict=True)
        )
        return SpeechChunk(span, words, score, len(scores), language=found)

    def _times(
        self, samples: NDArray[np.float32], said: Sequence[HeardWord], language: str
    ) -> Sequence[AlignedWord]:
        texts = [word.text for word in said]
        aligned = self._align.find(samples, texts) if language == "en" else None
        if aligned is not None:
            return aligned
        spans = [word.span for word in said if word.span is not None]
        if len(spans) < len(said):
            return spread(samples, texts)
        end = len(samples) / SAMPLE_RATE
        starts = np.maximum.accumulate([min(span.start, end) for span in spans])
        nexts = [*starts[1:], end]
        return [
            AlignedWord(Span(float(a), float(min(max(a, span.end), b))))
            for a, b, span in zip(starts, nexts, spans, strict=True)
        ]


def load_backend(folder: Path) -> Backend:
    """The backend that runs the weights in ``folder``.

    Raises:
        ModelMissing: no Whisper weights there, or what runs them is not installed.
    """
    if (folder / "model.bin").is_file() and not (folder / "pytorch_model.bin").is_file():
        return FasterWhisper(folder)
    config = folder / "config.json"
    try:
        kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError) as error:
        raise ModelMissing(
            f"{folder} holds no Whisper weights: config.json with model.safetensors, or "
            "model.bin, is needed"
        ) from error
    if kind != "whisper":
        raise ModelMissing(f"{folder} holds a {kind!r} model: only Whisper is supported")
    return TransformersWhisper(folder)


class TransformersWhisper:
    """Whisper on torch, greedily, at most 30 s at a time."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        self._torch: Any = torch
        try:
            self._processor = WhisperProcessor.from_pretrained(folder, local_files_only=True)
            self._model = WhisperForConditionalGeneration.from_pretrained(
                folder, local_files_only=True
            ).eval()
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ModelMissing(f"cannot load Whisper from {folder}: {reason}") from error
        settings = self._model.generation_config
        settings.max_length = min(_MAX_TOKENS, self._model.config.max_target_positions)
        self._multilingual = bool(getattr(settings, "is_multilingual", False))
        self._word_times = bool(getattr(settings, "alignment_heads", None))

    def __call__(
        self, samples: NDArray[np.float32], language: str | None
    ) -> tuple[str, list[HeardWord], list[float]]:
        """See ``Backend``."""
        features = self._processor(
            samples, sampling_rate=SAMPLE_RATE, return_tensors="pt", return_attention_mask=True
        )
        options: dict[str, Any] = {"attention_mask": features.attention_mask}
        spoken = "en"
        if self._multilingual:
            spoken = language or self._detect(features.input_features)
            options |= {"language": spoken, "task": "transcribe"}
        if self._word_times:
            options |= {"return_token_timestamps": True}
        with self._torch.inference_mode():
            answer = self._model.generate(
                features.input_features,
                return_dict_in_generate=True,
                output_scores=True,
                **options,
            )
        return spoken, *self._words(answer)

    def _detect(self, features: Any) -> str:
        token = int(self._model.detect_language(features)[0])
        return str(self._processor.tokenizer.decode([token])).strip("<|>")

    def _words(self, answer: Any) -> tuple[list[HeardWord], list[float]]:
        scores = [step[0].log_softmax(dim=-1) for step in answer["scores"]]
        sequence = [int(token) for token in answer["sequences"][0]]
        tokens = sequence[len(sequence) - len(scores) :]
        times = answer.get("token_timestamps")
        stamps = [] if times is None else times[0].tolist()[-len(tokens) :]
        special = set(self._processor.tokenizer.all_special_ids)
        last_text = self._processor.tokenizer.vocab_size
        kept = [
            (token, float(score[token]), i)
            for i, (token, score) in enumerate(zip(tokens, scores, strict=True))
            if token not in special and token < last_text
        ]
        words: list[HeardWord] = []
        for group in self._groups([token for token, _, _ in kept]):
            part = [kept[i] for i in group]
            text = self._processor.tokenizer.decode([token for token, _, _ in part])
            text = text.replace("\ufffd", "")  # half a letter
            span = None
            if stamps:
                start = stamps[part[0][2]]
                span = Span(start, max(start, stamps[min(part[-1][2] + 1, len(stamps) - 1)]))
            confidence = float(np.exp(np.mean([score for _, score, _ in part])))
            words.extend(HeardWord(piece, min(1.0, confidence), span) for piece in text.split())
        return words, [score for _, score, _ in kept]

    def _groups(self, tokens: Sequence[int]) -> list[list[int]]:
        """Indices of the tokens of each word: a blank begins one, and so does a wide letter."""
        pieces = self._processor.tokenizer.convert_ids_to_tokens(tokens)
        groups: list[list[int]] = []
        for i, (token, piece) in enumerate(zip(tokens, pieces, strict=True)):
            text = self._processor.tokenizer.decode([token])
            wide = bool(text) and unicodedata.east_asian_width(text[0]) == "W"
            if piece.startswith(_SPACE) or wide or not groups:
                groups.append([])
            groups[-1].append(i)
        return groups


class FasterWhisper:
    """Whisper on CTranslate2, when ``faster-whisper`` is installed."""

    def __init__(self, folder: Path) -> None:
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ModelMissing(
                f"{folder} holds CTranslate2 weights: install faster-whisper to use them"
            ) from error
        try:
            self._model: Any = WhisperModel(str(folder), device="cpu", local_files_only=True)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelMissing(f"cannot load Whisper from {folder}: {error}") from error

    def __call__(
        self, samples: NDArray[np.float32], language: str | None
    ) -> tuple[str, list[HeardWord], list[float]]:
        """See ``Backend``."""
        segments, info = self._model.transcribe(
            samples, language=language, word_timestamps=True, condition_on_previous_text=False
        )
        words: list[HeardWord] = []
        scores: list[float] = []
        for segment in segments:
            scores.extend([segment.avg_logprob] * len(segment.tokens))
            words.extend(
                HeardWord(
                    "".join(word.word.split()),
                    min(1.0, max(0.0, word.probability)),
                    Span(word.start, max(word.start, word.end)),
                )
                for word in segment.words or ()
                if word.word.strip()
            )
        return str(info.language), words, scores
