"""The one error that the client raises for what a server answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from talkreel.core.errors import TalkreelError

# What the caller can put right ends with 2, as on the command line; the rest with 1.
_CALLERS_FAULT = range(400, 500)


class ApiError(TalkreelError):
    """A request that failed.

    Args:
        code: stable, such as ``project_not_found``; ``unreachable`` when no answer came and
            ``unexpected_answer`` when it was none of this API.
        message: what was wrong, what is allowed, what to do.
        status: HTTP status; None when no answer came.
        problem: the whole problem document.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.problem = dict(problem or {})

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """Of the command line."""
        return 2 if self.status is None or self.status in _CALLERS_FAULT else 1


def unreachable(server: str, error: Exception) -> ApiError:
    """No answer came."""
    return ApiError("unreachable", f"{server} cannot be reached: {error or type(error).__name__}")
