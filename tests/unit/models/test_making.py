"""Pictures and speech from engines of the user's own: real loading code, tiny random weights."""

from __future__ import annotations

import base64
import io
import shutil
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talkreel.cli import main
from talkreel.core.errors import EngineError, InputError, ModelMissing
from talkreel.models.endpoint import Endpoint
from talkreel.models.imagery import EndpointPainter, LocalPainter, open_image_engine
from talkreel.models.narrator import VitsNarrator, open_narrator
from tests.engines import write_painter, write_voice


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VITS of random weights."""
    return write_voice(tmp_path_factory.mktemp("tiny-voice"))


def test_vits_weights_speak_the_same_twice_and_fill_a_wav(voice: Path, tmp_path: Path) -> None:
    narrator = open_narrator(str(voice))
    assert isinstance(narrator, VitsNarrator)
    first, second = narrator.speak("hello there"), narrator.speak("hello there")
    assert len(first.samples) > 100
    assert np.array_equal(first.samples, second.samples)
    (tmp_path / "text.txt").write_text("hello there")
    out = tmp_path / "voice.wav"
    command = ["voice-over", str(tmp_path / "text.txt"), "--engine", str(voice)]
    assert main([*command, "--out", str(out)]) == 0
    with wave.open(str(out)) as heard:
        assert heard.getnframes() == len(first.samples)
        assert heard.getframerate() == first.rate
    (tmp_path / "text.txt").write_text("  \n")
    assert main([*command, "--out", str(out)]) == 2


def test_a_program_that_says_nothing_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\ncat > /dev/null\n")
    program.chmod(0o755)
    with pytest.raises(EngineError, match="no speech"):
        open_narrator(str(program)).speak("Hello")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_speaks_and_takes_no_options_from_the_text() -> None:
    spoken = open_narrator("espeak-ng").speak("-f /etc/hostname")
    assert len(spoken.samples) > 0.3 * spoken.rate
    assert np.abs(spoken.samples).max() > 0.05


def test_engines_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="neither"):
        open_narrator(str(tmp_path))
    with pytest.raises(ModelMissing, match="neither"):
        open_image_engine(str(tmp_path))
    with pytest.raises(InputError, match="model"):
        open_image_engine("https://host/v1")
    command = ["imagine", "a tree", "--engine", str(tmp_path), "--out", str(tmp_path / "a.png")]
    assert main([*command, "--width", "7"]) == 2


class Answers(Endpoint):
    """An endpoint whose line is left out: what comes back is given."""

    def __init__(self, answer: object) -> None:
        super().__init__("http://localhost:1/v1", "tiny")
        self._given = answer
        self.body: dict[str, object] = {}

    def post(self, call: str, body: object) -> object:  # type: ignore[override]
        assert call == "images/generations"
        self.body = dict(body)  # type: ignore[call-overload]
        return self._given


def test_a_picture_of_an_endpoint_is_brought_to_size() -> None:
    png = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 10, 10)).save(png, "PNG")
    encoded = base64.b64encode(png.getvalue()).decode()
    endpoint = Answers({"data": [{"b64_json": encoded}]})
    picture = EndpointPainter(endpoint).draw("a tree", 64, 128, seed=1)
    assert picture.shape == (128, 64, 3)
    assert picture[..., 0].mean() > 190
    assert endpoint.body["size"] == "64x128"


@pytest.mark.parametrize(
    "answer", [{}, [], {"data": [{"b64_json": "***"}]}, {"data": [{"b64_json": "AAAA"}]}, None]
)
def test_an_answer_without_a_picture_is_an_error(answer: object) -> None:
    with pytest.raises(EngineError, match="no picture"):
        EndpointPainter(Answers(answer)).draw("a tree", 64, 64, seed=1)


def test_a_picture_that_would_fill_the_memory_is_an_error() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    size = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"")
    answer = {"data": [{"b64_json": base64.b64encode(png).decode()}]}
    with pytest.raises(EngineError, match="too large"):
        EndpointPainter(Answers(answer)).draw("a tree", 64, 64, seed=1)


def test_a_pipeline_of_random_weights_draws(tmp_path: Path) -> None:
    folder = write_painter(tmp_path)
    assert isinstance(open_image_engine(str(folder)), LocalPainter)
    engine = LocalPainter(folder, steps=2)
    first = engine.draw("a tree", 64, 64, seed=3)
    assert first.shape == (64, 64, 3)
    assert first.std() > 1
    assert np.array_equal(first, engine.draw("a tree", 64, 64, seed=3))
    assert not np.array_equal(first, engine.draw("a tree", 64, 64, seed=4))
