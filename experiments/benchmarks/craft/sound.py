"""The voice chain on noisy speech, hum, clicks, rooms, music beds and delivered clips.

    python -m experiments.benchmarks.craft.sound [--media DIR] [--only PART ...] [--utterances 29]

Parts: ``noise`` (distortion and word errors of noisy talks made from clean utterances, beside
other libraries), ``hum``, ``clicks`` (and breaths), ``rooms``, ``speakers``, ``music`` (ducking,
seam and tail), ``deliver`` (loudness and true peak of clips read back from the delivered AAC),
``presets`` (the same for every delivery preset).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from experiments.benchmarks.craft.sound_noise import NOISES, noise_part
from experiments.benchmarks.craft.sound_out import deliver_part, music_part, presets_part
from experiments.benchmarks.craft.sound_repair import clicks_part, hum_part, speakers_part
from experiments.benchmarks.craft.sound_rooms import rooms_part

ROOT = Path(__file__).resolve().parents[3]

Part = Callable[[Path, Path, int], None]
PARTS: dict[str, Part] = {
    "noise": noise_part,
    "hum": hum_part,
    "clicks": clicks_part,
    "rooms": rooms_part,
    "speakers": speakers_part,
    "music": music_part,
    "deliver": deliver_part,
    "presets": presets_part,
}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_MEDIA", str(ROOT.parent / "shared" / "media"))
    parser.add_argument("--media", type=Path, default=Path(default))
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--utterances", type=int, default=29)
    parser.add_argument("--noises", nargs="*", default=list(NOISES), choices=list(NOISES))
    options = parser.parse_args()
    parts = PARTS | {"noise": partial(noise_part, kinds=options.noises)}
    with tempfile.TemporaryDirectory() as scratch:
        for part in options.only:
            parts[part](options.media, Path(scratch), options.utterances)


if __name__ == "__main__":
    main()
