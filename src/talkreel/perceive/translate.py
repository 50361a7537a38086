"""Sentences in another language, by a translation model that is on this machine.

Any folder that ``transformers`` can load for sequence to sequence will do: Marian (opus-mt) for
one pair of languages, M2M-100 and NLLB for many. Nothing is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from talkreel.core.errors import ModelMissing

# Sentences at once: more only pad each other.
_BATCH = 8
# A translation is at most about this much longer than its source, in tokens.
_MOST_TOKENS = 256


class Translator:
    """Translates sentences, the same way each time.

    Args:
        folder: of the model and its tokenizer.
        source: ISO 639-1 code of the sentences.
        target: code of the language wanted, as the model names it (``fr``, ``fra_Latn``).

    Raises:
        ModelMissing: the folder holds no such model, or it does not know the language.
    """

    def __init__(self, folder: Path, source: str, target: str) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            self._model: Any = AutoModelForSeq2SeqLM.from_pretrained(
                str(folder), local_files_only=True
            ).eval()
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelMissing(
                f"--translate-model {folder} holds no translation model that transformers can "
                f"load ({reason}): give the folder of a Marian, M2M-100 or NLLB model"
            ) from error
        self._forced = self._language_token(target)
        if hasattr(self._tokenizer, "src_lang"):
            self._tokenizer.src_lang = self._named(source) or source

    def __call__(self, sentences: Sequence[str]) -> list[str]:
        """The sentences in the other language, in order."""
        import torch

        done: list[str] = []
        for first in range(0, len(sentences), _BATCH):
            batch = self._tokenizer(
                list(sentences[first : first + _BATCH]), return_tensors="pt", padding=True
            )
            kept = {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask")}
            with torch.inference_mode():
                tokens = self._model.generate(
                    **kept,
                    num_beams=1,
                    do_sample=False,
                    max_new_tokens=_MOST_TOKENS,
                    **({"forced_bos_token_id": self._forced} if self._forced is not None else {}),
                )
            done += self._tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(text.split()) for text in done]

    def _language_token(self, target: str) -> int | None:
        """The token that asks a model of many languages for ``target``; None for one pair."""
        if not hasattr(self._tokenizer, "src_lang"):
            return None
        name = self._named(target)
        if name is None:
            raise ModelMissing(
                f"this translation model knows no language {target!r}: name it as the model "
                "does, e.g. fr for M2M-100 or fra_Latn for NLLB"
            )
        return int(self._tokenizer.convert_tokens_to_ids(_token(self._tokenizer, name)))

    def _named(self, code: str) -> str | None:
        """The model's own name of a language, or None when it has none."""
        known = self._tokenizer.get_vocab()
        return code if _token(self._tokenizer, code) in known else None


def _token(tokenizer: Any, code: str) -> str:
    """M2M-100 writes ``__fr__``, NLLB the code itself."""
    marked = f"__{code}__"
    return marked if marked in tokenizer.get_vocab() else code
