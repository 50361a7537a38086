"""What each subcommand does: options to a pipeline call, its result to text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from talkreel.cli import channel, generate, optimize
from talkreel.cli.craft import craft_options
from talkreel.cli.terminal import watching
from talkreel.core.clips import SCHEMA as CLIPS_SCHEMA
from talkreel.core.clips import ClipSet
from talkreel.core.errors import InputError
from talkreel.core.jsonio import document, encode
from talkreel.pipeline.options import ClipOptions, parse_range
from talkreel.pipeline.progress import Watcher


def clip(arguments: argparse.Namespace) -> int:
    """``talkreel clip``, here or at a server."""
    options = ClipOptions(
        clips=_count(arguments.clips),
        min_seconds=arguments.min_seconds,
        max_seconds=arguments.max_seconds,
        aspect=arguments.aspect,
        captions=_style(arguments.captions),
        query=arguments.query,
        preset=arguments.preset,
        scorer=arguments.scorer,
        craft=craft_options(arguments),
        **_listening(arguments),
    )
    out = Path(arguments.out)
    with watching() as watcher:
        clips = _clips(arguments, out, options, watcher)
    if arguments.json:
        _print_json(document(clips, CLIPS_SCHEMA))
    else:
        _print(_summary(clips, out))
    return 0


def analyze(arguments: argparse.Namespace) -> int:
    """``talkreel analyze``."""
    from talkreel.core.analysis import SCHEMA
    from talkreel.pipeline.clip import analyze_media

    options = ClipOptions(**_listening(arguments))
    with watching() as watcher:
        analysis = analyze_media(
            Path(arguments.input), options, out=Path(arguments.out), watcher=watcher
        )
    path = Path(arguments.out) / "analysis.json"
    if arguments.json:
        _print_json(document(analysis, SCHEMA))
    else:
        _print(f"{len(analysis.transcript.words)} words, {len(analysis.shots)} shots: {path}")
    return 0


def transcribe(arguments: argparse.Namespace) -> int:
    """``talkreel transcribe``."""
    from talkreel.core.jsonio import write_text
    from talkreel.perceive.captions_text import to_srt, to_vtt
    from talkreel.pipeline.clip import transcribe_media

    options = ClipOptions(**_listening(arguments))
    with watching() as watcher:
        transcript = transcribe_media(Path(arguments.input), options, watcher=watcher)
    for warning in transcript.warnings:
        sys.stderr.write(f"talkreel: {warning}\n")
    form = "json" if arguments.json else arguments.format
    match form:
        case "json":
            text = json.dumps(document(transcript, "transcript/1"), ensure_ascii=False, indent=1)
        case "srt":
            text = to_srt(transcript)
        case "vtt":
            text = to_vtt(transcript)
        case _:
            text = "\n".join(sentence.text for sentence in transcript.sentences)
    if arguments.out:
        write_text(Path(arguments.out), text + "\n")
    else:
        _print(text)
    return 0


def probe(arguments: argparse.Namespace) -> int:
    """``talkreel probe``."""
    from talkreel.media.probe import probe as probe_media

    media = probe_media(arguments.input)
    if arguments.json:
        _print_json(document(media, "media/1"))
        return 0
    lines = [f"{media.uri}: {media.container}, {media.duration:.3f} s"]
    if media.video:
        v = media.video
        rate = f"{float(v.frame_rate):.3f} frames/s{' (variable)' if v.variable else ''}"
        lines.append(
            f"  picture: {v.codec} {v.width}x{v.height} {rate}, {v.bit_depth} bit {v.colour.value}"
            + (f", turned {v.rotation} degrees" if v.rotation else "")
        )
    if media.audio:
        a = media.audio
        lines.append(f"  sound: {a.codec} {a.sample_rate} Hz, {a.channels} channels {a.language}")
    lines.extend(f"  warning: {warning}" for warning in media.warnings)
    _print("\n".join(lines))
    return 0


def shots(arguments: argparse.Namespace) -> int:
    """``talkreel shots``."""
    from talkreel.media.probe import probe as probe_media
    from talkreel.perceive.shots import ShotDetector

    media = probe_media(arguments.input)
    if media.video is None:
        raise InputError(f"{arguments.input} has no picture, so it has no shots")
    found = ShotDetector()(media)
    if arguments.json:
        _print_json({"schema": "shots/1", "shots": encode(found)})
    else:
        _print("\n".join(f"{s.span.start:9.3f} {s.span.end:9.3f} {s.begins.value}" for s in found))
    return 0


def render(arguments: argparse.Namespace) -> int:
    """``talkreel render``."""
    from talkreel.pipeline.rerender import render_edit

    style = arguments.captions
    with watching() as watcher:
        path, measured = render_edit(
            Path(arguments.edit),
            captions=None if style is None else _style_name(style),
            out=Path(arguments.out) if arguments.out else None,
            watcher=watcher,
        )
    if arguments.json:
        _print_json({"schema": "render/1", "file": str(path), "measured": encode(measured)})
    else:
        _print(str(path))
    return 0


def styles(arguments: argparse.Namespace) -> int:
    """``talkreel styles``."""
    from talkreel.pipeline.styles import list_styles

    out = Path(arguments.out) if arguments.out else None
    entries = list_styles(out, Path(arguments.on) if arguments.on else None)
    if arguments.json:
        rows = [
            {**encode(e.style), "preview": str(e.preview) if e.preview else None} for e in entries
        ]
        _print_json({"schema": "styles/1", "styles": rows})
    else:
        _print("\n".join(f"{e.name:<12} {e.preview or e.style.font}" for e in entries))
    return 0


def export(arguments: argparse.Namespace) -> int:
    """``talkreel export``."""
    from talkreel.pipeline.export_edit import export_edit

    names = [name.strip() for name in arguments.to.split(",") if name.strip()]
    made = export_edit(
        Path(arguments.edit), names, out=Path(arguments.out) if arguments.out else None
    )
    if arguments.json:
        files = [str(path) for path in made.files]
        _print_json({"schema": "export/1", "files": files, "notes": encode(made.notes)})
    else:
        _print("\n".join(f"{note.feature}: {note.text}" for note in made.notes))
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """``talkreel doctor``."""
    from talkreel.doctor import examine

    checks = examine()
    if arguments.json:
        _print_json({"schema": "doctor/1", "checks": encode(checks)})
    else:
        _print("\n".join(f"[{c.verdict.value:^7}] {c.name}: {c.detail}" for c in checks))
    return 0 if all(c.verdict.value != "missing" for c in checks) else 2


def models(arguments: argparse.Namespace) -> int:
    """``talkreel models list`` and ``talkreel models pull``."""
    from talkreel.store.weights import REGISTRY, find_weights, pull

    if arguments.action == "pull":
        for name in arguments.names or REGISTRY:
            if name not in REGISTRY:
                raise InputError(f"no weights named {name!r}; known: {', '.join(REGISTRY)}")
            sys.stderr.write(f"talkreel: {name}: {pull(name)}\n")
    rows = [
        {
            "name": entry.name,
            "path": str(found) if (found := find_weights(entry.name)) else None,
            "licence": entry.licence,
            "improves": entry.improves,
        }
        for entry in REGISTRY.values()
    ]
    if arguments.json:
        _print_json({"schema": "models/1", "models": rows})
    else:
        lines = [f"{r['name']:<18} {r['path'] or 'not here'}\n    {r['improves']}" for r in rows]
        _print("\n".join(lines))
    return 0


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "clip": clip,
    "analyze": analyze,
    "transcribe": transcribe,
    "probe": probe,
    "shots": shots,
    "render": render,
    "export": export,
    "styles": styles,
    "optimize": optimize.optimize,
    "results": optimize.results,
    "imagine": generate.imagine,
    "voice-over": generate.voice_over,
    "doctor": doctor,
    "models": models,
    "calibrate": channel.calibrate,
    "forecast": channel.forecast,
}


def _clips(
    arguments: argparse.Namespace, out: Path, options: ClipOptions, watcher: Watcher
) -> ClipSet:
    if arguments.server is not None:
        from talkreel.cli.remote import clip_remotely

        return clip_remotely(
            arguments.server, arguments.api_key_file, arguments.input, out, options, watcher
        )
    from talkreel.pipeline.clip import make_clips

    return make_clips(Path(arguments.input), out, options, watcher=watcher)


def _listening(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "transcript": Path(arguments.transcript) if arguments.transcript else None,
        "range": parse_range(*arguments.range) if arguments.range else None,
        "language": arguments.language,
    }


def _count(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--clips is auto or a number, got {text!r}") from None


def _style(name: str) -> str | None:
    return None if name == "none" else _style_name(name)


def _style_name(name: str) -> str:
    from talkreel.edit.styles import STYLES

    if name != "none" and name not in STYLES:
        raise InputError(f"--captions is one of {', '.join(STYLES)} or none, got {name!r}")
    return name


def _summary(clips: ClipSet, out: Path) -> str:
    lines = [f"{len(clips.clips)} clips in {out} ({clips.calibration}):"]
    for c in clips.clips:
        minutes, seconds = divmod(round(c.spans[0].start), 60)
        lines.append(
            f"  {c.rank:2d}. score {c.score:2d}  {minutes}:{seconds:02d}"
            f" {c.measured.duration:.1f} s  {c.files.video}  {c.title}"
        )
    lines.extend(f"warning: {warning}" for warning in clips.warnings)
    lines.append(f"report: {out / 'report.html'}")
    return "\n".join(lines)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_json(data: object) -> None:
    _print(json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False))
