"""Pictures chosen by what they show, with a CLIP that knows three colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from talkreel.core.errors import ModelMissing
from talkreel.models.picture_text import PictureText
from talkreel.pipeline.looked_at import LEAST_FIT, picture_fit
from talkreel.store.library import PICTURES, list_library
from tests.engines import write_picture_text, write_voice

COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_picture_text(tmp_path_factory.mktemp("clip"), COLOURS)


def test_each_word_finds_the_picture_that_shows_it_whatever_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKREEL_CACHE", str(tmp_path / "cache"))
    library = tmp_path / "library"
    library.mkdir()
    for name, colour in zip(("c", "a", "b"), COLOURS.values(), strict=True):
        Image.new("RGB", (64, 48), colour).save(library / f"{name}.png")
    (library / "d.png").write_bytes(b"no picture")
    listed = list_library(library, PICTURES)
    model = PictureText(folder)
    fit = picture_fit(model, list(COLOURS), listed)
    assert [listed[i].path.stem for i in fit.argmax(axis=1)] == ["c", "a", "b"]
    assert (fit.max(axis=1) > LEAST_FIT).all()
    broken = [item.path.stem for item in listed].index("d")
    assert fit[:, broken].max() < LEAST_FIT

    def again(images: object) -> None:
        raise AssertionError("looked at twice")

    monkeypatch.setattr(model, "pictures", again)
    assert picture_fit(model, list(COLOURS), listed) == pytest.approx(fit)


def test_a_folder_without_such_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="config"):
        PictureText(tmp_path)
    with pytest.raises(ModelMissing):
        PictureText(write_voice(tmp_path))
