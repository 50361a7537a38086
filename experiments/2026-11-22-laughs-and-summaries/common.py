"""Embeddings, trainings and rows of tables that both parts share."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytorch_lightning as pl
import torch

from talkreel.data.intervals import measured
from talkreel.features.cached import cached_embeddings
from talkreel.models.engagement import EngagementNet
from talkreel.models.minilm import model_folder
from talkreel.models.text import DIMENSIONS, TextEmbedder
from training.datamodules.engagement import EngagementData
from training.modules.engagement import EngagementModule
from training.quiet import quiet_trainer

LAYERS = (3, 5, 6)
_TOKENS = 4096  # of one batch, padding included
_LONGEST = 64  # tokens that are read of a text


class HalfEmbedder:
    """Mean states of some layers of MiniLM in bfloat16, which halves the time of a core.

    Against ``talkreel.models.text.LayerEmbedder`` values differ by rounding; for research only.
    """

    version = 1

    def __init__(self, layers: Sequence[int] = LAYERS) -> None:
        from safetensors.torch import load_file
        from transformers import BertConfig, BertModel

        folder = model_folder()
        self.net = BertModel(BertConfig.from_pretrained(str(folder)), add_pooling_layer=False)
        self.net.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        self.net.eval().to(torch.bfloat16)
        self.tokenizer = TextEmbedder()._tokenizer
        self.tokenizer.enable_truncation(_LONGEST)
        self.layers = tuple(layers)
        self.name = "minilm-l6-bf16-mean" + "".join(map(str, layers))

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        found = np.zeros((len(texts), DIMENSIONS * len(self.layers)), np.float32)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        while order:
            longest = len(ids[order[-1]])
            cut = max(1, _TOKENS // longest)
            batch, order = order[-cut:], order[:-cut]
            tokens = torch.zeros(len(batch), longest, dtype=torch.long)
            mask = torch.zeros(len(batch), longest)
            for row, i in enumerate(batch):
                tokens[row, : len(ids[i])] = torch.tensor(ids[i])
                mask[row, : len(ids[i])] = 1
            states = self.net(tokens, attention_mask=mask, output_hidden_states=True).hidden_states
            known = mask[..., None]
            parts = [(states[n].float() * known).sum(1) / known.sum(1) for n in self.layers]
            parts = [torch.nn.functional.normalize(part, dim=1) for part in parts]
            found[batch] = torch.cat(parts, dim=1).numpy()
        return found


def embedded(texts: Sequence[str]) -> np.ndarray:
    """[N, 384 * len(LAYERS)] float16, from the cache where it is there already."""
    began = time.perf_counter()

    def told(share: float) -> None:
        if share - told.last >= 0.1:
            told.last = share
            print(f"embedded {share:.0%} after {time.perf_counter() - began:.0f} s", flush=True)

    told.last = 0.0
    return cached_embeddings(texts, HalfEmbedder(), progress=told)


def trained(
    data: EngagementData, net: dict, *, epochs: int, seed: int = 1, lr: float = 3e-3, **module
) -> EngagementModule:
    """The last epoch of the sequence network."""
    pl.seed_everything(seed, verbose=False)
    learner = EngagementModule(EngagementNet(**net), lr=lr, **module)
    quiet_trainer(epochs).fit(learner, datamodule=data)
    return learner


def interval(name: str, groups: Sequence[object], statistic, digits: int = 3) -> str:
    """``value [low–high]`` with groups drawn anew."""
    found = measured(name, "", groups, statistic, resamples=300)
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}–{found.high:.{digits}f}]"
