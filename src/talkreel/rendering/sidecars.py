"""Files beside a clip: captions as SRT and WebVTT, and a cover picture."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import CaptionCue, Edit
from talkreel.core.errors import OutputError
from talkreel.core.spans import Span
from talkreel.rendering.bookends import lead_seconds


def write_srt(edit: Edit, path: Path) -> None:
    """Write the captions of ``edit`` on the clip's clock as SubRip.

    Raises:
        ValueError: the edit has no captions.
        OutputError: ``path`` cannot be written.
    """
    blocks = [
        f"{number}\n{_clock(span.start, ',')} --> {_clock(span.end, ',')}\n{cue.text}\n"
        for number, (span, cue) in enumerate(_cues(edit), start=1)
    ]
    _write(Path(path), "\n".join(blocks).encode("utf-8"))


def write_vtt(edit: Edit, path: Path) -> None:
    """Write the captions of ``edit`` on the clip's clock as WebVTT.

    Raises:
        ValueError: the edit has no captions.
        OutputError: ``path`` cannot be written.
    """
    blocks = [
        f"{_clock(span.start, '.')} --> {_clock(span.end, '.')}\n{_escaped(cue.text)}\n"
        for span, cue in _cues(edit)
    ]
    _write(Path(path), "\n".join(["WEBVTT\n", *blocks]).encode("utf-8"))


def write_picture(picture: NDArray[np.uint8], path: Path) -> None:
    """Write an [H, W, 3] RGB picture as JPEG.

    Raises:
        OutputError: ``path`` cannot be written.
    """
    from PIL import Image

    jpeg = io.BytesIO()
    Image.fromarray(picture).save(jpeg, "JPEG", quality=90, optimize=True)
    _write(Path(path), jpeg.getvalue())


def _cues(edit: Edit) -> Iterator[tuple[Span, CaptionCue]]:
    """What is shown and when, clip clock; without what is cut away."""
    if edit.captions is None:
        raise ValueError(f"the edit {edit.id!r} has no captions to write")
    for cue in edit.captions.cues:
        span = edit.time_map.span_to_clip(cue.span)
        if span is not None:
            yield span.shift(lead_seconds(edit)), cue


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
            part = Path(file.name)
            try:
                file.write(data)
                file.flush()
                os.chmod(part, 0o644)
                os.replace(part, path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
