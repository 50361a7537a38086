"""Results of variants on disk, and the commands around them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from talkreel.cli import main
from talkreel.core.errors import InputError, OutputError
from talkreel.store.results import ResultStore


def test_results_add_up_with_several_writers(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "deep" / "results.db")
    store.add("A", 0, 0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: ResultStore(store.path).add("AB"[i % 2], 10, i % 3), range(40)))
    assert store.totals() == {"A": (200, 20), "B": (200, 19)}


@pytest.mark.parametrize(("shown", "good"), [(5, 6), (-1, 0), (2, -1)])
def test_impossible_results_change_nothing(tmp_path: Path, shown: int, good: int) -> None:
    store = ResultStore(tmp_path / "r.db")
    with pytest.raises(InputError, match="between 0 and the impressions"):
        store.add("A", shown, good)
    with pytest.raises(InputError, match="blank"):
        store.add(" ", 1, 1)
    assert not store.path.exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but long enough to look at" * 20)
    with pytest.raises(InputError, match="no file of results"):
        ResultStore(tmp_path / "text").add("A", 1, 1)
    with pytest.raises(OutputError):
        ResultStore(tmp_path).add("A", 1, 1)
    with pytest.raises(InputError, match="results add"):
        ResultStore(tmp_path / "none.db").totals()


def test_the_commands_share_out_the_next_viewers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(tmp_path / "r.db"), "--json"]
    for variant, shown, good in (("A", 900, 18), ("B", 900, 63), ("C", 10, 0)):
        counts = ["--impressions", str(shown), "--successes", str(good)]
        assert main(["results", "add", "--variant", variant, *counts, *store]) == 0
    capsys.readouterr()
    assert main(["results", "next", "--viewers", "500", *store]) == 0
    rows = {row["variant"]: row for row in json.loads(capsys.readouterr().out)["variants"]}
    assert sum(row["next"] for row in rows.values()) == 500
    assert rows["B"]["next"] > rows["A"]["next"]
    assert rows["B"]["best"] > 0.5
    assert main(["results", "next", "--viewers", "0", *store]) == 2
