"""``talkreel imagine`` and ``talkreel voice-over``: engines of the user's own, on request only."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path


def add_generate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands to the parser."""
    imagine = commands.add_parser("imagine", help="draw a picture with an engine of your own")
    imagine.add_argument("words", metavar="WORDS", help="what is to be seen")
    imagine.add_argument("--engine", required=True, metavar="PATH|URL", help="diffusers or server")
    imagine.add_argument("--model", metavar="NAME", help="the model's name at an endpoint")
    imagine.add_argument("--width", type=int, default=720, metavar="PX", help="default 720")
    imagine.add_argument("--height", type=int, default=1280, metavar="PX", help="default 1280")
    imagine.add_argument("--seed", type=int, default=0, metavar="N", help="of the drawing")
    imagine.add_argument("--out", required=True, metavar="FILE.png")
    voice = commands.add_parser("voice-over", help="speak a text with an engine of your own")
    voice.add_argument("text", metavar="TEXT.txt", help="file of what is to be said")
    voice.add_argument("--engine", required=True, metavar="PATH", help="VITS folder or espeak-ng")
    voice.add_argument("--out", required=True, metavar="FILE.wav")
    for parser in (imagine, voice):
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")


def imagine(arguments: argparse.Namespace) -> int:
    """``talkreel imagine``."""
    from PIL import Image

    from talkreel.core.jsonio import write_bytes
    from talkreel.models.imagery import check_size, open_image_engine

    check_size(arguments.width, arguments.height)
    engine = open_image_engine(arguments.engine, arguments.model)
    picture = engine.draw(arguments.words, arguments.width, arguments.height, arguments.seed)
    png = io.BytesIO()
    Image.fromarray(picture).save(png, "PNG")
    write_bytes(Path(arguments.out), png.getvalue())
    return _done(arguments, {"file": arguments.out, "engine": engine.name})


def voice_over(arguments: argparse.Namespace) -> int:
    """``talkreel voice-over``."""
    from talkreel.core.errors import InputError
    from talkreel.core.jsonio import write_bytes
    from talkreel.models.narrator import check_text, open_narrator

    try:
        text = check_text(Path(arguments.text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {arguments.text} as a text: {error}") from error
    spoken = open_narrator(arguments.engine).speak(text)
    write_bytes(Path(arguments.out), spoken.wav())
    seconds = round(len(spoken.samples) / spoken.rate, 3)
    return _done(arguments, {"file": arguments.out, "seconds": seconds})


def _done(arguments: argparse.Namespace, data: dict[str, object]) -> int:
    shown = json.dumps({"schema": "made/1", **data}) if arguments.json else str(data["file"])
    sys.stdout.write(shown + "\n")
    return 0
