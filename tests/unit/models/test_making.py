"""Pictures and speech from engines of the user's own: real loading code, tiny random weights."""

from __future__ import annotations

import base64
import io
import json
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


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VITS of random weights, as ``save_pretrained`` writes it."""
    import torch
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    folder = tmp_path_factory.mktemp("tiny-voice")
    letters = {letter: i for i, letter in enumerate("_ abcdefghijklmnopqrstuvwxyz?")}
    (folder / "vocab.json").write_text(json.dumps(letters))
    VitsTokenizer(
        str(folder / "vocab.json"), pad_token="_", unk_token="?", phonemize=False
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = VitsConfig(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        ffn_dim=16, flow_size=16, spectrogram_bins=9, prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1,
        duration_predictor_num_flows=2, duration_predictor_filter_channels=16,
        upsample_initial_channel=32, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]], wavenet_dilation_rate=1,
        depth_separable_num_layers=1,
    )  # fmt: skip
    VitsModel(config).save_pretrained(folder)
    return folder


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
    diffusers = pytest.importorskip("diffusers")
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = [*"abcdefghijklmnopqrstuvwxyz", *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz")]
    vocabulary = {w: i for i, w in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(
        str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"), model_max_length=16
    ).save_pretrained(tmp_path / "tokenizer")
    torch.manual_seed(0)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
            num_attention_heads=2, max_position_embeddings=16, bos_token_id=52, eos_token_id=53,
        )
    )  # fmt: skip
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, sample_size=8, in_channels=4,
        out_channels=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=16,
        norm_num_groups=4, attention_head_dim=4,
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), in_channels=3, out_channels=3, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
    )  # fmt: skip
    diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=CLIPTokenizer.from_pretrained(tmp_path / "tokenizer"),
        unet=unet, scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(tmp_path / "pipeline")  # fmt: skip
    assert isinstance(open_image_engine(str(tmp_path / "pipeline")), LocalPainter)
    engine = LocalPainter(tmp_path / "pipeline", steps=2)
    first = engine.draw("a tree", 64, 64, seed=3)
    assert first.shape == (64, 64, 3)
    assert first.std() > 1
    assert np.array_equal(first, engine.draw("a tree", 64, 64, seed=3))
    assert not np.array_equal(first, engine.draw("a tree", 64, 64, seed=4))
