"""Pictures for b-roll that an engine of the user's own draws from what is said."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from talkreel.core.edits import Canvas
from talkreel.core.jsonio import write_bytes
from talkreel.edit.broll import Moment
from talkreel.models.imagery import ImageEngine
from talkreel.store.cache import default_root
from talkreel.store.library import Listed

# Most engines were taught pictures of about this size.
_LONG_SIDE = 1024
_STEP = 64
_WORDS = "A photograph, without any lettering, of what this sentence speaks of: {}"


def draw_moment(engine: ImageEngine, moment: Moment, canvas: Canvas) -> Listed:
    """A picture of what is said at ``moment``; the one drawn before where there is one.

    Raises:
        EngineError: no picture came.
        OutputError: it cannot be kept.
    """
    from PIL import Image

    width, height = _size(canvas)
    words = _WORDS.format(moment.text)
    key = f"{engine.identity}|{words}|{width}x{height}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = _folder() / f"drawn-{name}.png"
    if not path.is_file():
        picture = engine.draw(words, width, height, seed=0)
        png = io.BytesIO()
        Image.fromarray(picture).save(png, "PNG")
        write_bytes(path, png.getvalue())
    return Listed(path, moment.text, attribution=f"drawn by {engine.name}", made_by=engine.name)


def _folder() -> Path:
    return default_root() / "made"


def _size(canvas: Canvas) -> tuple[int, int]:
    """Sides of the canvas' shape, as engines take them."""
    scale = _LONG_SIDE / max(canvas.width, canvas.height)
    return _side(canvas.width * scale), _side(canvas.height * scale)


def _side(pixels: float) -> int:
    return max(_STEP, _STEP * round(pixels / _STEP))
