"""Cursors: where the next page begins, opaque to clients."""

from __future__ import annotations

import base64
import binascii
import json

from serving.api.problems import Problem

MAX_PAGE = 200
_MAX_CURSOR = 500


def encode_cursor(*values: str | int) -> str:
    """A cursor that stands after a row with these sort keys."""
    packed = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type) -> tuple[str | int, ...]:
    """The sort keys in a cursor, which must be of these kinds.

    Raises:
        Problem: 400, not a cursor of this list.
    """
    try:
        if len(cursor) > _MAX_CURSOR:
            raise ValueError
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, list) or [type(v) for v in values] != list(kinds):
            raise ValueError
        if any(isinstance(v, int) and abs(v) > 2**31 for v in values):
            raise ValueError
    except (ValueError, binascii.Error, RecursionError) as error:
        raise Problem(
            400, "bad_cursor", "this cursor is not one of this list: take `next` of its last page"
        ) from error
    return tuple(values)
