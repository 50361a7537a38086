"""What a job asks for beyond a correct clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from talkreel.core.craft import Placement
from talkreel.core.errors import InputError
from talkreel.edit.safe_area import PLATFORMS
from talkreel.pipeline.export_names import check_exports
from talkreel.store.stock import key_of

ENHANCEMENTS = ("voice", "picture")
COVERS = ("plain", "title")
# Those that need nothing but the source, so that a server can do them for anybody.
PORTABLE = (
    *("enhance", "tighten", "title_card", "censor", "emoji", "speaker_colours", "emphasis"),
    "platform",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CraftOptions:
    """Features of ``talkreel clip`` that are off unless asked for.

    Attributes:
        enhance: which of ``ENHANCEMENTS``.
        upscale: weights of a network that enlarges the picture (with ``picture``), or None.
        tighten: whether long pauses, fillers and false starts go.
        music: folder of music to lay under the speech, or None.
        brand: folder of a brand kit, or None.
        broll: folder of pictures and videos to show over the speech, or None.
        broll_stock: stock library to search instead, one of ``SERVICES``, or None.
        broll_model: folder of a model like CLIP that looks at the pictures of ``broll``, or None.
        image_engine: folder of ``diffusers`` weights, or URL of an endpoint, that draws pictures
            for b-roll instead; or None.
        image_model: the model's name at an endpoint.
        broll_suggest: whether b-roll is only listed.
        broll_place: where it goes.
        title_card: whether the hook line stands on the first two seconds.
        censor: whether profanity is masked, in sound and text.
        emoji: whether captions carry emoji.
        speaker_colours: whether each speaker's words have a colour of their own.
        emphasis: whether the words that carry the point stand out in the captions.
        cover: one of ``COVERS``.
        platform: where the clips will be shown, one of ``PLATFORMS``; empty for anywhere.
        llm: folder of a language model, or URL of an endpoint, that may propose words; or None.
        llm_model: the model's name at an endpoint.
        translate_model: folder of a translation model for the captions, or None.
        translate_to: language that it translates to, as the model names it.
        voice_over: ``espeak-ng`` or a folder of VITS weights that says the hook line before the
            clip, or None.
        exports: names of delivery presets and editor formats made beside the clip.

    Raises:
        InputError: a value that cannot be used, with what is allowed.
    """

    enhance: tuple[str, ...] = ()
    upscale: Path | None = None
    tighten: bool = False
    music: Path | None = None
    brand: Path | None = None
    broll: Path | None = None
    broll_stock: str | None = None
    broll_model: Path | None = None
    image_engine: str | None = None
    image_model: str | None = None
    broll_suggest: bool = False
    broll_place: Placement = Placement.FULL
    title_card: bool = False
    censor: bool = False
    emoji: bool = False
    speaker_colours: bool = False
    emphasis: bool = False
    platform: str = ""
    translate_model: Path | None = None
    translate_to: str = ""
    voice_over: str | None = None
    cover: str = "plain"
    llm: str | None = None
    llm_model: str | None = None
    exports: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.enhance:
            if name not in ENHANCEMENTS:
                known = ", ".join(ENHANCEMENTS)
                raise InputError(f"--enhance takes {known}, got {name!r}")
        if self.upscale is not None and "picture" not in self.enhance:
            raise InputError("--upscale is a manner of --enhance picture: give that too")
        if self.cover not in COVERS:
            raise InputError(f"--cover is one of {', '.join(COVERS)}, got {self.cover!r}")
        if (self.translate_model is None) != (not self.translate_to):
            raise InputError("--translate-model DIR and --translate-to LANG go together: give both")
        if self.platform and self.platform not in PLATFORMS:
            known = ", ".join(PLATFORMS)
            raise InputError(f"--platform is one of {known}, got {self.platform!r}")
        for option, folder in (
            ("--music", self.music),
            ("--brand", self.brand),
            ("--broll", self.broll),
            ("--broll-model", self.broll_model),
            ("--translate-model", self.translate_model),
        ):
            if folder is not None and not folder.is_dir():
                raise InputError(f"{option} needs a folder, and {folder} is none")
        check_exports(self.exports)
        if sum(x is not None for x in (self.broll, self.broll_stock, self.image_engine)) > 1:
            raise InputError("b-roll comes from a folder, a stock library or an engine: name one")
        if self.broll_model is not None and self.broll is None:
            raise InputError(
                "--broll-model looks at the pictures of a folder: give --broll DIR too"
            )
        if self.broll_stock is not None:
            key_of(self.broll_stock)
