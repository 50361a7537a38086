from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from threadpoolctl import threadpool_limits

from serving.scoring.local import LocalScorer
from serving.scoring.models import SCORING, Models
from tests.serving.bundles import hook_bundle, talk

__all__ = ["hook_bundle", "talk"]


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[None]:
    """A scorer makes the whole process work on one core; others want theirs back."""
    before = torch.get_num_threads()
    with threadpool_limits():
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def scorer() -> Iterator[LocalScorer]:
    local = LocalScorer(Models(roles=SCORING))
    yield local
    local.close()
