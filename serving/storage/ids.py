"""Identifiers: a kind, the time, and enough chance that nobody guesses one."""

from __future__ import annotations

import secrets
import time


def new_id(kind: str) -> str:
    """Such as ``prj_019a…``; ids of one kind sort by the time they were made."""
    return f"{kind}_{time.time_ns() // 1000:014x}{secrets.token_hex(8)}"
