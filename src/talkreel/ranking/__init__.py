"""Signals and transcript to ranked candidates: pure functions, no torch."""
