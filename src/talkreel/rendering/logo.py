"""A logo over the whole clip: scaled once, laid over every frame."""

from __future__ import annotations

from pathlib import Path

from talkreel.core.craft import Asset
from talkreel.core.digests import file_sha256
from talkreel.core.edits import Canvas
from talkreel.core.errors import RenderError
from talkreel.core.graphics import Logo
from talkreel.rendering.pixels import Pixels

LOGO_NAME = "logo.png"


def check_asset(asset: Asset, what: str) -> Path:
    """The file of ``asset``.

    Raises:
        RenderError: it is gone or was changed since the edit was made.
    """
    path = Path(asset.path)
    if not path.is_file():
        raise RenderError(f"the {what} {path} is gone: put it back or take it out of the edit")
    if file_sha256(path) != asset.digest:
        raise RenderError(f"the {what} {path} was changed since the edit was made: make it anew")
    return path


def logo_input(logo: Logo, canvas: Canvas, folder: Path) -> list[str]:
    """Arguments that open the logo, cut to its pixels in ``folder``.

    Raises:
        RenderError: the file is gone, was changed, or is no picture.
    """
    from PIL import Image, UnidentifiedImageError

    path = check_asset(logo.asset, "logo")
    _, _, width, height = _pixels(logo, canvas)
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGBA").resize((width, height), Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError) as error:
        raise RenderError(f"the logo {path} is no picture that can be read: {error}") from error
    alpha = image.getchannel("A").point(lambda value: round(value * logo.opacity))
    image.putalpha(alpha)
    image.save(folder / LOGO_NAME)
    return ["-f", "image2", "-i", LOGO_NAME]


def logo_chain(
    logo: Logo, canvas: Canvas, pixels: Pixels, number: int, before: str, after: str
) -> str:
    """The filters from ``[before]`` to ``[after]`` with input ``number`` on it."""
    left, top, _, _ = _pixels(logo, canvas)
    return (
        f"[{number}:v]format=rgba,scale=out_color_matrix=bt709:out_range=tv,format=yuva444p"
        f"[mark];\n[{before}][mark]overlay={left}:{top}:format={pixels.overlaid}"
        f":eof_action=repeat[{after}]"
    )


def _pixels(logo: Logo, canvas: Canvas) -> tuple[int, int, int, int]:
    """Left, top, width, height; left and top even, where 4:2:0 luma and chroma agree."""
    x0, y0, x1, y1 = logo.box
    left, top = 2 * round(x0 * canvas.width / 2), 2 * round(y0 * canvas.height / 2)
    width = max(1, round((x1 - x0) * canvas.width))
    height = max(1, round((y1 - y0) * canvas.height))
    return left, top, width, height
