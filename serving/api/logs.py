"""One JSON line per request and per failure; nothing secret in it."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

ACCESS = logging.getLogger("serving.access")
ERRORS = logging.getLogger("serving.errors")
_FIELDS = "talkreel"


class JsonLines(logging.Formatter):
    """Records as JSON objects with the time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


def set_up_logs() -> None:
    """Write the service's own log lines to standard error, once per process."""
    logger = logging.getLogger("serving")
    if not any(isinstance(handler.formatter, JsonLines) for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        logger.addHandler(handler)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


def log(logger: logging.Logger, message: str, *, error: bool = False, **fields: Any) -> None:
    """Write a line; with ``error`` the exception being handled goes along."""
    level = logging.ERROR if error else logging.INFO
    shown = {name: value for name, value in fields.items() if value is not None}
    logger.log(level, message, extra={_FIELDS: shown}, exc_info=error)
