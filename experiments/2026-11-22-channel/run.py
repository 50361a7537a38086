"""Does the calibration find signals, refuse noise, and do intervals hold? Writes table.md.

OMP_NUM_THREADS=1 python experiments/2026-11-22-channel/run.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkreel.data.manifest import open_dataset
from talkreel.models.channel import ChannelExport, Video, calibrate, forecast, read_export
from talkreel.models.hook import HookRanker
from talkreel.models.shipped import load_bundle

DRAWS = 40
NOISE = 0.4  # of the log odds of a click, beside what the score explains


def channel(count, signal, drift, seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    odds = -3 + signal * scores + NOISE * rng.normal(size=count)
    odds += drift * np.cumsum(rng.normal(size=count))
    videos = [
        Video("word " * int(rng.integers(1, 9)), float(rng.integers(500, 10**5)), ctr, seen, None)
        for ctr, seen in zip(1 / (1 + np.exp(-odds)), rng.uniform(0.2, 0.6, count), strict=True)
    ]
    return ChannelExport(tuple(videos), 0, False), scores


def main():
    lines = ["| videos | correlation of score and log odds | calibrated |", "|---|---|---|"]
    for count in (40, 80, 160, 320):
        for signal in (0.0, 0.1, 0.2, 0.4):
            found = [calibrate(*channel(count, signal, 0, k)).accepted for k in range(DRAWS)]
            truth = signal / np.hypot(signal, NOISE)
            lines.append(f"| {count} | {truth:.2f} | {np.mean(found):.0%} |")
    lines += [
        "",
        "| videos | random walk | coverage of the 80 % interval | error / error of mean |",
    ]
    lines.append("|---|---|---|---|")
    for count in (40, 80, 160):
        for drift in (0.0, 0.1):
            looks = [forecast(channel(count, 0, drift, k)[0]).ctr for k in range(DRAWS)]
            covered = np.mean([look.coverage for look in looks])
            ratio = np.mean([look.error / look.mean_error for look in looks])
            lines.append(f"| {count} | {drift} | {covered:.1%} | {ratio:.2f} |")
    lines += ["", next(words := real()), "", *words]
    print("\n".join(lines))
    Path(__file__).with_name("table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def real():
    data = open_dataset("channel-metrics")
    export = read_export(data.path("viral/channel_metrics_by_video.csv"))
    scores = HookRanker(load_bundle("hook")).score([video.title for video in export.videos])
    ahead = forecast(export)
    yield f"One real channel, {len(export.videos)} videos."
    noise = np.random.default_rng(0).normal(size=len(scores))
    for name, values in (("hook score", scores), ("noise as score", noise)):
        found = calibrate(export, values.tolist())
        yield (
            f"- calibration with {name}: skill {found.skill:.1%}, at least {found.skill_low:.1%}, "
            f"error {100 * found.error:.2f} points (mean {100 * found.mean_error:.2f}), "
            f"{'accepted' if found.accepted else 'refused'}; {found.without_score:.1%} without the "
            f"score, {found.without_title:.1%} without the titles"
        )
    for name, look in (("click-through rate", ahead.ctr), ("share watched", ahead.viewed)):
        yield (
            f"- {name}: coverage {look.coverage:.1%} of {look.tested}, error "
            f"{100 * look.error:.2f} points (mean of the past {100 * look.mean_error:.2f})"
        )


if __name__ == "__main__":
    main()
