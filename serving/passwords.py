"""Passwords: argon2id, and never so many hashes at once that the machine chokes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
MAX_LENGTH = 256
# OWASP's 19 MiB, two passes and one lane are the least; this is RFC 9106's low-memory choice
# with one lane, for lanes are threads and the cores are busy.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(2)
_WAIT_SECONDS = 5.0


class Busy(Exception):
    """Too many sign in at once."""


def hashed(password: str) -> str:
    """What is kept of a password.

    Raises:
        ValueError: too short or too long.
        Busy: too many at once.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise ValueError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    with _turn():
        return _HASHER.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Whether ``kept`` was made of ``password``; without ``kept`` it takes as long to say no.

    Raises:
        Busy: too many at once.
    """
    with _turn():
        try:
            return _HASHER.verify(kept or _decoy(), password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Whether it was made with weaker settings than today's."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _decoy() -> str:
    return _HASHER.hash("nobody has this password")


@contextmanager
def _turn() -> Iterator[None]:
    if not _AT_ONCE.acquire(timeout=_WAIT_SECONDS):
        raise Busy
    try:
        yield
    finally:
        _AT_ONCE.release()
