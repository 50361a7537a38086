"""The table of security rows names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TABLE = (ROOT / "serving" / "security.md").read_text(encoding="utf-8")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_row_that_is_met_names_tests_that_exist() -> None:
    met = TABLE.partition("## Met, with tests")[2].partition("## Not met")[0]
    rows = [line for line in met.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) > 30
    for row in rows:
        tests = _TEST.findall(row)
        assert tests, f"no test: {row[:60]}"
        for path, name in tests:
            source = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^(async )?def {name}\(", source, re.M), f"{path}::{name}"


def test_no_row_is_both_met_and_not() -> None:
    numbers: list[str] = []
    for line in TABLE.splitlines():
        if re.match(r"\| \d", line):
            numbers += re.findall(r"\d+\.\d+\.\d+", line.split("|")[1])
    assert len(numbers) == len(set(numbers))
