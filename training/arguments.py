"""``name=value`` arguments of the commands that need no Hydra configuration."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from talkreel.core.errors import InputError, TalkreelError

T = TypeVar("T")


def parse(kind: type[T], arguments: Sequence[str]) -> T:
    """A ``kind`` (a dataclass of plain fields) from ``name=value`` arguments.

    Raises:
        InputError: an unknown name, a value of the wrong type, or a required one left out.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(kind), OmegaConf.from_cli(list(arguments)))
        made = OmegaConf.to_object(merged)
    except (OmegaConfBaseException, ValueError) as error:
        allowed = " ".join(f"{name}=..." for name in kind.__dataclass_fields__)  # type: ignore[attr-defined]
        raise InputError(f"{str(error).splitlines()[0]}; allowed: {allowed}") from error
    assert isinstance(made, kind)
    return made


def say(text: str) -> None:
    """A result, for people and pipes."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(main: Callable[[Sequence[str]], None], arguments: Sequence[str]) -> int:
    """Call ``main``; an error that a person can act on becomes one line and an exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    try:
        main(arguments)
    except TalkreelError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; run the same command again to go on\n")
        return 130
    return 0
