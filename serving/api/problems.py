"""Errors as problem documents (RFC 9457) with codes that stay."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
# Of tus, not of HTTP.
_TITLES = {460: "Checksum Mismatch"}


class Problem(Exception):
    """One clear error for the client.

    Args:
        status: HTTP status.
        code: stable, e.g. ``project_not_found``; clients may branch on it.
        detail: what was wrong, what is allowed, what to do; one sentence or two.
        headers: to send along.
        extra: more members of the document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    @property
    def document(self) -> dict[str, Any]:
        """The body, of type ``application/problem+json``."""
        return {
            "type": f"urn:talkreel:problem:{self.code}",
            "title": _TITLES.get(self.status) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extra,
        }
