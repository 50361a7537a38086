"""The command line's grammar. Imports nothing heavy: ``--help`` answers at once."""

from __future__ import annotations

import argparse

import talkreel
from talkreel.cli.craft import add_craft
from talkreel.cli.generate import add_generate
from talkreel.cli.optimize import add_optimize

STYLES_HELP = "caption style, or none (talkreel styles lists them)"


def build_parser() -> argparse.ArgumentParser:
    """The parser of every subcommand."""
    parser = argparse.ArgumentParser(
        prog="talkreel",
        description="Turn long talking videos into ranked, reframed, captioned clips.",
        epilog="exit codes: 0 done, 2 bad usage or input, 3 nothing worth clipping, 1 a bug",
    )
    parser.add_argument("--version", action="version", version=f"talkreel {talkreel.__version__}")
    parser.add_argument(
        "--server", metavar="URL", help="run clip at this server instead of on this machine"
    )
    parser.add_argument(
        "--api-key-file", metavar="FILE", help="the server's API key (default: $TALKREEL_API_KEY)"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_clip(commands)
    _add_analyze(commands)
    _add_transcribe(commands)
    _add_media_commands(commands)
    _add_render(commands)
    _add_export(commands)
    _add_styles(commands)
    add_optimize(commands)
    add_generate(commands)
    _add_channel_commands(commands)
    _add_machine_commands(commands)
    return parser


def _add_clip(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    clip = commands.add_parser("clip", help="make clips of a talk")
    clip.add_argument("input", metavar="INPUT", help="video or audio file")
    clip.add_argument("--out", metavar="DIR", required=True, help="folder for the results")
    clip.add_argument("--clips", default="auto", metavar="N", help="auto (default) or a number")
    clip.add_argument("--min-seconds", type=float, default=15.0, metavar="S", help="default 15")
    clip.add_argument("--max-seconds", type=float, default=60.0, metavar="S", help="default 60")
    clip.add_argument("--aspect", default="9:16", help="9:16 (default), 1:1, 4:5, 16:9 or source")
    clip.add_argument("--captions", default="bold", metavar="STYLE", help=STYLES_HELP)
    clip.add_argument("--query", metavar="TOPIC", help="prefer clips about this topic")
    clip.add_argument("--preset", default="default", help="fast, default or high_quality")
    clip.add_argument(
        "--scorer", default="viral", help="viral (default, trained models) or craft (rules of form)"
    )
    _add_listening(clip)
    add_craft(clip)
    _add_json(clip)


def _add_analyze(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    analyze = commands.add_parser(
        "analyze", help="perceive only: transcript, shots, sound, ranked candidates"
    )
    analyze.add_argument("input", metavar="INPUT")
    analyze.add_argument("--out", metavar="DIR", required=True, help="folder for analysis.json")
    _add_listening(analyze)
    _add_json(analyze)


def _add_transcribe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    transcribe = commands.add_parser("transcribe", help="words with times")
    transcribe.add_argument("input", metavar="INPUT")
    transcribe.add_argument(
        "--format", default="text", choices=["text", "srt", "vtt", "json"], help="default text"
    )
    transcribe.add_argument("--out", metavar="FILE", help="write there instead of stdout")
    _add_listening(transcribe)
    _add_json(transcribe)


def _add_listening(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--transcript", metavar="FILE", help=".srt, .vtt or .json to use instead of recognition"
    )
    parser.add_argument(
        "--range", nargs=2, metavar=("START", "END"), help="only this part: seconds or h:mm:ss"
    )
    parser.add_argument("--language", default="en", help="language of the speech (default en)")


def _add_media_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, text in (("probe", "what a media file is"), ("shots", "where the picture cuts")):
        parser = commands.add_parser(name, help=text)
        parser.add_argument("input", metavar="INPUT")
        _add_json(parser)


def _add_render(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    render = commands.add_parser(
        "render", help="render an edit again, e.g. with another caption style"
    )
    render.add_argument("edit", metavar="EDIT.json")
    render.add_argument("--captions", metavar="STYLE", help=STYLES_HELP)
    render.add_argument(
        "--out", metavar="FILE", help="mp4 to write (default: replace the clip of this edit)"
    )
    _add_json(render)


def _add_styles(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    styles = commands.add_parser("styles", help="the caption styles, and how each looks")
    styles.add_argument("--out", metavar="DIR", help="draw a preview of each style there (PNG)")
    styles.add_argument("--on", metavar="VIDEO", help="draw on a frame of this video")
    _add_json(styles)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = commands.add_parser(
        "export", help="make files for other places and for editors from an edit"
    )
    export.add_argument("edit", metavar="EDIT.json")
    export.add_argument(
        "--to", metavar="NAMES", required=True, help="presets and formats with commas between"
    )
    export.add_argument(
        "--out", metavar="DIR", help="folder for the files (default: beside the clip of this edit)"
    )
    _add_json(export)


def _add_channel_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, text in (
        (
            "calibrate",
            "learn from a channel's export whether scores predict its click-through rate",
        ),
        ("forecast", "click-through rate and share watched of a channel's next video"),
    ):
        parser = commands.add_parser(name, help=text)
        parser.add_argument("export", metavar="EXPORT.csv", help="YouTube Studio table of videos")
        _add_json(parser)


def _add_machine_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser(
        "doctor", help="what is installed, which models are used, what would improve results"
    )
    _add_json(doctor)
    models = commands.add_parser("models", help="optional weights that improve results")
    actions = models.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_json(actions.add_parser("list", help="known weights and where they are"))
    pull = actions.add_parser("pull", help="fetch weights, checked against a pinned sha256")
    pull.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    _add_json(pull)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
