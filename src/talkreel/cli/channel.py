"""``talkreel calibrate`` and ``talkreel forecast``: what a channel's own export teaches."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from talkreel.core.jsonio import encode
from talkreel.models.channel import COVERAGE, Calibration, Forecast, Outlook


def calibrate(arguments: argparse.Namespace) -> int:
    """``talkreel calibrate``."""
    from talkreel.models.channel import calibrate as fit
    from talkreel.models.channel import read_export
    from talkreel.models.hook import HookRanker
    from talkreel.models.shipped import load_bundle

    export = read_export(Path(arguments.export))
    scores = HookRanker(load_bundle("hook")).score([video.title for video in export.videos])
    found = fit(export, scores.tolist())
    _answer(arguments, "calibration/1", found, _calibration_lines(found))
    return 0


def forecast(arguments: argparse.Namespace) -> int:
    """``talkreel forecast``."""
    from talkreel.models.channel import forecast as look_ahead
    from talkreel.models.channel import read_export

    found = look_ahead(read_export(Path(arguments.export)))
    _answer(arguments, "forecast/1", found, _forecast_lines(found))
    return 0


def _calibration_lines(found: Calibration) -> list[str]:
    head = "calibrated for your channel" if found.accepted else "not calibrated for your channel"
    lines = [f"{head}: {found.count} videos", found.why]
    if found.error == found.error:  # measured
        lines.append(
            f"click-through rate off by {100 * found.error:.2f} points on videos left out, "
            f"by {100 * found.mean_error:.2f} when always saying the mean"
        )
    return lines


def _forecast_lines(found: Forecast) -> list[str]:
    lines = [f"next video, from {found.count} videos:"] if found.ctr else []
    lines += [
        _outlook_line(name, look)
        for name, look in (("click-through rate", found.ctr), ("share watched", found.viewed))
        if look
    ]
    return [*lines, found.why] if found.why else lines


def _outlook_line(name: str, look: Outlook) -> str:
    return (
        f"  {name} {look.value:.1%}, {look.low:.1%} to {look.high:.1%} in {COVERAGE:.0%} of cases "
        f"({look.coverage:.0%} of {look.tested} past videos lay in such an interval)"
    )


def _answer(
    arguments: argparse.Namespace, schema: str, found: Calibration | Forecast, lines: list[str]
) -> None:
    if arguments.json:
        text = json.dumps(
            {"schema": schema, **encode(found)}, ensure_ascii=False, indent=1, allow_nan=False
        )
    else:
        text = "\n".join(lines)
    sys.stdout.write(text + "\n")
