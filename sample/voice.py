"""Speech with exact word times from espeak-ng (the shared library, through ctypes)."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Constants of espeak-ng's speak_lib.h.
_RETRIEVAL = 1  # hand the samples to the callback, play nothing
_PHONEME_EVENTS = 1
_CHARS_UTF8, _SSML, _END_PAUSE = 1, 0x10, 0x1000
_WORD, _PHONEME = 1, 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_TAG = re.compile(r"<[^>]*>")


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("string", ctypes.c_char * 8)]


class _RawEvent(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_RawEvent)
)


@dataclass(frozen=True)
class _Event:
    kind: int
    sample: int
    character: int  # 0-based position in the SSML
    phoneme: str


@dataclass(frozen=True)
class Voice:
    """How a sentence is spoken.

    Attributes:
        name: espeak voice and variant, e.g. ``en-us+f2``.
        rate: words per minute.
        pitch: 0..99, 50 is the voice's own.
        liveliness: pitch range 0..99, 50 is the voice's own.
    """

    name: str
    rate: int = 150
    pitch: int = 50
    liveliness: int = 55


@dataclass(frozen=True)
class SpokenWord:
    """A word and its seconds from the first sample; ``exact`` is False when shared out.

    espeak-ng speaks some pairs ("of the") as one unit; their inner border is shared out by
    length of the spelling.
    """

    text: str
    start: float
    end: float
    exact: bool


@dataclass(frozen=True)
class Spoken:
    """One sentence as sound ([N] mono, -1..1) with its words."""

    samples: NDArray[np.float32]
    words: tuple[SpokenWord, ...]


class Espeak:
    """The synthesiser; one per process (espeak-ng keeps global state)."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise SystemExit("espeak-ng is not installed: apt-get install espeak-ng")
        self._library = ctypes.CDLL(name)
        self.sample_rate = int(
            self._library.espeak_Initialize(_RETRIEVAL, 200, None, _PHONEME_EVENTS)
        )
        self._chunks: list[NDArray[np.int16]] = []
        self._events: list[_Event] = []
        self._callback = _Callback(self._collect)  # kept: the library holds a bare pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, ssml: str, voice: Voice) -> Spoken:
        """Speak one sentence.

        Args:
            ssml: words and tags such as ``<emphasis>`` and ``<break time="300ms"/>``, without
                the ``<speak>`` element.
            voice: how.
        """
        if self._library.espeak_SetVoiceByName(voice.name.encode()):
            raise SystemExit(f"espeak-ng has no voice {voice.name!r}")
        settings = ((_RATE, voice.rate), (_PITCH, voice.pitch), (_RANGE, voice.liveliness))
        for parameter, value in settings:
            self._library.espeak_SetParameter(parameter, value, 0)
        self._chunks.clear()
        self._events.clear()
        document = f"<speak>{ssml}</speak>"
        data = document.encode()
        flags = _CHARS_UTF8 | _SSML | _END_PAUSE
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, flags, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._chunks).astype(np.float32) / 32768
        words = tuple(self._words(document))
        end = round(words[-1].end * self.sample_rate)
        return Spoken(samples[: end + self.sample_rate // 20], words)

    def _collect(self, wav: Any, count: int, events: Any) -> int:
        if count > 0:
            self._chunks.append(np.ctypeslib.as_array(wav, (count,)).copy())
        i = 0
        while events[i].type:
            raw = events[i]
            if raw.type in (_WORD, _PHONEME):
                phoneme = raw.id.string.decode() if raw.type == _PHONEME else ""
                self._events.append(_Event(raw.type, raw.sample, raw.text_position - 1, phoneme))
            i += 1
        return 0

    def _words(self, document: str) -> Iterator[SpokenWord]:
        tokens = _tokens(document)
        units = self._units()
        for i, (character, start, end) in enumerate(units):
            following = units[i + 1][0] if i + 1 < len(units) else len(document)
            inside = [text for text, at in tokens if character <= at < following]
            at, letters = start, sum(map(len, inside))
            for text in inside:
                upto = at + (end - start) * len(text) / letters
                yield SpokenWord(text, round(at, 4), round(upto, 4), len(inside) == 1)
                at = upto

    def _units(self) -> list[tuple[int, float, float]]:
        """(character, start, end) of each spoken unit: first to last sounding phoneme."""
        units: list[tuple[int, float, float]] = []
        character: int | None = None
        for event, following in zip(self._events, [*self._events[1:], None], strict=True):
            if event.kind == _WORD:
                character = event.character
            elif not event.phoneme.startswith("_") and following is not None:
                start, end = event.sample / self.sample_rate, following.sample / self.sample_rate
                if character is not None:
                    units.append((character, start, end))
                    character = None
                elif units:
                    units[-1] = (units[-1][0], units[-1][1], end)
        return units


def _tokens(document: str) -> list[tuple[str, int]]:
    """(word with its punctuation, position of its first character) outside tags.

    A tag is blanked by as many marks as it is long, so that positions hold; a mark inside a
    word (``</emphasis>,``) then drops out, and ``<break/>`` stands beside white space anyway.
    """
    blanked = _TAG.sub(lambda tag: "\0" * len(tag[0]), document)
    found = []
    for run in re.finditer(r"\S+", blanked):
        text = run[0].replace("\0", "")
        if text:
            found.append((text, run.start() + len(run[0]) - len(run[0].lstrip("\0"))))
    return found
