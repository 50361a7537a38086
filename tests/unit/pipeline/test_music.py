from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from talkreel.core.errors import InputError
from talkreel.pipeline.music import read_library
from talkreel.store.cache import StageCache


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "own").mkdir(parents=True)
    t = np.arange(8 * 16_000) / 16_000
    drum = np.exp(-18 * np.mod(t, 0.5)) * np.sin(2 * np.pi * 90 * np.mod(t, 0.5))
    for name in ("a.wav", "own/b.wav"):
        wavfile.write(folder / name, 16_000, (20_000 * drum).astype(np.int16))
    wavfile.write(folder / "silent.wav", 16_000, np.zeros(64_000, np.int16))
    (folder / "broken.mp3").write_text("no music")
    (folder / "cover.jpg").write_bytes(b"not asked for")
    return folder


def test_tracks_come_with_what_is_stated_of_them(library: Path, tmp_path: Path) -> None:
    (library / "a.toml").write_text(
        'title = "Dawn"\nartist = "Ann"\nlicence = "CC-BY 4.0"\nattribution = "Ann, 2024"\n'
    )
    (library / "own" / "licence.txt").write_text("\nMade by us\nall rights reserved\n")
    (first, second), said = read_library(library, StageCache(tmp_path / "cache"))
    assert (first.title, first.asset.licence, first.asset.attribution) == (
        "Dawn by Ann",
        "CC-BY 4.0",
        "Ann, 2024",
    )
    assert (second.title, second.asset.licence) == ("b", "Made by us")
    assert first.facts.tempo_bpm == pytest.approx(120, rel=0.02)
    assert "2 unusable files" in said


def test_nothing_stated_stays_nothing(library: Path, tmp_path: Path) -> None:
    tracks, _ = read_library(library, StageCache(tmp_path / "cache"))
    assert {track.asset.licence for track in tracks} == {""}


@pytest.mark.parametrize("text", ["{", "title = 3", "song = 'a'"])
def test_a_description_that_cannot_be_read_is_named(
    library: Path, tmp_path: Path, text: str
) -> None:
    (library / "a.toml").write_text(text)
    with pytest.raises(InputError, match=r"a\.toml"):
        read_library(library, StageCache(tmp_path / "cache"))
