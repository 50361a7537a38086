"""One Ray cluster for all tests here; what an application leaves is removed with the cluster."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from threadpoolctl import threadpool_limits

with warnings.catch_warnings():
    # Ray defines its models in a way that pydantic has deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ray
    from ray import serve

    from serving.deployments import cluster
    from serving.scoring.local import LocalScorer
    from serving.scoring.models import SCORING, Models
    from serving.settings import Settings
    from tests.serving.bundles import hook_bundle, talk
    from tests.serving.servers import free_port

__all__ = ["hook_bundle", "talk"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Ray leaves sockets and files of processes it has killed to the garbage collector.
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
            item.add_marker(
                pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
            )


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a running cluster whose proxy listens where they say."""
    data = tmp_path_factory.mktemp("ray") / "data"
    settings = Settings(data=data, port=free_port(), min_free_bytes=0, lease_seconds=2.0)
    before = dict(os.environ)
    cluster.start(settings, proxy=True)
    with threadpool_limits():
        yield settings
    cluster.stop()
    os.environ.clear()
    os.environ.update(before)
    assert not ray.is_initialized()
    assert not replicas("")


@pytest.fixture
def deployed(base: Settings) -> Iterator[Callable[..., str]]:
    """Runs an application without a route; it is removed after the test."""
    names: list[str] = []

    def run(app: serve.Application, name: str, route: str | None = None) -> str:
        names.append(name)
        cluster.run(app, name, route=route)
        return name

    yield run
    for name in names:
        serve.delete(name)


@pytest.fixture(scope="session")
def local() -> Iterator[LocalScorer]:
    scorer = LocalScorer(Models(roles=SCORING))
    yield scorer
    scorer.close()


def replicas(deployment: str) -> list[psutil.Process]:
    """Processes of a deployment's replicas."""
    title = f"ray::ServeReplica:{deployment}"
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or [""]
        if line[0].startswith(title):
            found.append(process)
    return found
