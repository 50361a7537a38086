"""``--voice-over``: an engine of the user's own says the hook line before the clip begins."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from talkreel.core.craft import Asset
from talkreel.core.edits import Edit
from talkreel.core.errors import EngineError
from talkreel.core.graphics import Bookend
from talkreel.models.narrator import Narrator
from talkreel.pipeline.cover import bare_picture, measure_picture, titled_picture
from talkreel.pipeline.engines import narrator
from talkreel.pipeline.graphics import hook_line
from talkreel.pipeline.work import Work, noted
from talkreel.rendering.spoken_intro import write_spoken_intro
from talkreel.store.cache import default_root
from talkreel.store.library import file_digest

FEATURE = "voice over"


def speak_hook(work: Work, edit: Edit) -> Edit:
    """``edit`` with its hook line spoken over its first picture, before it plays."""
    engine = work.options.voice_over
    assert engine is not None
    if edit.graphics.intro is not None:
        return noted(
            edit, FEATURE, "left out: the brand's intro comes before the clip", applied=False
        )
    picture = bare_picture(edit, work.job.media, 0.0)
    if picture is None:
        why = "left out: the clip has no picture that could be shown meanwhile"
        return noted(edit, FEATURE, why, applied=False)
    line = hook_line(work, edit)
    voice = narrator(engine)
    try:
        intro = _intro(voice, line, edit, picture)
    except EngineError as error:
        return noted(edit, FEATURE, f"left out: {error}", applied=False)
    seconds = float(intro.frames / edit.canvas.frame_rate)
    text = f"{voice.name} says “{line}” over the first picture, {seconds:.1f} s before the clip"
    graphics = replace(edit.graphics, intro=intro)
    return noted(replace(edit, graphics=graphics), FEATURE, text, applied=True)


def _intro(voice: Narrator, line: str, edit: Edit, picture: NDArray[np.uint8]) -> Bookend:
    """The line, said and written over ``picture``, as a file that stays for later renders."""
    spoken = voice.speak(line)
    wav = spoken.wav()
    titled = titled_picture(edit, picture, line, measure_picture(edit, picture))
    made = hashlib.sha256(wav + titled.tobytes() + str(edit.canvas).encode()).hexdigest()[:16]
    path = default_root() / "made" / f"spoken-{made}.mov"
    frames = write_spoken_intro(titled, wav, len(spoken.samples) / spoken.rate, edit.canvas, path)
    asset = Asset(
        str(path),
        file_digest(path),
        attribution=f"spoken by {voice.name}",
        made_by=voice.name,
    )
    return Bookend(asset, frames)
