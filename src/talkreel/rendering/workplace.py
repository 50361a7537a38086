"""What rendering one clip works with: the edit, its frames, and names in a scratch folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from talkreel.core.delivery import Delivery, VideoCodec
from talkreel.core.edits import Edit
from talkreel.core.graphics import Bookend
from talkreel.core.media import Media
from talkreel.rendering.bookends import bookends
from talkreel.rendering.encoders import picture_container, sound_container
from talkreel.rendering.enlarge import Enlarged
from talkreel.rendering.pixels import Pixels
from talkreel.rendering.schedule import Schedule


@dataclass(frozen=True)
class Workplace:
    """One clip in one scratch folder, with plain names that no filter needs to escape.

    Attributes:
        edit: what is made.
        media: of what.
        folder: all files lie in it.
        schedule: the clip's frames.
        timeout_seconds: wall-clock limit of each ffmpeg run.
        enlarged: frames to show instead of the source's, where a network enlarged them.
    """

    edit: Edit
    media: Media
    folder: Path
    schedule: Schedule
    timeout_seconds: float
    enlarged: Enlarged | None = None

    @property
    def delivery(self) -> Delivery:
        """The kind of file."""
        return self.edit.encoding.delivery

    @cached_property
    def pixels(self) -> Pixels:
        """Of the picture."""
        return Pixels.of(self.edit, self.media)

    @property
    def clip_name(self) -> str:
        """The finished file."""
        return f"clip.{self.delivery.container}"

    @property
    def picture_name(self) -> str:
        """The encoded picture."""
        return f"picture.{picture_container(self.delivery)}"

    @property
    def sound_name(self) -> str:
        """The encoded sound."""
        return f"sound.{sound_container(self.delivery)}"

    @cached_property
    def ends(self) -> list[tuple[str, Bookend]]:
        """Intro and outro by name, those that there are."""
        alone = self.delivery.overlay or self.delivery.video is VideoCodec.NONE
        return [] if alone else bookends(self.edit)

    @property
    def parts(self) -> list[str]:
        """Intro, clip and outro, those that there are."""
        names = [name for name, _ in self.ends]
        return [*(n for n in names if n == "intro"), "clip", *(n for n in names if n == "outro")]
