"""Composes configurations outside of Hydra's own command line."""

from __future__ import annotations

import os
from collections.abc import Sequence

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from talkreel.core.errors import InputError
from talkreel.data.manifest import CHECKOUT

CONFIGS = CHECKOUT / "configs"


def compose(name: str, overrides: Sequence[str]) -> DictConfig:
    """``configs/<name>.yaml`` with ``overrides``.

    ``TALKREEL_CONFIGS`` names one more folder of groups, for tasks kept outside of the project.

    Raises:
        InputError: an unknown name, group or value.
    """
    extra = os.environ.get("TALKREEL_CONFIGS")
    search = [f"hydra.searchpath=[file://{extra}]"] if extra else []
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(CONFIGS), version_base=None):
            return hydra.compose(name, [*search, *overrides])
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(str(error).replace("\n", " ")) from error
