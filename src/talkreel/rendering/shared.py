"""Variants of one clip rendered together: frames that several of them show are made once.

The kept spans of all variants are cut at each other's edges. A piece that looks the same in two
variants (same source frames, layout, captions) is decoded, laid out and encoded once, and
their pictures are joined from the pieces without encoding again. The sound, a small part of the
work and levelled over each whole variant, is made for each.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from talkreel.core.edits import AudioChain, Captions, Edit, LayoutKind
from talkreel.core.jsonio import encode
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.rendering.encoders import file_options, movie_options, picture_container
from talkreel.rendering.enlarge import Enlarged
from talkreel.rendering.render import Delivered, render, render_picture

# What does not show in a piece of the picture, or is cut to it.
_APART = frozenset(
    (
        *("id", "title", "media_uri", "media_digest", "kept", "canvas", "layouts"),
        *("captions", "audio", "encoding", "cover", "notes"),
    )
)
_GRID = 1e-3  # frames by which an edge may lie off another variant's frames
# Every piece costs an opening of the source: at 10 % saved, two variants took 1.18 times the
# processor time of one after the other, at 36 % .88.
_LEAST_SAVED = 0.2
_JOIN_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Together:
    """Rendered variants.

    Attributes:
        clips: in the order of the edits.
        frames: of all clips together.
        encoded: frames that were encoded for them.
    """

    clips: tuple[Delivered, ...]
    frames: int
    encoded: int

    @property
    def shared(self) -> float:
        """Share of the frames that were saved."""
        return 1 - self.encoded / max(self.frames, 1)


def render_together(
    edits: Sequence[Edit],
    media: Media,
    outs: Sequence[Path],
    *,
    progress: Progress = silent,
    enlarge: Callable[[Edit], Enlarged | None] = lambda edit: None,
) -> Together:
    """Render ``edits`` of one source to ``outs``, making what they share once.

    An edit with parts that depend on the clip as a whole (cards, a logo, b-roll, a waveform) is
    rendered by itself, and so are all where little is shared; ``enlarge`` makes the frames of one
    that wants them from a network.

    Raises:
        ValueError: as many outs as edits are needed.
        RenderError: another source, ffmpeg failed, or a file did not verify.
        OutputError: an ``out`` cannot be written.
    """
    if len(edits) != len(outs):
        raise ValueError(f"{len(edits)} edits need as many outs, got {len(outs)}")
    # Rounded, so that the same frame reached from two starts is one edge.
    edges = sorted(
        {round(t, 6) for edit in edits for span in edit.kept for t in (span.start, span.end)}
    )
    pieces = [_pieces(edit, edges) if _divisible(edit) else [] for edit in edits]
    wanted = {_key(piece): piece for parts in pieces for piece in parts}
    if _saved(pieces, wanted.values()) < _LEAST_SAVED:
        pieces, wanted = [[] for _ in edits], {}
    steps = len(wanted) + len(edits)
    with tempfile.TemporaryDirectory(dir=outs[0].parent, prefix=".part-") as name:
        folder = Path(name)
        files: dict[str, Path] = {}
        for number, (key, piece) in enumerate(wanted.items()):
            files[key] = folder / f"piece{number}.{picture_container(piece.encoding.delivery)}"
            render_picture(piece, media, files[key])
            progress((number + 1) / steps)
        clips: list[Delivered] = []
        made: dict[str, Delivered] = {}
        for number, (edit, out, parts) in enumerate(zip(edits, outs, pieces, strict=True)):
            key = _key(replace(edit, id="", title="", cover=None, notes=()))
            if parts and key in made:  # another title alone changes no frame and no sound
                shutil.copyfile(made[key].path, out)
                clips.append(replace(made[key], path=out))
            else:
                picture = _joined([files[_key(p)] for p in parts], edit, folder) if parts else None
                clips.append(render(edit, media, out, picture=picture, enlarged=enlarge(edit)))
            made.setdefault(key, clips[-1])
            progress((len(wanted) + number + 1) / steps)
    alone = sum(_frames(edit) for edit, parts in zip(edits, pieces, strict=True) if not parts)
    encoded = alone + sum(_frames(piece) for piece in wanted.values())
    return Together(tuple(clips), sum(_frames(edit) for edit in edits), encoded)


def _saved(pieces: Sequence[Sequence[Edit]], wanted: Iterable[Edit]) -> float:
    """Share of the frames in ``pieces`` that are made for several of them."""
    frames = sum(_frames(piece) for parts in pieces for piece in parts)
    return 1 - sum(_frames(piece) for piece in wanted) / max(frames, 1)


def _divisible(edit: Edit) -> bool:
    """Whether the picture of a piece is the same by itself as within the clip."""
    usual = Edit(
        id="", title="", media_uri="", media_digest="", kept=edit.kept, canvas=edit.canvas,
        layouts=edit.layouts,
    )  # fmt: skip
    plain = all(
        getattr(edit, field.name) == getattr(usual, field.name)
        for field in fields(edit)
        if field.name not in _APART
    )
    drawn = any(layout.kind is LayoutKind.WAVEFORM for layout in edit.layouts)
    return plain and not drawn and edit.encoding.delivery == type(edit.encoding.delivery)()


def _pieces(edit: Edit, edges: Sequence[float]) -> list[Edit]:
    rate = float(edit.canvas.frame_rate)
    spans = []
    for span in edit.kept:
        inside = [t for t in edges if span.start + 0.5 / rate < t < span.end - 0.5 / rate]
        starts = [span.start]
        for time in inside:
            frames = (time - span.start) * rate
            if abs(frames - round(frames)) < _GRID:
                starts.append(time)
        spans += [Span(a, b) for a, b in zip(starts, [*starts[1:], span.end], strict=True)]
    return [_piece(edit, span) for span in spans]


def _piece(edit: Edit, span: Span) -> Edit:
    """The edit of a part of the picture; whatever does not show in it is left out."""
    cues = edit.captions.cues if edit.captions else ()
    shown = tuple(cue for cue in cues if cue.span.overlap(span) > 0)
    return replace(
        edit,
        id="piece",
        title="",
        kept=(span,),
        layouts=tuple(x for x in edit.layouts if x.span.overlap(span) > 0),
        captions=Captions(edit.captions.style, shown) if edit.captions and shown else None,
        audio=AudioChain() if edit.audio else None,
        cover=None,
        notes=(),
    )


def _key(piece: Edit) -> str:
    return json.dumps(encode(piece), sort_keys=True)


def _frames(edit: Edit) -> int:
    return round(edit.time_map.duration * float(edit.canvas.frame_rate))


def _joined(files: Sequence[Path], edit: Edit, folder: Path) -> Path:
    """The pieces of one variant one after the other, not encoded again."""
    if len(files) == 1:
        return files[0]
    container = picture_container(edit.encoding.delivery)
    (folder / "list.txt").write_text("".join(f"file {file.name}\n" for file in files))
    arguments = ["-f", "concat", "-i", "list.txt", "-c", "copy", *movie_options(edit)]
    run_ffmpeg(
        [*arguments, *file_options(container), f"joined.{container}"],
        timeout_seconds=_JOIN_TIMEOUT_SECONDS,
        cwd=folder,
    )
    return folder / f"joined.{container}"
