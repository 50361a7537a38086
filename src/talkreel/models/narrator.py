"""Speaking a text with an engine of the user's own: VITS weights, or the program espeak-ng."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import EngineError, InputError, ModelMissing

LONGEST_TEXT = 20_000  # characters
_TIMEOUT_SECONDS = 120.0
_PROGRAM = "espeak-ng"


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """Speech: [N] samples -1..1 at ``rate`` Hz."""

    samples: FloatArray
    rate: int

    def wav(self) -> bytes:
        """As a mono 16 bit WAV file."""
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate)
            out.writeframes((self.samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
        return buffer.getvalue()


class Narrator(Protocol):
    """Speaks."""

    name: str

    def speak(self, text: str) -> Spoken:
        """The text as speech.

        Raises:
            EngineError: no speech came, and why.
        """
        ...


def open_narrator(engine: str) -> Narrator:
    """``espeak-ng`` (by name or path), or a folder of VITS weights.

    Raises:
        ModelMissing: the program is not installed, or the folder holds no such weights.
    """
    if Path(engine).name == _PROGRAM:
        return ProgramNarrator(engine)
    return VitsNarrator(Path(engine))


def check_text(text: str) -> str:
    """``text`` without outer blanks.

    Raises:
        InputError: it is empty or too long.
    """
    plain = text.strip()
    if not plain or len(plain) > LONGEST_TEXT:
        raise InputError(
            f"a voice-over is a text of 1 to {LONGEST_TEXT} characters, got {len(plain)}"
        )
    return plain


class VitsNarrator:
    """VITS (Kim et al. 2021) of transformers from a folder, e.g. a checkpoint of MMS-TTS.

    Args:
        folder: as ``save_pretrained`` writes model and tokenizer.
        seed: of the model's own variation, so that the same text sounds the same.

    Raises:
        ModelMissing: the folder holds no such weights.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        if not (folder / "config.json").is_file():
            raise ModelMissing(
                f"a voice engine is {_PROGRAM} or a folder with VITS weights; {folder} is neither"
            )
        from transformers import AutoTokenizer, VitsModel

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            self._model: Any = VitsModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(f"{folder} holds no usable VITS model: {error}") from error
        self._model.eval()
        self._seed = seed
        self.name = folder.resolve().name

    def speak(self, text: str) -> Spoken:
        """The text as speech; the same for the same text."""
        import torch

        inputs = self._tokenizer(check_text(text), return_tensors="pt")
        if inputs["input_ids"].shape[-1] == 0:
            raise EngineError("the voice engine knows none of the text's characters")
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed(self._seed)
            wave_form = self._model(**inputs).waveform[0]
        return Spoken(wave_form.double().numpy(), int(self._model.config.sampling_rate))


class ProgramNarrator:
    """The program espeak-ng: plain, robotic, everywhere.

    Raises:
        ModelMissing: it is not installed.
    """

    def __init__(self, program: str = _PROGRAM) -> None:
        found = shutil.which(program)
        if found is None:
            raise ModelMissing(f"{program} is not installed: install it, or name VITS weights")
        self._program = found
        self.name = _PROGRAM

    def speak(self, text: str) -> Spoken:
        """The text as speech."""
        try:
            # The text goes in by the standard input: it can be no option.
            done = subprocess.run(
                [self._program, "--stdin", "--stdout"],
                input=check_text(text).encode(),
                capture_output=True,
                timeout=_TIMEOUT_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineError(f"{self._program} did not speak: {error}") from error
        return _spoken(done.stdout, self._program)


def _spoken(wav: bytes, program: str) -> Spoken:
    """What a program wrote to a pipe: the header states no length, so the rest is the sound."""
    try:
        with wave.open(io.BytesIO(wav)) as heard:
            rate = heard.getframerate()
    except (wave.Error, EOFError) as error:
        raise EngineError(f"{program} wrote no speech") from error
    begin = wav.find(b"data") + 8
    pcm = wav[begin : begin + (len(wav) - begin) // 2 * 2]
    return Spoken(np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768, rate)
