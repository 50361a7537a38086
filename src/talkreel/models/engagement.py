"""The engagement model: which sentences of a talk make a room react, which ones matter.

A sequence model over a whole talk. Its context is relative (neighbours, recurrent state), so a
sentence is never judged by its place in the talk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from talkreel.features.sentence_sound import FRAMES
from talkreel.features.sentences import FORM, MEL, SOUND_NAMES, STREAMS, TEXT_SIZE, TIMING_NAMES
from talkreel.features.voice import MELS
from talkreel.models.bundle import Argument
from talkreel.models.mel import MelEncoder

LABELS = ("applause", "laughter", "importance")
_STANDARDISED = {"form": len(FORM), "timing": len(TIMING_NAMES), "sound": len(SOUND_NAMES)}
_STATE = 384  # length of one state of MiniLM
_LARGEST = 5.0  # standard deviations: an odd recording must not drown the words


class EngagementNet(nn.Module):
    """Streams of a talk to a logit per sentence and label.

    Args:
        text_size: length of the mean states of a sentence.
        visual_size: length of a picture embedding; 0 without.
        mel_width: channels of the first convolution on the log-mel picture; 0 without.
        hidden: width of the recurrent layer, each way; 0 judges each sentence alone.
        buckets: rows of the table of hashed words; 0 without.
        bucket_size: columns of it.
        members: networks whose logits are averaged; they start from different weights.
        dropout: share of inputs and states left out in training.
        stream_dropout: chance that a whole stream but the text is left out in training.

    Raises:
        ValueError: a size or share out of range.
    """

    architecture = "engagement"

    def __init__(
        self,
        *,
        text_size: int = TEXT_SIZE,
        visual_size: int = 0,
        mel_width: int = 0,
        hidden: int = 48,
        buckets: int = 4096,
        bucket_size: int = 16,
        members: int = 1,
        dropout: float = 0.4,
        stream_dropout: float = 0.3,
    ) -> None:
        super().__init__()
        optional = (visual_size, mel_width, hidden, buckets)
        if min(text_size, bucket_size, members) < 1 or min(optional) < 0:
            raise ValueError("sizes of an EngagementNet are positive; see its documentation")
        if not (0 <= dropout < 1 and 0 <= stream_dropout <= 1):
            raise ValueError(f"dropout is 0..1, got {dropout} and {stream_dropout}")
        self.arguments: dict[str, Argument] = {
            "text_size": text_size,
            "visual_size": visual_size,
            "mel_width": mel_width,
            "hidden": hidden,
            "buckets": buckets,
            "bucket_size": bucket_size,
            "members": members,
            "dropout": dropout,
            "stream_dropout": stream_dropout,
        }
        self.stream_dropout = stream_dropout
        self.mel_width = mel_width
        # A net that cannot hear is not told who is heard either.
        self._streams = len(STREAMS) if mel_width else MEL
        self._sizes = {"text": text_size, **_STANDARDISED}
        if mel_width:
            self._sizes["mel"] = MELS
        for name, size in self._sizes.items():
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))
        self.members = nn.ModuleList(_Member(self.arguments, self._streams) for _ in range(members))

    def set_scales(self, name: str, mean: Tensor, scale: Tensor) -> None:
        """Standardise a stream by these, measured on the training talks.

        Args:
            name: ``text``, ``form``, ``timing``, ``sound`` or, of a net that hears, ``mel``.
            mean: [F]; of ``mel`` [64], a band each.
            scale: [F] standard deviations; zeros count as ones.

        Raises:
            ValueError: another name or length.
        """
        if name not in self._sizes or mean.shape != (self._sizes[name],):
            raise ValueError(f"no stream {name!r} with {tuple(mean.shape)} columns")
        getattr(self, f"{name}_mean").copy_(mean)
        getattr(self, f"{name}_scale").copy_(torch.where(scale > 1e-6, scale, 1.0))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """[B, L, 3] logits in the order of ``LABELS``, mean over members.

        Args:
            batch: ``text`` [B, L, D], ``words`` [B, L, W], ``form``, ``timing``, ``sound``,
                ``visual`` [B, L, F], ``known`` [B, L, 5], ``lengths`` [B]; for a net that hears
                ``mel`` [B, L, MEL_SIZE], which may be left out.
        """
        return self.each(batch).mean(dim=0)

    def each(self, batch: dict[str, Tensor]) -> Tensor:
        """[M, B, L, 3] logits of every member, for training them apart."""
        streams = self._standardised(batch)
        return torch.stack([member(streams, batch["lengths"]) for member in self.members])

    def _taught(self) -> Tensor:
        """[4 or 5] 1 for the streams that training knew; the weights of the others are chance."""
        names = ("timing", "sound", "mel") if self.mel_width else ("timing", "sound")
        timing, sound, *mel = (
            (getattr(self, f"{name}_mean") != 0).any() | (getattr(self, f"{name}_scale") != 1).any()
            for name in names
        )
        seen = torch.full_like(timing, bool(self.arguments["visual_size"]))
        stack = torch.stack([torch.ones_like(seen), timing, sound, seen, *mel])
        return stack.to(torch.float32)

    def _standardised(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        known = batch["known"][..., : self._streams] * self._taught()
        if self.training and self.stream_dropout:
            kept = torch.rand(len(known), 1, self._streams, device=known.device)
            kept = (kept >= self.stream_dropout).to(known.dtype)
            kept[..., 0] = 1  # the text always speaks
            known = known * kept
        # Inner states share most of their direction: without it differences are small. The length
        # stays that of one state, for which the learning rate was chosen.
        text = (batch["text"] - self.get_buffer("text_mean")) / self.get_buffer("text_scale")
        text = text * known[..., :1] / _STATE**0.5
        streams = {"text": text, "words": batch["words"], "known": known}
        for name in _STANDARDISED:
            values = batch[name] - getattr(self, f"{name}_mean")
            streams[name] = (values / getattr(self, f"{name}_scale")).clamp(-_LARGEST, _LARGEST)
        streams["timing"] = streams["timing"] * known[..., 1:2]
        streams["sound"] = streams["sound"] * known[..., 2:3]
        visual = batch["visual"]
        if not visual.shape[-1]:  # a source without pictures, whatever the net was made for
            visual = visual.new_zeros(*visual.shape[:2], int(self.arguments["visual_size"]))
        streams["visual"] = visual * known[..., 3:4]
        if self.mel_width:
            self._hear(streams, batch.get("mel"))
        return streams

    def _hear(self, streams: dict[str, Tensor], mel: Tensor | None) -> None:
        """Add ``heard`` [B, L], which sentences are heard, and ``mel`` [K, 64, F] of those."""
        known = streams["known"]
        if mel is None or not mel.shape[-1]:
            streams["known"] = torch.cat([known[..., :MEL], 0 * known[..., MEL:]], dim=-1)
            mel = known.new_zeros(*known.shape[:2], MELS * FRAMES)
        heard = streams["known"][..., MEL] > 0
        bands = mel[heard].to(known.dtype).reshape(-1, MELS, FRAMES)
        mean, scale = (self.get_buffer(f"mel_{part}")[:, None] for part in ("mean", "scale"))
        streams["heard"] = heard
        streams["mel"] = ((bands - mean) / scale).clamp(-_LARGEST, _LARGEST)


class _Member(nn.Module):
    """One network: streams projected and added, a recurrent layer both ways, and a head.

    A linear path from the words (Cheng et al. 2016, "Wide & Deep") runs beside the deep one.
    """

    def __init__(self, arguments: dict[str, Argument], streams: int) -> None:
        super().__init__()
        names = ("text_size", "visual_size", "mel_width", "hidden", "buckets", "bucket_size")
        text, visual, mel, hidden, buckets, bucket_size = (int(arguments[name]) for name in names)
        width = max(32, 2 * hidden)
        self.buckets = buckets
        self.dropout = nn.Dropout(float(arguments["dropout"]))
        small = len(FORM) + len(TIMING_NAMES) + len(SOUND_NAMES) + streams
        self.text = nn.Linear(text, width)
        self.small = nn.Linear(small, width)
        self.visual = nn.Linear(visual, width, bias=False) if visual else None
        self.norm = nn.LayerNorm(width)
        if buckets:
            self.table = nn.Embedding(buckets + 1, bucket_size, padding_idx=0)
            nn.init.normal_(self.table.weight, std=0.05)
            self.bag = nn.Linear(bucket_size, width, bias=False)
            self.wide = nn.Linear(bucket_size, len(LABELS), bias=False)
        self.recurrent = (
            nn.GRU(width, hidden, batch_first=True, bidirectional=True) if hidden else None
        )
        self.head = nn.Linear(width + 2 * hidden, len(LABELS))
        if mel:
            self.ear = MelEncoder(mel)
            self.voice = nn.Linear(MelEncoder.channels(mel), width, bias=False)

    def forward(self, streams: dict[str, Tensor], lengths: Tensor) -> Tensor:
        small = [streams[name] for name in ("form", "timing", "sound", "known")]
        states = self.text(self.dropout(streams["text"])) + self.small(torch.cat(small, dim=-1))
        if self.visual is not None:
            states = states + self.visual(self.dropout(streams["visual"]))
        if "mel" in streams and len(streams["mel"]):
            said = self.voice(self.dropout(self.ear(streams["mel"]))).to(states.dtype)
            states = states.index_put((streams["heard"],), states[streams["heard"]] + said)
        bag = self._bag(streams["words"]) if self.buckets else None
        if bag is not None:
            states = states + self.bag(bag)
        states = self.dropout(torch.nn.functional.gelu(self.norm(states)))
        if self.recurrent is not None:
            states = torch.cat([states, self.dropout(self._context(states, lengths))], dim=-1)
        logits: Tensor = self.head(states)
        return logits if bag is None else logits + self.wide(bag)

    def _bag(self, words: Tensor) -> Tensor:
        """[B, L, bucket_size] sum over the words of a sentence over the root of their number."""
        used = words > 0
        places = torch.where(used, 1 + (words - 1) % self.buckets, 0)
        total = self.table(places).sum(dim=-2)
        count = used.sum(dim=-1, keepdim=True).clamp(min=1)
        return cast("Tensor", self.dropout(total / count.sqrt()))

    def _context(self, states: Tensor, lengths: Tensor) -> Tensor:
        assert self.recurrent is not None
        packed = pack_padded_sequence(
            states, lengths.cpu().clamp(min=1), batch_first=True, enforce_sorted=False
        )
        found, _ = self.recurrent(packed)
        padded, _ = pad_packed_sequence(found, batch_first=True, total_length=states.shape[1])
        return padded


def reaction_logits(logits: Tensor, kinds: Sequence[int] = (0, 1)) -> Tensor:
    """[...] log odds that the room laughs or claps, from [..., 3] logits.

    P = 1 - (1 - applause)(1 - laughter): the two are taken as independent. ``kinds`` leaves out
    the one that was never taught.
    """
    # Log of the chance that all of them stay away.
    quiet = -nn.functional.softplus(logits[..., list(kinds)]).sum(dim=-1)
    return torch.log(-torch.expm1(quiet.clamp(max=-1e-7))) - quiet
