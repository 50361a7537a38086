"""Every pair of craft options together on a five-second clip: a whole file, with a note of each."""

from __future__ import annotations

import dataclasses
import wave
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkreel.core.clips import ClipSet
from talkreel.core.spans import Span
from talkreel.pipeline.clip import make_clips
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.options import ClipOptions
from talkreel.store.cache import StageCache
from tests.engines import write_voice

pytestmark = pytest.mark.integration

# Fields that are a manner of another option or need a key or weights of the user's own.
WITHOUT_A_ROW = {
    *("broll_stock", "broll_suggest", "broll_place", "broll_model", "image_engine", "image_model"),
    *("llm", "llm_model", "translate_model", "translate_to"),
}
# Each says in its clip what it did.
NOTED = {
    *("voice", "music", "tighten", "broll", "censor", "picture", "title_card", "voice_over"),
}
EXCERPT = Span(4.0, 22.0)


def on_values(room: Path) -> dict[str, dict[str, Any]]:
    """What switches each option on."""
    return {
        "voice": {"enhance": ("voice",)},
        "picture": {"enhance": ("picture",)},
        "upscale": {"enhance": ("picture",), "upscale": room / "twice.safetensors"},
        "tighten": {"tighten": True},
        "music": {"music": room / "music"},
        "brand": {"brand": room / "brand"},
        "broll": {"broll": room / "broll"},
        "title_card": {"title_card": True},
        "censor": {"censor": True},
        "emoji": {"emoji": True},
        "speaker_colours": {"speaker_colours": True},
        "emphasis": {"emphasis": True},
        "cover": {"cover": "title"},
        "voice_over": {"voice_over": str(room / "voice")},
        "exports": {"exports": ("otio",)},
        "platform": {"platform": "tiktok"},
    }


NAMES = tuple(on_values(Path()))


def covering_rows(names: tuple[str, ...]) -> list[frozenset[str]]:
    """Sets of options so that every two are, in some set, both on, both off, and one of each."""
    both = (True, False)
    missing = {(a, b, x, y) for a, b in combinations(names, 2) for x in both for y in both}
    random = np.random.default_rng(7)
    rows = []
    while missing:
        tried = [
            frozenset(name for name, on in zip(names, row, strict=True) if on)
            for row in random.random((200, len(names))) < 0.5
        ]
        best = max(tried, key=lambda row: len(_covered(row, missing)))
        rows.append(best)
        missing -= _covered(best, missing)
    return rows


def _covered(
    row: frozenset[str], missing: set[tuple[str, str, bool, bool]]
) -> set[tuple[str, str, bool, bool]]:
    return {pair for pair in missing if (pair[0] in row, pair[1] in row) == pair[2:]}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, save_network: Callable[..., Path]) -> Path:
    """Folders of music, brand and b-roll, a network and a voice, made here."""
    from PIL import Image

    room = tmp_path_factory.mktemp("room")
    for name in ("music", "brand", "broll", "voice"):
        (room / name).mkdir()
    write_voice(room / "voice")
    with wave.open(str(room / "music" / "loop.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        t = np.arange(12 * 48_000) / 48_000
        beat = np.sin(2 * np.pi * 110 * t) * np.exp(-6 * np.mod(t, 0.5))
        out.writeframes((12_000 * beat).astype(np.int16).tobytes())
    for name in ("river", "bridge", "people", "city", "map", "house"):
        Image.new("RGB", (640, 480), (40, 90, 160)).save(room / "broll" / f"{name}.png")
    save_network(room / "twice.safetensors")
    Image.new("RGBA", (200, 100), (255, 0, 0, 255)).save(room / "brand" / "logo.png")
    (room / "brand" / "brand.toml").write_text('[logo]\nfile = "logo.png"\n')
    return room


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> StageCache:
    return StageCache(tmp_path_factory.mktemp("cache"))


def test_every_option_has_its_place_in_the_rows() -> None:
    given = {field for values in on_values(Path()).values() for field in values}
    fields = {field.name for field in dataclasses.fields(CraftOptions)}
    assert given | WITHOUT_A_ROW == fields
    rows = covering_rows(NAMES)
    assert len(rows) <= 12


@pytest.mark.parametrize("row", covering_rows(NAMES), ids=lambda row: "+".join(sorted(row)))
def test_options_work_together(
    row: frozenset[str], room: Path, cache: StageCache, sample_dir: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"enhance": ()}
    for name in sorted(row):
        for field, value in on_values(room)[name].items():
            if field == "enhance":
                value = tuple(dict.fromkeys((*given[field], *value)))
            given[field] = value
    options = ClipOptions(
        clips=1,
        min_seconds=4.0,
        max_seconds=8.0,
        range=EXCERPT,
        preset="fast",
        craft=CraftOptions(**given),
    )
    made: ClipSet = make_clips(sample_dir / "talk.mp4", tmp_path, options, cache=cache)
    clip = made.clips[0]
    assert (tmp_path / clip.files.video).stat().st_size > 10_000
    assert clip.measured.frames > 60
    assert abs(clip.measured.av_offset) < 0.05
    assert clip.measured.integrated_lufs == pytest.approx(-14.0, abs=0.5)
    assert clip.measured.true_peak_dbtp is not None
    assert clip.measured.true_peak_dbtp <= -1.0
    noted = " ".join(note.feature for note in clip.notes)
    for name in row & {
        "voice",
        "music",
        "tighten",
        "broll",
        "censor",
        "picture",
        "title_card",
        "voice_over",
    }:
        assert name.replace("_", " ") in noted.replace("_", " "), f"no note of {name}: {noted}"
    assert bool(clip.files.exports) == ("exports" in row)
    if "upscale" in row:
        assert any("enlarged by twice.safetensors" in note.text for note in clip.notes)
