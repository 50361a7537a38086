from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from talkreel.core.errors import ModelMissing, SchemaError
from talkreel.media.probe import probe
from talkreel.models.pictures import PictureEmbedder, sentence_pictures

BACKBONE = "mobilenetv3_small_050"
IMAGES = [np.full((40, 60, 3), level, dtype=np.uint8) for level in (0, 255)]


@pytest.mark.parametrize("name", [BACKBONE, "torchvision/squeezenet1_1"])
def test_any_backbone_turns_pictures_into_rows(name: str) -> None:
    embedder = PictureEmbedder(name)
    rows = embedder(IMAGES)
    assert rows.shape == (2, embedder.size)
    assert np.isfinite(rows).all()
    assert embedder([]).shape == (0, embedder.size)


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    import timm

    made = timm.create_model(BACKBONE, num_classes=0)
    save_file(made.state_dict(), tmp_path / "own.safetensors")
    rows = [PictureEmbedder(BACKBONE, tmp_path / "own.safetensors")(IMAGES) for _ in range(2)]
    np.testing.assert_array_equal(rows[0], rows[1])
    with pytest.raises(ModelMissing, match="no backbone weights"):
        PictureEmbedder(BACKBONE, tmp_path / "none.safetensors")
    with pytest.raises(SchemaError, match="does not fit"):
        PictureEmbedder("mobilenetv3_small_075", tmp_path / "own.safetensors")


@pytest.mark.parametrize("name", ["no_such_net", "torchvision/no_such_net"])
def test_unknown_backbones_are_named(name: str) -> None:
    with pytest.raises(ValueError, match="no backbone"):
        PictureEmbedder(name)


def test_sentences_get_the_picture_in_their_middle(sample_dir: Path) -> None:
    media = probe(sample_dir / "talk.mp4")
    embedder = PictureEmbedder(BACKBONE)
    times = np.array([[0.0, 1.0], [1.0, 3.0]])
    rows = sentence_pictures(media, times, embedder)
    assert rows.shape == (2, embedder.size)
    with pytest.raises(ValueError, match="ascend"):
        sentence_pictures(media, times[::-1], embedder)
