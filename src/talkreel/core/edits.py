"""An edit: everything the renderer needs and nothing it must decide.

Times are seconds on the *source* clock; ``TimeMap(edit.kept)`` gives the clip clock. Boxes
are left, top, right, bottom as shares (0..1) of the displayed source picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from talkreel.core.cover import Cover
from talkreel.core.craft import Broll, Note
from talkreel.core.delivery import Delivery
from talkreel.core.graphics import NO_GRAPHICS, Graphics
from talkreel.core.picture import PictureChain
from talkreel.core.sound import MusicBed, Mute, VoiceChain
from talkreel.core.spans import Span, TimeMap, check_kept

SCHEMA = "edit/1"

Box = tuple[float, float, float, float]


class LayoutKind(StrEnum):
    """How the source picture fills the canvas."""

    CROP = "crop"  # one region fills the canvas
    FIT = "fit"  # the whole region over a blurred fill of itself
    SPLIT = "split"  # two regions, first above second
    WAVEFORM = "waveform"  # no picture: the sound drawn on a plain canvas


class Motion(StrEnum):
    """What happens between two keys of a crop path."""

    HOLD = "hold"  # keep the box until the next key, then jump
    LINEAR = "linear"  # move evenly


@dataclass(frozen=True, slots=True)
class CropKey:
    """A crop box at a source second; the box has the aspect of the place it fills."""

    time: float
    box: Box

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if not (-1e-6 <= left < right <= 1 + 1e-6 and -1e-6 <= top < bottom <= 1 + 1e-6):
            raise ValueError(f"a crop box lies inside the picture, got {self.box}")


@dataclass(frozen=True, slots=True)
class CropPath:
    """Crop keys in order of time; before the first and after the last the box is held.

    All keys of one path have boxes of the same size.
    """

    keys: tuple[CropKey, ...]
    motion: Motion = Motion.HOLD

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("a crop path needs at least one key")
        for first, second in pairwise(self.keys):
            if second.time <= first.time:
                raise ValueError("crop keys must ascend in time")
        sizes = {(round(k.box[2] - k.box[0], 3), round(k.box[3] - k.box[1], 3)) for k in self.keys}
        if len(sizes) > 1 and self.motion is Motion.LINEAR:
            raise ValueError("a moving crop keeps its size")

    def box_at(self, time: float) -> Box:
        """The box at a source second."""
        earlier = [key for key in self.keys if key.time <= time]
        if not earlier:
            return self.keys[0].box
        later = self.keys[len(earlier) :]
        here = earlier[-1]
        if self.motion is Motion.HOLD or not later:
            return here.box
        share = (time - here.time) / (later[0].time - here.time)
        a, b = here.box, later[0].box
        left, top, right, bottom = (p + (q - p) * share for p, q in zip(a, b, strict=True))
        return (left, top, right, bottom)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the picture is laid out over ``span``.

    Attributes:
        span: source clock. The layouts of an edit are ordered and cover its kept spans.
        kind: see ``LayoutKind``.
        paths: CROP and FIT one, SPLIT two, WAVEFORM none.
        reason: one plain sentence: why this layout.
        confidence: 0..1.
        subjects: ids of the face tracks that are shown on purpose.
    """

    span: Span
    kind: LayoutKind
    paths: tuple[CropPath, ...]
    reason: str = ""
    confidence: float = 1.0
    subjects: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        need = {LayoutKind.CROP: 1, LayoutKind.FIT: 1, LayoutKind.SPLIT: 2, LayoutKind.WAVEFORM: 0}
        if len(self.paths) != need[self.kind]:
            raise ValueError(f"layout {self.kind} needs {need[self.kind]} crop paths")


@dataclass(frozen=True, slots=True)
class CaptionStyle:
    """How captions look; lengths are shares of the canvas height, colours ``#RRGGBB``.

    Attributes:
        name: e.g. ``bold``.
        font: family name as libass finds it.
        font_file: file name of the font inside the font folders.
        size: nominal font size (em height).
        colour: of words not spoken now.
        active_colour: of the word spoken now; a colour change only, so nothing moves.
        outline_colour: of the outline.
        outline: outline width.
        plate_colour: of the box behind the line, or None for no box.
        plate_opacity: 0..1.
        uppercase: whether words are shown in capitals.
        words_per_cue: most words shown at once.
        shadow: drop shadow offset.
        emphasis_colour: of words that carry the point, or None to leave them as the others.
        spoken_colour: of words already spoken, or None for ``colour``.
        active_plate: of a box behind the word spoken now, or None for no box.
        reveal: whether a word is hidden until it is spoken; its place is kept free.
        glow: how far the outline is blurred.
        font_digest: sha256 of a font named by path, so that a changed one is refused.
    """

    name: str
    font: str
    font_file: str
    size: float
    colour: str = "#FFFFFF"
    active_colour: str = "#FFD60A"
    outline_colour: str = "#000000"
    outline: float = 0.003
    plate_colour: str | None = None
    plate_opacity: float = 0.75
    uppercase: bool = False
    words_per_cue: int = 8
    shadow: float = 0.0
    emphasis_colour: str | None = None
    spoken_colour: str | None = None
    active_plate: str | None = None
    reveal: bool = False
    glow: float = 0.0
    font_digest: str = ""


@dataclass(frozen=True, slots=True)
class CaptionWord:
    """One shown word and when it is spoken (source clock).

    Attributes:
        text: as shown.
        span: when.
        emphasis: whether it carries the point.
        colour: its own instead of the style's, e.g. the speaker's; None for the style's.
        glued: whether it follows the word before it without a blank, as in Chinese.
    """

    text: str
    span: Span
    emphasis: bool = False
    colour: str | None = None
    glued: bool = False


def join_words(words: Iterable[CaptionWord]) -> str:
    """``words`` as one line of text."""
    return "".join(word.text if word.glued else f" {word.text}" for word in words).removeprefix(" ")


@dataclass(frozen=True, slots=True)
class CaptionCue:
    """What is on screen at once.

    Attributes:
        span: source clock; cues are ordered and do not overlap.
        lines: one or two lines of words, as broken by the editor.
        top: upper edge of the text block as a share of the canvas height.
    """

    span: Span
    lines: tuple[tuple[CaptionWord, ...], ...]
    top: float

    def __post_init__(self) -> None:
        if not self.lines or not all(self.lines):
            raise ValueError("a caption cue needs words on every line")

    @property
    def text(self) -> str:
        """The lines joined by newlines."""
        return "\n".join(join_words(line) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Captions:
    """The captions of an edit."""

    style: CaptionStyle
    cues: tuple[CaptionCue, ...]

    @property
    def word_count(self) -> int:
        """How many words are shown."""
        return sum(len(line) for cue in self.cues for line in cue.lines)


@dataclass(frozen=True, slots=True)
class AudioChain:
    """What happens to the sound.

    Attributes:
        target_lufs: integrated loudness of the delivered file (EBU R128).
        true_peak_dbtp: highest true peak allowed in the delivered file.
        fade_in: seconds.
        fade_out: seconds.
        join_fade: seconds of the equal-power crossfade over an inner join, half on each side.
    """

    target_lufs: float = -14.0
    true_peak_dbtp: float = -1.0
    fade_in: float = 0.02
    fade_out: float = 0.12
    join_fade: float = 0.008
    voice: VoiceChain | None = None
    mutes: tuple[Mute, ...] = ()
    music: MusicBed | None = None

    def __post_init__(self) -> None:
        for first, second in pairwise(self.mutes):
            if second.span.start < first.span.end:
                raise ValueError(f"mutes overlap or are out of order: {first} then {second}")

    @property
    def plain(self) -> bool:
        """Whether only fades and loudness change the sound."""
        return self.voice is None and not self.mutes and self.music is None


@dataclass(frozen=True, slots=True)
class Canvas:
    """Size and rate of the delivered picture; sizes are even numbers of pixels.

    Attributes:
        width: pixels.
        height: pixels.
        frame_rate: per second.
        platform: where it will be shown, which decides what is kept free; empty for anywhere.
    """

    width: int
    height: int
    frame_rate: Fraction
    platform: str = ""

    def __post_init__(self) -> None:
        if self.width < 2 or self.height < 2 or self.width % 2 or self.height % 2:
            raise ValueError(f"a canvas has even sizes, got {self.width}x{self.height}")
        if self.frame_rate <= 0:
            raise ValueError("a canvas needs a positive frame rate")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Effort, quality and kind of file.

    Attributes:
        x264_preset: effort, in the words of x264 and x265.
        crf: quality of the picture, smaller is better.
        audio_bitrate_kbps: of AAC and MP3.
        delivery: what kind of file.
    """

    x264_preset: str = "veryfast"
    crf: int = 21
    audio_bitrate_kbps: int = 160
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A whole clip, ready to render.

    Attributes:
        id: the candidate's id.
        title: shown in reports and used for the file name.
        media_uri: absolute path of the source.
        media_digest: sha256 of the source; the renderer refuses another file.
        kept: source spans that are played, in order; their clip length is a whole number of
            canvas frames.
        canvas: size and rate.
        layouts: cover ``kept`` in order.
        captions: or None.
        audio: sound chain, or None when the source has no sound.
        encoding: codec settings.
        picture: what is done to the source picture.
        broll: pictures over the picture, in order, not overlapping.
        graphics: cards, a logo, an intro and an outro.
        cover: wishes for the cover picture, or None for the best still.
        notes: what became of every feature that was asked for.
    """

    id: str
    title: str
    media_uri: str
    media_digest: str
    kept: tuple[Span, ...]
    canvas: Canvas
    layouts: tuple[Layout, ...]
    captions: Captions | None = None
    audio: AudioChain | None = AudioChain()
    encoding: Encoding = Encoding()
    picture: PictureChain = field(default_factory=PictureChain)
    broll: tuple[Broll, ...] = ()
    cover: Cover | None = None
    graphics: Graphics = NO_GRAPHICS
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        check_kept(self.kept)
        if not self.layouts:
            raise ValueError("an edit needs a layout")
        for kept in self.kept:
            covered = sum(layout.span.overlap(kept) for layout in self.layouts)
            if abs(covered - kept.duration) > 1e-3:
                raise ValueError(f"layouts cover {covered:.3f} s of the kept span {kept}")

    @property
    def time_map(self) -> TimeMap:
        """Source clock to clip clock."""
        return TimeMap(self.kept)
