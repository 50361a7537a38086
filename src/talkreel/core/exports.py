"""What was made beside a clip, read back from each file."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.spans import Span

SCHEMA = "exports/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourError:
    """How far a tone-mapped file is from the same tone map computed without tables or coding.

    Attributes:
        mean: CIEDE2000 over the pictures looked at.
        p95: below this lie 95 % of it.
        pictures: how many were looked at.
    """

    mean: float
    p95: float
    pictures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """One file beside a clip.

    Attributes:
        name: the preset or format.
        file: its name.
        sha256: of its bytes.
        source: address of the page that states what the place takes; empty for editor formats.
        codec: of the picture; empty without one.
        pixel_format: likewise.
        colour: ``sdr``, ``hdr10`` or ``hlg``.
        width: pixels; 0 without a picture.
        height: likewise.
        frame_rate: as a fraction.
        frames: pictures.
        duration: seconds.
        size_bytes: of the file.
        kbps: of the whole file.
        integrated_lufs: EBU R128; None when silent.
        true_peak_dbtp: likewise.
        problems: where it is not what the place takes; empty when it conforms.
        warnings: one line each.
        colour_error: of a tone-mapped file, or None.
    """

    name: str
    file: str
    sha256: str
    source: str = ""
    codec: str = ""
    pixel_format: str = ""
    colour: str = ""
    width: int = 0
    height: int = 0
    frame_rate: str = "0/1"
    frames: int = 0
    duration: float = 0.0
    size_bytes: int = 0
    kbps: float = 0.0
    integrated_lufs: float | None = None
    true_peak_dbtp: float | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    colour_error: ColourError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """All files beside one clip.

    Attributes:
        edit_id: of the clip's edit.
        media_digest: sha256 of the source.
        spans: what is played, source clock.
        files: in the order they were asked for.
    """

    edit_id: str
    media_digest: str
    spans: tuple[Span, ...]
    files: tuple[ExportFile, ...]
