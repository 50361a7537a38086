"""The bundles a job reads with: those that the settings name for its tenant, as of its start."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from serving.settings import Settings
from talkreel.core.errors import InputError

_LOG = logging.getLogger(__name__)


def gather_bundles(settings: Settings, tenant_id: str, folder: Path) -> tuple[Path | None, str]:
    """Put a checked copy of every bundle that is not the shipped one under ``folder``.

    A role whose bundle is away or was changed is left out, so that the shipped one plays it.

    Args:
        settings: ``bundles``, ``tenant_bundles`` and ``registry_url``.
        tenant_id: whose job it is.
        folder: made when needed.

    Returns:
        The folder for ``TALKREEL_BUNDLES``, None where all are shipped ones, and a warning or "".
    """
    wanted = {**settings.bundles, **settings.tenant_bundles.get(tenant_id, {})}
    if not wanted:
        return None, ""
    # Both import torch, which a worker does without as long as it can.
    from serving.scoring.registry import locate
    from talkreel.models.bundle import read_spec

    refused = []
    for role, uri in wanted.items():
        target = folder / role
        try:
            with locate(uri, role, settings.registry_url).open() as found:
                shutil.copytree(found, target)
            read_spec(target)
        except (InputError, OSError) as error:
            _LOG.error("the bundle of %s is refused: %s", role, error)
            shutil.rmtree(target, ignore_errors=True)
            refused.append(role)
    if not refused:
        return folder, ""
    return (
        folder,
        f"the shipped model of {', '.join(refused)} was used: the server's own is unsound",
    )
