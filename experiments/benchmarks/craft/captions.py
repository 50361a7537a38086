"""Captions as drawn: when words light up, whether neighbours move, whether they can be read.

Onset, movement and place are read from the pixels of captions laid out for the words of a real
transcript and drawn by the renderer's script. Contrast is read from pixels around the letters,
drawn on frames of real videos, without and with the plate that the pipeline would add.

Run from the repository root, with a transcript (.srt or .json) of the first video:

    python -m experiments.benchmarks.craft.captions TRANSCRIPT VIDEO [VIDEO ...]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy.ndimage import distance_transform_edt

from talkreel.core.edits import Canvas, CaptionCue, Captions, CaptionStyle, CaptionWord
from talkreel.core.spans import Span, TimeMap
from talkreel.core.transcript import Word
from talkreel.edit.captions import caption_words, edge_height, lay_out
from talkreel.edit.contrast import (
    ENOUGH,
    always_readable,
    low_contrast,
    luminance,
    plated,
    ratio,
    rgb_of,
    text_colours,
)
from talkreel.edit.safe_area import safe_area
from talkreel.edit.styles import STYLES
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.fonts import find_font, gather_fonts, measure_font
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.perceive.sidecar import read_transcript
from talkreel.rendering.ass import ass_script, caption_fonts
from talkreel.rendering.ass_text import LINE_HEIGHT, Setting
from talkreel.rendering.plates import word_place
from talkreel.rendering.preview import draw_preview

CANVAS = Canvas(360, 640, Fraction(30))
SECONDS = 14.0
LOOKS = 3
WORDS = ["this", "is", "a", "caption", "that", "everybody", "ought", "to", "read"]
# Distinct from noise of 8 bit rounding and from the one step that neighbouring words differ by.
CHANGED = 12


@dataclass
class Timing:
    errors_ms: list[float]
    moved_px: int
    outside: int


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("transcript", type=Path)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--only", choices=["timing", "contrast"])
    arguments = parser.parse_args()
    if arguments.only != "contrast":
        tell_timing(arguments)
    if arguments.only != "timing":
        tell_contrast(arguments)


def tell_timing(arguments: argparse.Namespace) -> None:
    words = first_words(arguments.transcript, probe(arguments.videos[0]).duration)
    print(f"{len(words)} words, {CANVAS.frame_rate} frames/s: one frame is 33 ms\n")
    print("| style | onset median ms | onset max ms | neighbours moved px | px outside |")
    print("|---|---|---|---|---|")
    for name, style in STYLES.items():
        found = timing(style, words)
        errors = np.array(found.errors_ms)
        print(
            f"| {name} | {np.median(errors):.0f} | {errors.max():.0f} | {found.moved_px} "
            f"| {found.outside} |"
        )


def tell_contrast(arguments: argparse.Namespace) -> None:
    print(f"\n| style | {' | '.join(v.stem for v in arguments.videos)} | plates |")
    print("|---|" + "---|" * (len(arguments.videos) + 1))
    pictures = [frames_of(video) for video in arguments.videos]
    for name, style in STYLES.items():
        cells, plates = [], 0
        for shots in pictures:
            before, after, added = contrast(style, shots)
            cells.append(f"{before:.1f} → {after:.1f}" if added else f"{before:.1f}")
            plates += added
        print(f"| {name} | {' | '.join(cells)} | {plates} of {len(pictures)} |")


def first_words(path: Path, seconds: float) -> list[Word]:
    transcript = read_transcript(path, seconds)
    start = transcript.words[0].span.start
    span = Span(start, start + SECONDS)
    inside = [word for word in transcript.words if span.overlap(word.span) == word.span.duration]
    return [replace(word, span=word.span.shift(-start)) for word in inside]


def timing(style: CaptionStyle, words: list[Word]) -> Timing:
    """Onset error of each word, pixels that changed beside the words that turned, and overhang."""
    kept = (Span(0.0, SECONDS),)
    captions = lay_out(caption_words(words, kept), kept, style, CANVAS)
    assert captions is not None
    frames = drawn(captions, kept)
    setting = Setting(
        captions.style,
        measure_font(find_font(captions.style.font_file)),
        CANVAS,
        TimeMap(kept),
        len(frames),
    )
    found = Timing([], 0, outside(frames))
    for cue in captions.cues:
        one_cue(cue, frames, setting, found)
    return found


def one_cue(cue: CaptionCue, frames: NDArray[np.uint8], setting: Setting, found: Timing) -> None:
    rate = float(CANVAS.frame_rate)
    first, last = setting.frame(cue.span.start), setting.frame(cue.span.end)
    top = max(0, round((cue.top - 0.03) * CANVAS.height))
    bottom = round(cue.top * CANVAS.height + 2.6 * setting.em)
    shown = frames[first:last, top:bottom].astype(np.int16)
    words = [
        (w, box_of(cue, n, i, setting, top))
        for n, line in enumerate(cue.lines)
        for i, w in enumerate(line)
    ]
    blank = np.zeros_like(shown[:1])
    steps = np.abs(np.diff(np.concatenate([blank, shown]), axis=0)).max(axis=3)
    for number, (word, (x0, y0, x1, y1)) in enumerate(words):
        inside = (steps[:, y0:y1, x0:x1] > CHANGED).sum(axis=(1, 2)) > 3
        # The first word is lit as it appears; a later one when its own pixels turn.
        turns = np.flatnonzero(inside) + first
        turns = turns[turns >= (first if number == 0 else first + 1)]
        if len(turns):
            near = turns[np.argmin(np.abs(turns / rate - word.span.start))]
            found.errors_ms.append(abs(near / rate - word.span.start) * 1000)
    for k in range(1, len(shown)):
        changed = steps[k] > CHANGED
        if not changed.any():
            continue
        turning = words_turning(words, (first + k) / rate)
        for x0, y0, x1, y1 in turning:
            changed[y0:y1, x0:x1] = False
        found.moved_px += int(changed.sum())


def words_turning(
    words: list[tuple[CaptionWord, tuple[int, int, int, int]]], second: float
) -> list[tuple[int, int, int, int]]:
    """Boxes of the word that lights up now and of the one that goes out."""
    begun = [i for i, (word, _) in enumerate(words) if word.span.start <= second + 1e-3]
    now = begun[-1] if begun else 0
    return [words[i][1] for i in (now, now - 1) if i >= 0]


def box_of(
    cue: CaptionCue, line: int, index: int, setting: Setting, top: int
) -> tuple[int, int, int, int]:
    """Pixels, from row ``top`` on, of a word with its outline, its box and half a blank."""
    em, edge = setting.em, edge_height(setting.style) * CANVAS.height
    left, width = word_place(cue.lines[line], index, setting)
    glow = 3 * setting.style.glow * CANVAS.height
    margin = 0.13 * em + edge + glow
    x0 = CANVAS.width / 2 + left * em - margin
    y0 = cue.top * CANVAS.height - top + line * LINE_HEIGHT * em - edge - glow
    tall = LINE_HEIGHT * em + 2 * (edge + glow)
    return (
        max(0, int(x0)),
        max(0, int(y0)),
        int(np.ceil(x0 + width * em + 2 * margin)),
        int(np.ceil(y0 + tall)),
    )


def drawn(captions: Captions, kept: tuple[Span, ...]) -> NDArray[np.uint8]:
    """[N, H, W, 3] of the captions on black."""
    count = round(SECONDS * CANVAS.frame_rate)
    script = ass_script(captions, CANVAS, TimeMap(kept), count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "c.ass").write_text(script, encoding="utf-8")
        gather_fonts(folder / "fonts", caption_fonts(captions))
        size = f"{CANVAS.width}x{CANVAS.height}"
        graph = f"color=black:s={size}:r={CANVAS.frame_rate},trim=end_frame={count},format=gbrp"
        arguments = ["-f", "lavfi", "-i", f"{graph},ass=c.ass:fontsdir=fonts"]
        run_ffmpeg(
            [*arguments, "-f", "rawvideo", "-pix_fmt", "rgb24", "out.rgb"],
            timeout_seconds=300,
            cwd=folder,
        )
        raw = np.fromfile(folder / "out.rgb", dtype=np.uint8)
    return raw.reshape(count, CANVAS.height, CANVAS.width, 3)


def outside(frames: NDArray[np.uint8]) -> int:
    area = safe_area(CANVAS)
    ink = frames.max(axis=(0, 3)) > 40
    top, low = round(area.top * CANVAS.height), round(area.lowest * CANVAS.height)
    left = round(area.sides * CANVAS.width)
    ink[top:low, left : CANVAS.width - left] = False
    return int(ink.sum())


def frames_of(video: Path) -> list[NDArray[np.uint8]]:
    """Frames from all over ``video``, the middle of each on the canvas."""
    media = probe(video)
    assert media.video is not None
    seconds = np.linspace(0.05, 0.95, LOOKS) * media.duration
    with FrameReader(media, width=media.video.width) as reader:
        images = [Image.fromarray(frame.image) for frame in reader.at(seconds.tolist())]
    return [np.asarray(ImageOps.fit(i, (CANVAS.width, CANVAS.height))) for i in images]


def contrast(style: CaptionStyle, pictures: list[NDArray[np.uint8]]) -> tuple[float, float, bool]:
    """Contrast around the letters at its low end, without a plate and as delivered."""
    words = [CaptionWord(t, Span(i * 0.3, i * 0.3 + 0.28)) for i, t in enumerate(WORDS)]
    kept = (Span(0.0, 0.3 * len(words)),)

    def made(chosen: CaptionStyle) -> Captions:
        captions = lay_out(words, kept, chosen, CANVAS)
        assert captions is not None
        return captions

    plain = made(style)
    before = measured(plain, pictures)
    colours = text_colours(plain)
    if always_readable(plain.style, colours):
        return before, before, False
    cue = plain.cues[0]
    y0, y1 = (
        round(cue.top * CANVAS.height),
        round(cue.top * CANVAS.height + 2.4 * style.size * CANVAS.height),
    )
    behind = np.concatenate([p[y0:y1:3, 60:300:3].reshape(-1, 3) for p in pictures]).astype(float)
    if low_contrast(plain.style, colours, behind) >= ENOUGH:
        return before, before, False
    return before, measured(made(plated(style, colours, behind)), pictures), True


def measured(captions: Captions, pictures: list[NDArray[np.uint8]]) -> float:
    """5th percentile, over pixels next to letters, of their contrast to the letters."""
    second = captions.cues[0].span.start + 0.02
    black = np.zeros_like(pictures[0])
    on_black = still(captions, black, second).astype(int)
    # The same in another colour: what differs is ink, the blend at the edge of letters included.
    green = {"colour": "#00FF00", "active_colour": "#00FF00", "spoken_colour": None}
    other = still(replace(captions, style=replace(captions.style, **green)), black, second)
    letters = np.abs(on_black - other.astype(int)).max(axis=2) > 2
    ring_px = max(2.5, 0.1 * captions.style.size * CANVAS.height)
    values = []
    for colour in text_colours(captions):
        fill = letters & (np.abs(on_black - rgb_of(colour)).max(axis=2) <= 6)
        if fill.sum() < 20:
            continue
        ring = (distance_transform_edt(~fill) <= ring_px) & ~letters
        for picture in pictures:
            shown = still(captions, picture, second)
            values.append(ratio(luminance(shown[ring]), luminance(rgb_of(colour))))
    return float(np.percentile(np.concatenate(values), 5))


def still(captions: Captions, picture: NDArray[np.uint8], second: float) -> NDArray[np.uint8]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.png"
        draw_preview(captions, CANVAS, picture, second, path)
        return np.asarray(Image.open(path).convert("RGB"))


if __name__ == "__main__":
    main()
