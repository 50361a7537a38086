"""Reading of a channel's own figures, as YouTube Studio exports them."""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from talkreel.core.errors import InputError

# Any of these, after lower case and plain spaces; the first that a header contains wins.
_HEADERS: dict[str, tuple[str, ...]] = {
    "title": ("video title", "title", "video name"),
    "ctr": ("click through rate", "ctr"),
    "impressions": ("impressions",),
    "viewed": ("percentage viewed", "percent viewed", "average viewed", "avg viewed"),
    "published": ("publish", "date"),
}
_DATES = ("%b %d, %Y", "%d-%b-%y", "%d-%b-%Y", "%Y-%m-%d", "%d %b %Y", "%B %d, %Y", "%d.%m.%Y")
_ENCODINGS = ("utf-8-sig", "cp1252")
_MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Video:
    """One video of a channel.

    Attributes:
        title: as published.
        impressions: how often its thumbnail was shown; NaN when not known.
        ctr: share of impressions that were clicked, 0..1.
        viewed: mean share of it that was watched, >= 0 (above 1 when rewatched); NaN if unknown.
        published: when; None if unknown.
    """

    title: str
    impressions: float
    ctr: float
    viewed: float
    published: datetime.date | None


@dataclass(frozen=True, slots=True)
class ChannelExport:
    """A channel's videos, oldest first when every one has a date, else in the order of the file.

    Attributes:
        videos: those with a title and a click-through rate.
        skipped: rows without one of them, totals included.
        dated: whether every video has a date.
    """

    videos: tuple[Video, ...]
    skipped: int
    dated: bool


def read_export(path: Path) -> ChannelExport:
    """Read a CSV with at least a title and a click-through rate per video.

    Headers may be worded and ordered in any usual way; percent signs, thousands separators, soft
    hyphens and a row of totals do no harm.

    Raises:
        InputError: no such file, not a table, a column is missing, or no row has figures.
    """
    lines = _decoded(path).splitlines()
    if not lines:
        raise InputError(f"{path} is empty: export the table of all videos as CSV")
    separator = max(",;\t", key=lines[0].count)
    try:
        header, *rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, strict=True)
    except csv.Error as error:
        raise InputError(f"{path} is no CSV table: {error}") from error
    columns = _columns(path, header)
    cells = [
        {name: row[at] if at < len(row) else "" for name, at in columns.items()} for row in rows
    ]
    scale = {name: _scale(header[columns[name]], cells, name) for name in columns}
    videos = [video for row in cells if (video := _video(row, scale)) is not None]
    if not videos:
        raise InputError(f"{path} has no row with a title and a click-through rate")
    dated = all(video.published is not None for video in videos)
    if dated:
        videos.sort(key=lambda video: video.published or datetime.date.min)
    return ChannelExport(tuple(videos), len(rows) - len(videos), dated)


def _decoded(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} has more than {_MAX_BYTES // 10**6} MB: no export of videos")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if b"\0" in data:
        raise InputError(f"{path} is no CSV table: it holds binary data; export it as CSV")
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Place of each column; the optional ones may be missing."""
    plain = [_plain(name) for name in header]
    found: dict[str, int] = {}
    for name, words in _HEADERS.items():
        free = [at for at in range(len(plain)) if at not in found.values()]
        exact = [at for word in words for at in free if plain[at] == word]
        inside = [at for word in words for at in free if word in plain[at]]
        if exact or inside:
            found[name] = (exact or inside)[0]
    for name, wanted in (("title", "video title"), ("ctr", "impressions click-through rate (%)")):
        if name not in found:
            got = ", ".join(repr(text.strip()) for text in header[:12])
            raise InputError(f"{path} has no column like {wanted!r}; its columns are {got}")
    return found


def _plain(text: str) -> str:
    return re.sub(r"[^a-z]+", " ", text.replace("\u00ad", "").lower()).strip()


def _scale(header: str, cells: Sequence[dict[str, str]], name: str) -> float:
    """.01 where a share is written in percent."""
    if name not in ("ctr", "viewed"):
        return 1.0
    values = [value for row in cells if math.isfinite(value := _number(row[name]))]
    percent = "%" in header or any("%" in row[name] for row in cells)
    return 0.01 if percent or max(values, default=0.0) > (1.0 if name == "ctr" else 3.0) else 1.0


def _video(row: dict[str, str], scale: dict[str, float]) -> Video | None:
    title = row["title"].strip()
    ctr = _number(row["ctr"]) * scale["ctr"]
    if not title or not 0 <= ctr <= 1:
        return None
    return Video(
        title,
        _number(row.get("impressions", "")),
        ctr,
        _number(row.get("viewed", "")) * scale.get("viewed", 1.0),
        _date(row.get("published", "")),
    )


def _number(text: str) -> float:
    """NaN for what is no number; ``1,234.5``, ``1.234,5`` and ``4,35 %`` are numbers."""
    text = re.sub(r"[\s%\u00a0\u202f]", "", text)
    if "," in text and ("." not in text or text.rfind(",") > text.rfind(".")):
        whole, _, rest = text.rpartition(",")
        thousands = len(rest) == 3 and "." not in text
        text = whole.replace(",", "") + rest if thousands else f"{whole.replace('.', '')}.{rest}"
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _date(text: str) -> datetime.date | None:
    for form in _DATES:
        try:
            return datetime.datetime.strptime(text.strip()[:20], form).date()
        except ValueError:
            continue
    return None
