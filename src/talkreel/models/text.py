"""Sentence embeddings and inner states of MiniLM-L6 (all-MiniLM-L6-v2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talkreel.core.stage import Progress, silent
from talkreel.models.minilm import Array, by_length, model_folder, padded, shared_encoder, unit

DIMENSIONS = 384
MAX_TOKENS = 256  # what the model was trained with; longer texts are cut
MAX_STATES = 64  # tokens of a text whose states are given one by one: a long sentence


class TextEmbedder:
    """Turns texts into unit vectors whose dot product is their closeness in meaning.

    Raises:
        ModelMissing: the package with the weights is not installed.
    """

    name = "minilm-l6"
    version = 1

    def __init__(self) -> None:
        folder = model_folder()
        from tokenizers import Tokenizer

        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        self._encoder = shared_encoder(folder)

    def __call__(self, texts: Sequence[str], *, progress: Progress = silent) -> Array:
        """Embed ``texts``; the same text always gives the same vector up to rounding.

        Returns:
            [N, 384] float32, each row of length 1; mean of the token vectors as in
            Reimers & Gurevych 2019 (Sentence-BERT).

        Raises:
            TypeError: one string instead of a sequence of strings.
        """
        if isinstance(texts, str):
            raise TypeError("TextEmbedder takes a sequence of texts, got one string")
        return self._embedded(texts, self._encoder, DIMENSIONS, progress)

    def _embedded(
        self,
        texts: Sequence[str],
        encode: Callable[[Sequence[Sequence[int]]], Array],
        size: int,
        progress: Progress,
    ) -> Array:
        vectors = np.zeros((len(texts), size), dtype=np.float32)
        if not len(texts):
            progress(1.0)
            return vectors
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        done = 0
        for batch in by_length([len(ids) for ids in tokens]):
            vectors[batch] = encode([tokens[i] for i in batch])
            done += len(batch)
            progress(done / len(texts))
        return vectors


class LayerEmbedder(TextEmbedder):
    """Token states of inner layers, pooled: how something is said, next to what it is about.

    The last layer was trained to forget wording and keep the topic; the middle ones still hold
    tone, person and build, which is what hooks and feelings lie in.

    Args:
        means: layers whose mean state is given, 0 (word vectors) .. 6 (last); layers above the
            highest one are not computed.
        maxima: layers whose largest value of each dimension is given.

    Raises:
        ValueError: no layer, or one that does not exist.
    """

    version = 1

    def __init__(self, means: Sequence[int] = (4,), maxima: Sequence[int] = ()) -> None:
        super().__init__()
        chosen = (*means, *maxima)
        if not chosen or not set(chosen) <= set(range(self._encoder.layers + 1)):
            raise ValueError(f"layers are 0 to {self._encoder.layers}, got {chosen}")
        self._means, self._maxima = tuple(means), tuple(maxima)
        self.size = DIMENSIONS * len(chosen)
        parts = (("mean", self._means), ("max", self._maxima))
        words = ["".join([word, *map(str, layers)]) for word, layers in parts if layers]
        self.name = "-".join(["minilm-l6", *words])

    def __call__(self, texts: Sequence[str], *, progress: Progress = silent) -> Array:
        """[N, 384 * layers] float32: means first, then maxima; each part has length 1.

        Raises:
            TypeError: one string instead of a sequence of strings.
        """
        if isinstance(texts, str):
            raise TypeError("LayerEmbedder takes a sequence of texts, got one string")
        return self._embedded(texts, self._pooled, self.size, progress)

    def _pooled(self, tokens: Sequence[Sequence[int]]) -> Array:
        ids, mask = padded(tokens)
        top = max((*self._means, *self._maxima))
        means: dict[int, Array] = {}
        maxima: dict[int, Array] = {}
        for layer, states in enumerate(self._encoder.states(ids, mask, top)):
            if layer in self._means:
                means[layer] = unit((states * mask[..., None]).sum(axis=1))
            if layer in self._maxima:
                hidden_away = (1 - mask)[..., None] * np.float32(-1e9)
                maxima[layer] = unit((states + hidden_away).max(axis=1))
        parts = [means[n] for n in self._means] + [maxima[n] for n in self._maxima]
        return np.concatenate(parts, axis=1)


class TokenEmbedder(TextEmbedder):
    """States of every token after some inner layers, for networks that weigh words themselves.

    Args:
        layers: 0 (word vectors) .. 6 (last); those above the highest are not computed.

    Raises:
        ValueError: no layer, or one that does not exist.
    """

    version = 1

    def __init__(self, layers: Sequence[int] = (3, 5)) -> None:
        super().__init__()
        if not layers or not set(layers) <= set(range(self._encoder.layers + 1)):
            raise ValueError(f"layers are 0 to {self._encoder.layers}, got {tuple(layers)}")
        self._tokenizer.enable_truncation(MAX_STATES)
        self._layers = tuple(layers)
        self.size = DIMENSIONS * len(layers)
        self.name = "minilm-l6-tokens" + "".join(map(str, layers))

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, start and end marks included."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def tokens(self, texts: Sequence[str], *, progress: Progress = silent) -> list[Array]:
        """[T, 384 * layers] float32 of each text, start and end marks included.

        Raises:
            TypeError: one string instead of a sequence of strings.
        """
        if isinstance(texts, str):
            raise TypeError("TokenEmbedder takes a sequence of texts, got one string")
        ids = self.ids(texts)
        found: list[Array] = [np.zeros((0, self.size), dtype=np.float32)] * len(ids)
        done = 0
        for batch in by_length([len(row) for row in ids]):
            rows, mask = padded([ids[i] for i in batch])
            every = list(self._encoder.states(rows, mask, max(self._layers)))
            states = np.concatenate([every[layer] for layer in self._layers], axis=2)
            for row, i in enumerate(batch):
                found[i] = states[row, : len(ids[i])]
            done += len(batch)
            progress(done / len(ids))
        progress(1.0)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class TextStates:
    """What several layers say of N texts, from one pass through the network.

    Attributes:
        means: layer to [N, 384] mean states, each of length 1.
        tokens: layer to N arrays [T, 384] of token states, start and end marks included.
    """

    means: Mapping[int, Array]
    tokens: Mapping[int, Sequence[Array]]


class StateEmbedder(TextEmbedder):
    """Several layers at once, for services that ask several networks about the same texts.

    One pass instead of one for each network: the values are those of ``TextEmbedder`` (the mean
    of the last layer), ``LayerEmbedder`` and, for texts of up to ``MAX_STATES`` tokens,
    ``TokenEmbedder``.

    Args:
        means: layers whose mean state is given.
        tokens: layers whose token states are given.

    Raises:
        ValueError: no layer, or one that does not exist.
    """

    version = 1

    def __init__(self, means: Sequence[int], tokens: Sequence[int]) -> None:
        super().__init__()
        chosen = (*means, *tokens)
        if not chosen or not set(chosen) <= set(range(self._encoder.layers + 1)):
            raise ValueError(f"layers are 0 to {self._encoder.layers}, got {chosen}")
        self._means, self._tokens, self._top = tuple(means), tuple(tokens), max(chosen)

    def states(self, texts: Sequence[str]) -> TextStates:
        """The chosen states of ``texts``."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        means = {n: np.zeros((len(ids), DIMENSIONS), dtype=np.float32) for n in self._means}
        tokens: dict[int, list[Array]] = {
            n: [np.zeros((0, DIMENSIONS), dtype=np.float32)] * len(ids) for n in self._tokens
        }
        for batch in by_length([len(row) for row in ids]):
            rows, mask = padded([ids[i] for i in batch])
            for layer, states in enumerate(self._encoder.states(rows, mask, self._top)):
                if layer in means:
                    means[layer][batch] = unit((states * mask[..., None]).sum(axis=1))
                if layer in tokens:
                    for row, i in enumerate(batch):
                        tokens[layer][i] = states[row, : len(ids[i])]
        return TextStates(means, tokens)
