"""Results of variants in the world, fed back: one SQLite file for each set of alternatives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from talkreel.core.errors import InputError, OutputError

_WAIT_SECONDS = 30.0
_TABLE = """
create table if not exists results (
    number integer primary key,
    variant text not null,
    impressions integer not null check (impressions >= 0),
    successes integer not null check (successes between 0 and impressions),
    at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
)
"""


class ResultStore:
    """Counts by variant; every addition is one transaction, safe with several writers.

    Args:
        path: of the file; ``add`` makes it when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, variant: str, impressions: int, successes: int) -> None:
        """Add what a variant did since the last addition.

        Raises:
            InputError: a blank name, or counts that cannot be.
            OutputError: the file cannot be written.
        """
        if not variant.strip():
            raise InputError("--variant is blank: name the variant, e.g. its letter")
        if impressions < 0 or not 0 <= successes <= impressions:
            raise InputError(
                "results are new ones, with successes between 0 and the impressions, got "
                f"{successes} of {impressions}"
            )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make {self.path.parent}: {error.strerror}") from error
        with self._open() as store, store:
            store.execute(_TABLE)
            store.execute(
                "insert into results (variant, impressions, successes) values (?, ?, ?)",
                (variant, impressions, successes),
            )

    def totals(self) -> dict[str, tuple[int, int]]:
        """Impressions and successes by variant, in order of first appearance.

        Raises:
            InputError: no results are there, or the file is none of ours.
        """
        if not self.path.is_file():
            raise InputError(f"no results in {self.path}: add some with talkreel results add")
        query = (
            "select variant, sum(impressions), sum(successes) from results "
            "group by variant order by min(number)"
        )
        with self._open() as store:
            rows = store.execute(query).fetchall()
        return {str(name): (int(shown), int(good)) for name, shown, good in rows}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as store:
                yield store
        except sqlite3.OperationalError as error:
            raise OutputError(f"cannot use {self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path} is no file of results: {error}") from error
