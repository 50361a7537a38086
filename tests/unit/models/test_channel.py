from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.errors import InputError
from talkreel.models.channel import (
    CALIBRATE_AT_LEAST,
    COVERAGE,
    ChannelExport,
    Video,
    calibrate,
    forecast,
    read_export,
)

HEADER = "Video title,Video publish time,Impressions,Impressions click-through rate (%)"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "export.csv"
    path.write_bytes(text.encode(encoding))
    return path


def make_channel(
    count: int, *, signal: float, seed: int, drift: float = 0.0
) -> tuple[ChannelExport, np.ndarray]:
    """Videos whose log odds of a click follow a score, noise of .4, and a random walk."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    odds = -3 + signal * scores + 0.4 * rng.normal(size=count)
    odds += drift * np.cumsum(rng.normal(size=count))
    videos = [
        Video("word " * int(rng.integers(1, 9)), float(rng.integers(500, 10**5)), ctr, viewed, None)
        for ctr, viewed in zip(1 / (1 + np.exp(-odds)), rng.uniform(0.2, 0.6, count), strict=True)
    ]
    return ChannelExport(tuple(videos), 0, False), scores


def test_a_real_export_is_read(data_dir: Path) -> None:
    export = read_export(data_dir / "viral/channel_metrics_by_video.csv")
    assert (len(export.videos), export.skipped, export.dated) == (223, 1, True)
    first, last = export.videos[0], export.videos[-1]
    assert first.published == datetime.date(2017, 6, 6)
    assert first.ctr == pytest.approx(0.1151)
    assert first.impressions == 365
    assert last.viewed == pytest.approx(0.485)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f'{HEADER}\nTotal row,,9,\n"One, two?","May 8, 2020","1,234",4.5\n', "utf-8"),
        ("\ufeffTitle;CTR;Impressions\nOne, two?;4,5 %;1.234,0\n", "utf-8"),
        ("Impres\u00adsions\tVideo title\tCTR\n1234\tOne, two?\t0.045\n", "cp1252"),
    ],
)
def test_headers_and_numbers_are_read_as_people_write_them(
    tmp_path: Path, text: str, encoding: str
) -> None:
    (video,) = read_export(write(tmp_path, text, encoding)).videos
    assert video.title == "One, two?"
    assert video.ctr == pytest.approx(0.045)
    assert video.impressions == 1234


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("Name,Views\na,1\n", "no column like 'video title'"),
        ("Title,Views\na,1\n", "click-through rate"),
        (HEADER + "\nOne,,,\n", "no row"),
        (HEADER + "\n\0,,,\n", "binary"),
        (HEADER + '\n"One,,,\n', "no CSV table"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_export(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone.csv"):
        read_export(tmp_path / "gone.csv")


def test_a_signal_is_found_and_noise_is_refused() -> None:
    found = [calibrate(*make_channel(120, signal=0.4, seed=k)) for k in range(10)]
    empty = [calibrate(*make_channel(120, signal=0.0, seed=k)) for k in range(20)]
    assert all(one.accepted and one.error < one.mean_error for one in found)
    assert sum(one.accepted for one in empty) <= 2  # the bound allows one in twenty
    refused = next(one for one in empty if not one.accepted)
    assert "no better than its mean" in refused.why
    assert refused.ctr("anything", 3.0) == refused.ctr("else", -3.0)


def test_a_calibration_follows_the_score() -> None:
    fitted = calibrate(*make_channel(200, signal=0.5, seed=1))
    low, high = fitted.ctr("word word", -1.0), fitted.ctr("word word", 1.0)
    assert 0 < low < 0.05 < high < 1
    assert high / low > 1.8  # e^(2 * .5) = 2.7 in odds, shrunk a little


def test_the_predictor_that_carries_the_signal_is_named() -> None:
    by_score = calibrate(*make_channel(200, signal=0.5, seed=1))
    assert "the hook score carries this" in by_score.why
    assert "a higher score goes with a higher rate" in by_score.why
    assert by_score.without_score < 0.05 < by_score.without_title

    export, scores = make_channel(200, signal=0.5, seed=1)
    asked = tuple(
        Video("why?" if score > 0 else "so", v.impressions, v.ctr, v.viewed, None)
        for v, score in zip(export.videos, scores, strict=True)
    )
    noise = np.random.default_rng(0).normal(size=200)
    by_title = calibrate(ChannelExport(asked, 0, False), noise.tolist())
    assert "the hook score adds next to nothing" in by_title.why
    assert "a higher score" not in by_title.why
    assert by_title.without_title < 0.05 < by_title.without_score

    both = calibrate(ChannelExport(asked, 0, False), scores.tolist())
    assert both.accepted


def test_few_videos_are_not_enough() -> None:
    export, scores = make_channel(CALIBRATE_AT_LEAST - 1, signal=1.0, seed=0)
    assert "not enough data: 29 videos" in calibrate(export, scores).why
    ahead = forecast(export)
    assert ahead.ctr is None
    assert ahead.viewed is None
    assert "not enough data" in ahead.why


def test_scores_must_fit_the_videos() -> None:
    export, scores = make_channel(40, signal=0.0, seed=0)
    for wrong in (scores[:-1], np.full(40, np.nan)):
        with pytest.raises(ValueError, match="one finite score"):
            calibrate(export, wrong)


@pytest.mark.parametrize("drift", [0.0, 0.1])
def test_intervals_hold_what_they_promise(drift: float) -> None:
    looks = [forecast(make_channel(150, signal=0.0, seed=k, drift=drift)[0]).ctr for k in range(12)]
    covered = np.mean([look.coverage for look in looks if look])
    assert covered == pytest.approx(COVERAGE, abs=0.04)
    for look in looks:
        assert look
        assert 0 < look.low < look.value < look.high < 1
        assert look.tested == 135


def test_a_drifting_channel_is_forecast_better_than_by_its_mean() -> None:
    looks = [forecast(make_channel(200, signal=0, seed=k, drift=0.1)[0]).ctr for k in range(8)]
    assert np.mean([look.error / look.mean_error for look in looks if look]) < 0.95


def test_a_channel_without_dates_or_retention_says_so() -> None:
    export, _ = make_channel(60, signal=0.0, seed=0)
    videos = tuple(Video(v.title, v.impressions, v.ctr, np.nan, None) for v in export.videos)
    ahead = forecast(ChannelExport(videos, 0, False))
    assert "no dates" in ahead.why
    assert "0 videos have it" in ahead.why
    assert ahead.ctr is not None
    assert ahead.viewed is None


def test_the_real_channel_is_judged_honestly(data_dir: Path) -> None:
    export = read_export(data_dir / "viral/channel_metrics_by_video.csv")
    noise = np.random.default_rng(0).normal(size=len(export.videos))
    assert calibrate(export, noise).skill < 0.1
    ahead = forecast(export)
    assert ahead.ctr
    assert ahead.viewed
    assert ahead.ctr.coverage == pytest.approx(COVERAGE, abs=0.06)
    assert ahead.viewed.coverage == pytest.approx(COVERAGE, abs=0.06)
