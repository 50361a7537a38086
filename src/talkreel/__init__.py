"""talkreel: long talking videos in, ranked, reframed, captioned clips out.

Three calls do what the command does; everything heavy is imported inside them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkreel.core.analysis import Analysis
    from talkreel.core.clips import ClipSet, Measured
    from talkreel.core.edits import Edit
    from talkreel.pipeline.options import ClipOptions
    from talkreel.pipeline.progress import Watcher

__version__ = "0.1.0"

# ONNX Runtime since 1.29 reports to its maker unless this is set before it is first imported, and
# only this stops it whole (microsoft/onnxruntime#27379). Whoever wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def clip(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    options: ClipOptions | None = None,
    *,
    watcher: Watcher | None = None,
) -> ClipSet:
    """Make ranked clips of ``source`` in the folder ``out``.

    Args:
        source: video or audio file.
        out: folder; see the README for what appears in it.
        options: ``talkreel.pipeline.options.ClipOptions``; the defaults are the command's.
        watcher: called with progress events.

    Raises:
        talkreel.core.errors.InputError: the media or an option cannot be used.
        talkreel.core.errors.NothingToClip: nothing is worth a clip, with why.
    """
    from pathlib import Path

    from talkreel.pipeline.clip import make_clips
    from talkreel.pipeline.progress import unwatched

    return make_clips(Path(source), Path(out), options, watcher=watcher or unwatched)


def analyze(
    source: str | os.PathLike[str],
    options: ClipOptions | None = None,
    *,
    watcher: Watcher | None = None,
) -> Analysis:
    """Perceive ``source``: words, shots, sound, and faces in what would become clips.

    Raises:
        talkreel.core.errors.InputError: the media or an option cannot be used.
    """
    from pathlib import Path

    from talkreel.pipeline.clip import analyze_media
    from talkreel.pipeline.progress import unwatched

    return analyze_media(Path(source), options, watcher=watcher or unwatched)


def render(edit: Edit, out: str | os.PathLike[str], *, watcher: Watcher | None = None) -> Measured:
    """Render ``edit`` to the mp4 ``out``, with its cover and caption files beside it.

    Raises:
        talkreel.core.errors.InputError: the source is gone or has changed.
        talkreel.core.errors.RenderError: ffmpeg failed or the file did not verify.
    """
    from pathlib import Path

    from talkreel.pipeline.progress import unwatched
    from talkreel.pipeline.rerender import render_to

    return render_to(edit, Path(out), watcher=watcher or unwatched)
