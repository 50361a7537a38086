"""Makes the long 1080p30 talks that the benchmarks run on, from the real media folder.

The picture is a block of about five minutes of the media's talks, interviews and slides, encoded
once and repeated without re-encoding. The sound is one long talk spoken by espeak-ng: real speech
in the media folder lasts only minutes, and repeated speech would be dropped as duplicates.
"""

from __future__ import annotations

import json
import lzma
import re
import subprocess
from pathlib import Path

from talkreel.media.ffmpeg import ffmpeg_path

# Cut together in this order; (file, seconds used).
PIECES = (
    ("talk_podium.mp4", 60),
    ("visualvoice_interview.mp4", 17),
    ("asd_dev_easy.mp4", 32),
    ("csci576_interview.mp4", 19),
    ("avobjects_trump_biden_debate.mp4", 29),
    ("whisperx_sample01.mp4", 50),
    ("asd_dev_hard.mp4", 32),
    ("talk_podium.mp4", 45),
)
# espeak-ng at this many words a minute, with pauses between sentences, is intelligible.
WORDS_PER_MINUTE = 165


def make_talk(minutes: int, media: Path, data: Path, work: Path) -> Path:
    """A talk of ``minutes`` in ``work``; made when absent."""
    target = work / f"talk-{minutes}min.mp4"
    if target.exists():
        return target
    work.mkdir(parents=True, exist_ok=True)
    block = _block(media, work)
    speech = _speech(minutes, data, work)
    part = work / "talk.part.mp4"
    _ffmpeg(
        *("-stream_loop", "-1", "-i", str(block), "-i", str(speech), "-map", "0:v", "-map", "1:a"),
        *("-c:v", "copy", "-c:a", "aac", "-b:a", "128k", "-t", str(minutes * 60)),
        *("-movflags", "+faststart", str(part)),
    )
    part.replace(target)
    return target


def _block(media: Path, work: Path) -> Path:
    target = work / "block.mp4"
    if target.exists():
        return target
    inputs: list[str] = []
    chains = []
    for i, (name, seconds) in enumerate(PIECES):
        inputs += ["-t", str(seconds), "-i", str(media / name)]
        chains.append(
            f"[{i}:v:0]fps=30,scale=1920:1080:force_original_aspect_ratio=decrease,"
            f"pad=1920:1080:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p[v{i}]"
        )
    joined = "".join(f"[v{i}]" for i in range(len(PIECES)))
    graph = ";".join(chains) + f";{joined}concat=n={len(PIECES)}:v=1:a=0[v]"
    part = work / "block.part.mp4"
    _ffmpeg(
        *inputs,
        *("-filter_complex", graph, "-map", "[v]", "-an"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", str(part)),
    )
    part.replace(target)
    return target


def _speech(minutes: int, data: Path, work: Path) -> Path:
    target = work / f"speech-{minutes}min.wav"
    if target.exists():
        return target
    text = work / "speech.txt"
    text.write_text(_words(minutes, data), encoding="utf-8")
    part = work / "speech.part.wav"
    subprocess.run(
        ["espeak-ng", "-v", "en-us", "-s", str(WORDS_PER_MINUTE), "-f", text, "-w", part],
        check=True,
    )
    part.replace(target)
    return target


def _words(minutes: int, data: Path) -> str:
    """Enough words of the public-domain speeches, audience marks removed."""
    wanted, words = minutes * (WORDS_PER_MINUTE + 25), 0
    parts = []
    with lzma.open(data / "engagement" / "speeches.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            text = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", json.loads(line)["text"])
            parts.append(" ".join(text.split()))
            words += len(parts[-1].split())
            if words >= wanted:
                return "\n\n".join(parts)
    raise SystemExit(f"the speeches hold only {words} words, {wanted} are needed")


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([ffmpeg_path(), "-hide_banner", "-v", "error", "-y", *arguments], check=True)
