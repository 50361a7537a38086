"""Language models that may be given to write words: local weights, or an endpoint.

Neither is ever on by itself. What they write is untrusted: ``ranking.containment`` decides what
of it is used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from talkreel.core.errors import EngineError, ModelMissing
from talkreel.models.endpoint import KEY_VARIABLE, Endpoint
from talkreel.models.local import weights_stamp

_NEW_TOKENS = 500
_PROMPT_TOKENS = 4096  # of a local model; the beginning of a longer prompt is what counts


class TextEngine(Protocol):
    """Answers one prompt. ``identity`` names engine and weights for caches and results."""

    name: str
    identity: str

    def complete(self, system: str, user: str) -> str:
        """The answer to ``user`` under the rules of ``system``.

        Raises:
            EngineError: no answer came, and why.
        """
        ...


def open_engine(where: str, model: str | None = None) -> TextEngine:
    """The engine at ``where``: a folder of weights, or the URL of an endpoint.

    Raises:
        InputError: neither of both, or a URL that a key must not be sent to.
        ModelMissing: the folder holds no language model.
    """
    if "://" in where:
        return EndpointEngine(Endpoint(where, model, os.environ.get(KEY_VARIABLE)))
    return LocalEngine(Path(where))


class LocalEngine:
    """A causal language model of transformers from a folder; nothing is fetched, no code runs.

    Args:
        folder: as ``save_pretrained`` writes it: config, tokenizer, safetensors weights.

    Raises:
        ModelMissing: the folder is missing or holds no such model.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "config.json").is_file():
            raise ModelMissing(
                f"--llm needs a folder of model weights with a config.json, or a URL; {folder} is "
                "neither"
            )
        from transformers import AutoModelForCausalLM, AutoTokenizer

        only_here = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, **only_here)
            self._model: Any = AutoModelForCausalLM.from_pretrained(
                folder, use_safetensors=True, **only_here
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(f"{folder} holds no usable language model: {error}") from error
        self._model.eval()
        self.name = folder.resolve().name
        self.identity = f"local {weights_stamp(folder)}"

    def complete(self, system: str, user: str) -> str:
        """The most likely answer (greedy), so that the same prompt gives the same words."""
        import torch

        ids = self._tokenizer(
            self._prompt(system, user),
            return_tensors="pt",
            truncation=True,
            max_length=self._room(),
            add_special_tokens=self._tokenizer.chat_template is None,
        )
        with torch.inference_mode():
            output = self._model.generate(
                **ids,
                max_new_tokens=_NEW_TOKENS,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
            )
        made = output[0, ids["input_ids"].shape[1] :]
        return str(self._tokenizer.decode(made, skip_special_tokens=True))

    def _prompt(self, system: str, user: str) -> str:
        if self._tokenizer.chat_template is None:
            return f"{system}\n\n{user}\n\n"
        talk = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return str(
            self._tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        )

    def _room(self) -> int:
        """Tokens of the prompt that the model has places for beside its answer."""
        places = int(getattr(self._model.config, "max_position_embeddings", 0) or 0)
        room = places - _NEW_TOKENS if places else _PROMPT_TOKENS
        return max(64, min(_PROMPT_TOKENS, room))


class EndpointEngine:
    """A server that speaks the chat completions protocol of OpenAI."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.name = endpoint.model
        self.identity = f"endpoint {endpoint.url} {self.name}"

    def complete(self, system: str, user: str) -> str:
        """The answer; tries again where the server is busy or the line fails."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        reply = self._endpoint.post(
            "chat/completions",
            {"temperature": 0, "max_tokens": _NEW_TOKENS, "messages": messages},
        )
        try:
            text = reply["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError) as error:
            raise EngineError("the endpoint's answer is no chat completion") from error
        if not isinstance(text, str):
            raise EngineError("the endpoint's answer holds no text")
        return text
