"""The ``talkreel`` command."""

from talkreel.cli.main import main

__all__ = ["main"]
