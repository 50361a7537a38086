"""The HTML report of a job: playable clips, curves, transcript and reasons on one page."""

from __future__ import annotations

from talkreel.report.page import write_report

__all__ = ["write_report"]
