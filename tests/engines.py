"""Engines of random weights, small enough to make in a test, as their libraries write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def write_voice(folder: Path) -> Path:
    """VITS that makes some noise of letters; returns its folder."""
    import torch
    from transformers import VitsConfig, VitsModel, VitsTokenizer

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


def write_painter(room: Path) -> Path:
    """Stable Diffusion that draws blots; returns the folder of its pipeline, in ``room``."""
    diffusers = pytest.importorskip("diffusers")
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = [*"abcdefghijklmnopqrstuvwxyz", *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz")]
    vocabulary = {w: i for i, w in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    (room / "vocab.json").write_text(json.dumps(vocabulary))
    (room / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(
        str(room / "vocab.json"), str(room / "merges.txt"), model_max_length=16
    ).save_pretrained(room / "tokenizer")
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
        vae=vae, text_encoder=text, tokenizer=CLIPTokenizer.from_pretrained(room / "tokenizer"),
        unet=unet, scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(room / "pipeline")  # fmt: skip
    return room / "pipeline"


def write_picture_text(room: Path, taught: dict[str, tuple[int, int, int]]) -> Path:
    """CLIP that learns in a second which plain colour each word is; returns its folder."""
    import numpy as np
    import torch
    from transformers import (
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPTextConfig,
        CLIPTokenizer,
        CLIPVisionConfig,
    )

    from talkreel.models.picture_text import ANYTHING

    folder = room / "clip"
    letters = [*"abcdefghijklmnopqrstuvwxyz", *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz")]
    vocabulary = {w: i for i, w in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    (room / "vocab.json").write_text(json.dumps(vocabulary))
    (room / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(
        str(room / "vocab.json"), str(room / "merges.txt"), model_max_length=16
    )
    processor = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=16)
    size = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    model = CLIPModel(
        CLIPConfig(
            text_config=CLIPTextConfig(
                **size, vocab_size=len(vocabulary), max_position_embeddings=16, bos_token_id=52,
                eos_token_id=53, pad_token_id=53,
            ).to_dict(),
            vision_config=CLIPVisionConfig(**size, image_size=16, patch_size=8).to_dict(),
            projection_dim=8,
        )
    )  # fmt: skip
    pictures = [np.full((16, 16, 3), colour, np.uint8) for colour in taught.values()]
    pixels = processor(images=pictures, return_tensors="pt")
    tokens = tokenizer(
        [*taught, *ANYTHING], padding="max_length", truncation=True, return_tensors="pt"
    )
    learning = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(120):
        scores = model(**tokens, **pixels).logits_per_image
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(taught)))
        learning.zero_grad()
        loss.backward()
        learning.step()
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)
    return folder
