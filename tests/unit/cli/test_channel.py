from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from talkreel.cli import main
from talkreel.core.errors import ModelMissing
from talkreel.models.shipped import bundle_folder


def write_export(folder: Path, count: int) -> Path:
    rng = np.random.default_rng(0)
    rows = [
        f"Video {n},{int(seen)},{ctr:.2f},{viewed:.1f}"
        for n, (seen, ctr, viewed) in enumerate(rng.uniform((1e3, 2, 20), (1e5, 8, 60), (count, 3)))
    ]
    path = folder / "export.csv"
    header = "Title,Impressions,Click-through rate (%),Average percentage viewed (%)"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def test_forecast_as_json_and_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write_export(tmp_path, 60))
    assert main(["forecast", path, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "forecast/1"
    assert 0 < found["ctr"]["low"] < found["ctr"]["value"] < found["ctr"]["high"] < 1
    assert found["viewed"]["tested"] == 45
    assert main(["forecast", path]) == 0
    assert "click-through rate" in capsys.readouterr().out


def test_few_videos_give_no_forecast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", str(write_export(tmp_path, 5))]) == 0
    assert capsys.readouterr().out == "not enough data: 5 videos, 30 needed\n"


def test_calibrate_says_whether_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        bundle_folder("hook")
    except ModelMissing:
        pytest.skip("no hook bundle is exported yet")
    assert main(["calibrate", str(write_export(tmp_path, 60)), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "calibration/1"
    assert not found["accepted"]
    assert "no better than its mean" in found["why"]


@pytest.mark.parametrize("command", ["calibrate", "forecast"])
def test_what_is_no_export_is_one_line_and_code_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path / "gone.csv"), "--json"]) == 2
    shown = capsys.readouterr()
    assert "gone.csv" in json.loads(shown.out)["message"]
    assert shown.err.count("\n") == 1
