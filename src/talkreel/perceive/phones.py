"""Whether sound fits text: phones heard without knowing the text against those it should have.

A recogniser that meets another language still writes fluent text. Its phones then agree with
what a free phone recogniser hears no better than chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.perceive.align import listen, to_pcm
from talkreel.perceive.normalize import spoken_words
from talkreel.perceive.pronounce import guess
from talkreel.perceive.word_errors import edit_distance

# Narrow beams and a light language model over phones: speed matters more than each phone.
_BEAM = 1e-20
_LANGUAGE_WEIGHT = 2.0
_SILENCES = ("SIL", "<", "+", "[")


class PhoneListener:
    """Counts how far heard phones are from expected ones; keeps its models."""

    def __init__(self) -> None:
        self._decoder: Any = None
        self._lexicon: Any = None

    def error_rate(self, samples: NDArray[np.float32], words: Sequence[str]) -> float | None:
        """Edits per expected phone: about .6 where the words are said, .8 where they are not.

        None when nothing is to be expected.
        """
        expected = [phone for word in words for phone in self._phones(word)]
        if not expected:
            return None
        return edit_distance(expected, self._heard(samples)) / len(expected)

    def _phones(self, word: str) -> list[str]:
        if self._lexicon is None:
            from pocketsphinx import Decoder

            self._lexicon = Decoder(lm=None, loglevel="FATAL")
        lookup = self._lexicon.lookup_word
        return [
            phone
            for part in spoken_words(word)
            for phone in (lookup(part) or guess(part, lookup) or "").split()
        ]

    def _heard(self, samples: NDArray[np.float32]) -> list[str]:
        if self._decoder is None:
            from pocketsphinx import Decoder, get_model_path

            self._decoder = Decoder(
                lm=None,
                allphone=get_model_path("en-us/en-us-phone.lm.bin"),
                allphone_ci=True,
                loglevel="FATAL",
                cmn="batch",
                beam=_BEAM,
                pbeam=_BEAM,
                lw=_LANGUAGE_WEIGHT,
            )
        listen(self._decoder, to_pcm(samples))
        if self._decoder.hyp() is None:
            return []
        names = [segment.word for segment in self._decoder.seg()]
        return [name for name in names if not name.startswith(_SILENCES)]
