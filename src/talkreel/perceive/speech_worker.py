"""A process that recognises chunks: requests on its standard input, answers on its output.

Started by ``speech_pool``. It ends when its input ends, so it outlives its parent, even one that
was killed, by no more than the chunk in hand. A message is a length (4 bytes, little endian), a
JSON head of that length and, in requests, ``count`` float32 samples.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.jsonio import decode, encode
from talkreel.perceive.align import AlignedWord, Aligner
from talkreel.perceive.hear import ChunkListener, SpeechChunk
from talkreel.perceive.moonshine import Moonshine

_LENGTH = struct.Struct("<I")


def write_message(
    stream: IO[bytes], head: dict[str, Any], samples: NDArray[np.float32] | None = None
) -> None:
    """Send one message and flush."""
    if samples is not None:
        head = {**head, "count": len(samples)}
    body = json.dumps(head).encode("utf-8")
    stream.write(_LENGTH.pack(len(body)) + body)
    if samples is not None:
        stream.write(np.ascontiguousarray(samples, dtype="<f4").tobytes())
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[dict[str, Any], NDArray[np.float32]] | None:
    """The next message with its samples (none: empty), or None at the end of the stream."""
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    head = json.loads(stream.read(_LENGTH.unpack(prefix)[0]))
    samples = np.frombuffer(stream.read(4 * head.get("count", 0)), dtype="<f4")
    return head, samples.astype(np.float32, copy=False)


def serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer requests until the source ends; models load when first asked for."""
    aligner = Aligner()
    listener: ChunkListener | None = None
    while (message := read_message(source)) is not None:
        head, samples = message
        if head["task"] == "align":
            found = aligner(samples, head["words"])
            write_message(target, {"words": encode(found)})
            continue
        listener = listener or ChunkListener(Moonshine(), aligner)
        write_message(target, {"chunk": encode(listener(samples))})


def parse_chunk(answer: dict[str, Any]) -> SpeechChunk:
    """The chunk in an answer."""
    return decode(SpeechChunk, answer["chunk"])


def parse_words(answer: dict[str, Any]) -> tuple[AlignedWord, ...]:
    """The aligned words in an answer."""
    return decode(tuple[AlignedWord, ...], answer["words"])


def main() -> None:
    """Run as a worker."""
    # Ctrl-C reaches the whole group; the parent decides and closes our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not garble the answers
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
