"""A Ray cluster of this machine alone, started and stopped with this process."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray._private import ray_constants
from ray.serve.config import HTTPOptions, ProxyLocation

from serving.deployments.proxy import CALLBACK, VARIABLE
from serving.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
# Serve keeps results of at most some kilobytes there; videos never go through it.
_OBJECT_STORE_BYTES = 100_000_000


def start(settings: Settings, *, proxy: bool) -> None:
    """Start Ray and Serve, reachable from this machine only and with a token.

    Args:
        settings: of the server.
        proxy: whether Serve answers HTTP at ``settings.host`` and ``port``; without, only handles.
    """
    os.environ.update(environment(settings))
    # Ray read its mode when it was imported; it reads it again, and turns tokens on, where a new
    # cluster of this machine has none.
    os.environ.pop("RAY_AUTH_MODE", None)
    # Else its ports are open to the network; what it starts reads the environment, see there.
    ray_constants.ENABLE_RAY_CLUSTER = False
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(logging.WARNING)
    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=_OBJECT_STORE_BYTES,
        logging_level="ERROR",
    )
    options = HTTPOptions(host=settings.host, port=settings.port)
    where = ProxyLocation.HeadOnly if proxy else ProxyLocation.Disabled
    serve.start(proxy_location=where, http_options=options, logging_config={"log_level": "WARNING"})


def stop() -> None:
    """Stop Serve, which lets replicas finish, and every process of Ray."""
    serve.shutdown()
    ray.shutdown()


def environment(settings: Settings) -> dict[str, str]:
    """What Ray and its replicas need to find in their environment."""
    return {
        **proxy_environment(),
        "RAY_AUTH_TOKEN_PATH": str(_token(settings.data.absolute() / "ray-token")),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Its name for "on this machine alone", on any system.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # A replica without a GPU of its own starts jobs that may use it.
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        # Ray puts its workers behind everything else on the machine; somebody waits for a score.
        "RAY_worker_niceness": "0",
    }


def proxy_environment() -> dict[str, str]:
    """What Serve's proxies need to find so that clients do not steer them."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths), VARIABLE: CALLBACK}


def _token(path: Path) -> Path:
    """A file only we can read, with a secret that all processes of the cluster know."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    return path


def run(app: Any, name: str, *, route: str | None) -> None:
    """Deploy an application and wait until it runs."""
    serve.run(app, name=name, route_prefix=route)
