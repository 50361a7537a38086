"""The options of ``talkreel clip`` for sound, pictures, words and delivery."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from talkreel.core.craft import Placement
from talkreel.core.errors import InputError
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.store.stock import SERVICES

_IMAGINE = "imagine"


def add_craft(parser: argparse.ArgumentParser) -> None:
    """Add the options to ``parser``."""
    group = parser.add_argument_group("craft", "beyond a correct clip; each is off unless given")
    group.add_argument(
        "--enhance", metavar="WHAT", default="", help="voice, picture, or both with a comma"
    )
    group.add_argument(
        "--upscale",
        metavar="FILE",
        help="with --enhance picture: network (.safetensors) to enlarge the picture by",
    )
    group.add_argument(
        "--tighten", action="store_true", help="cut long pauses, fillers and false starts"
    )
    group.add_argument("--music", metavar="DIR", help="lay music of this folder under the speech")
    group.add_argument("--brand", metavar="DIR", help="fonts, colours, logo, intro and outro")
    _add_broll(group)
    group.add_argument("--title-card", action="store_true", help="the hook line on the first 2 s")
    group.add_argument("--censor", action="store_true", help="mask profanity in sound and text")
    group.add_argument("--emoji", action="store_true", help="emoji in the captions")
    group.add_argument(
        "--emphasis", action="store_true", help="colour the words that carry the point"
    )
    group.add_argument(
        "--platform", metavar="NAME", default="", help="keep free what this platform draws over"
    )
    group.add_argument(
        "--speaker-colours", action="store_true", help="a caption colour for each speaker"
    )
    group.add_argument(
        "--cover", metavar="KIND", default="plain", help="plain (default), or title: set on it"
    )
    group.add_argument(
        "--export", metavar="NAMES", default="", help="delivery presets and editor formats"
    )
    _add_engines(group)


def _add_broll(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--broll",
        metavar="WHAT",
        help="show pictures over the speech: a folder, pexels, pixabay, imagine (have them drawn), "
        "or suggest (list moments)",
    )
    group.add_argument(
        "--broll-suggest", action="store_true", help="only list what --broll would show"
    )
    group.add_argument(
        "--broll-place", metavar="PLACE", default="full", help="full (default), split or inset"
    )
    group.add_argument(
        "--broll-model",
        metavar="DIR",
        help="choose from a --broll folder by what its pictures show, with this model like CLIP",
    )
    group.add_argument(
        "--image-engine",
        metavar="PATH|URL",
        help="what draws for --broll imagine: a folder of diffusers weights, or an endpoint",
    )
    group.add_argument("--image-model", metavar="NAME", help="the model's name at an endpoint")


def _add_engines(group: argparse._ArgumentGroup) -> None:
    """Models of the user's own."""
    group.add_argument(
        "--llm",
        metavar="PATH|URL",
        help="language model that may propose titles: a folder of weights, or an endpoint",
    )
    group.add_argument("--llm-model", metavar="NAME", help="the model's name at an endpoint")
    group.add_argument(
        "--voice-over",
        metavar="ENGINE",
        help="have the hook line said before the clip: espeak-ng, or a folder of VITS weights",
    )
    group.add_argument(
        "--translate-model", metavar="DIR", help="translate the captions by this model"
    )
    group.add_argument("--translate-to", metavar="LANG", default="", help="its target language")


def craft_options(arguments: argparse.Namespace) -> CraftOptions:
    """What ``add_craft`` read.

    Raises:
        InputError: a value that cannot be used.
    """
    return CraftOptions(
        enhance=_names(arguments.enhance),
        upscale=_folder(arguments.upscale),
        tighten=arguments.tighten,
        music=_folder(arguments.music),
        brand=_folder(arguments.brand),
        **_broll(arguments),
        title_card=arguments.title_card,
        censor=arguments.censor,
        emoji=arguments.emoji,
        speaker_colours=arguments.speaker_colours,
        emphasis=arguments.emphasis,
        platform=arguments.platform,
        translate_model=_folder(arguments.translate_model),
        translate_to=arguments.translate_to,
        voice_over=arguments.voice_over,
        cover=arguments.cover,
        llm=arguments.llm,
        llm_model=arguments.llm_model,
        exports=_names(arguments.export),
    )


def _broll(arguments: argparse.Namespace) -> dict[str, Any]:
    places = [place.value for place in Placement]
    if arguments.broll_place not in places:
        raise InputError(
            f"--broll-place is one of {', '.join(places)}, got {arguments.broll_place!r}"
        )
    what = arguments.broll
    if arguments.broll_suggest and what is None:
        raise InputError("--broll-suggest lists what --broll would show: give --broll too")
    if (what == _IMAGINE) != (arguments.image_engine is not None):
        raise InputError("--broll imagine and --image-engine PATH|URL go together: give both")
    stock = what if what in SERVICES else None
    return {
        "broll": None if stock or what in (None, "suggest", _IMAGINE) else Path(what),
        "broll_stock": stock,
        "broll_model": _folder(arguments.broll_model),
        "image_engine": arguments.image_engine,
        "image_model": arguments.image_model,
        "broll_suggest": arguments.broll_suggest or what == "suggest",
        "broll_place": Placement(arguments.broll_place),
    }


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _folder(text: str | None) -> Path | None:
    return Path(text) if text else None
