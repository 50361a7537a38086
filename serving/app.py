"""The whole service: a typed builder for Ray Serve, and one command that starts everything.

    python -m serving.app                       # Ray Serve on this machine
    python -m serving.app --no-ray              # the same API without Ray, for laptops
    serve run serving.app:build data=/srv/talkreel

Settings that have no option here are environment variables: ``TALKREEL_SERVE_<NAME>``.
"""

# No postponed annotations here: Ray looks at the builder's to see that arguments are checked.
import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from pydantic import Field, ValidationError
from ray.serve import Application

from serving.deployments import cluster
from serving.deployments.background import BackgroundDeployment, WorkerDeployment
from serving.deployments.ingress import ingress
from serving.deployments.roles import EmotionDeployment, EngagementDeployment, HookDeployment
from serving.deployments.scorer import ScorerDeployment
from serving.settings import Settings
from serving.standalone import serve_here
from talkreel.core.errors import TalkreelError

APP = "talkreel"


class AppArgs(Settings):
    """Arguments of ``build``: every setting of the server, and how many replicas.

    The number of render workers is the setting ``workers``.
    """

    api_replicas: int = Field(default=1, ge=1)
    scorer_replicas: int = Field(default=1, ge=1, description="of the fused scorer")

    @property
    def settings(self) -> Settings:
        """The part that every process gets; ``data`` is made absolute."""
        values = self.model_dump(include=set(Settings.model_fields))
        return Settings(**values | {"data": self.data.absolute()})


def build(args: AppArgs) -> Application:
    """The application; the topology is a setting.

    Args:
        args: checked by Ray when they come from a command line or a file.
    """
    if not ray.is_initialized():
        # ``serve run`` calls this before it starts a cluster, which gets this environment.
        os.environ.update(cluster.proxy_environment())
    api = ingress(args.settings, args.scorer_replicas).options(num_replicas=args.api_replicas)
    return api.bind(*scorers(args), *workers(args.settings), background(args))


def scorers(args: AppArgs) -> list[Application]:
    """The scoring stage: one deployment, or one per network."""
    if args.topology == "fused":
        fused: Any = ScorerDeployment
        return [fused.options(num_replicas=args.scorer_replicas).bind(args.settings)]
    kinds: list[Any] = [EngagementDeployment, HookDeployment, EmotionDeployment]
    return [kind.bind(args.settings) for kind in kinds]


def workers(settings: Settings) -> list[Application]:
    """The render stage: a replica for each worker."""
    if not settings.workers:
        return []
    worker: Any = WorkerDeployment
    return [worker.options(num_replicas=settings.workers).bind(settings)]


def background(args: AppArgs, *parts: Application) -> Application:
    """What works without being asked, and what is to be started with it."""
    deployment: Any = BackgroundDeployment
    return deployment.bind(args.settings, *parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m serving.app", description=__doc__)
    parser.add_argument("--no-ray", action="store_true", help="one process and its workers")
    parser.add_argument("--data", type=Path, help="folder of everything that is kept")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8000)")
    parser.add_argument("--workers", type=int, help="render workers (default 1)")
    parser.add_argument("--topology", choices=["fused", "distributed"])
    given = vars(parser.parse_args(arguments))
    without_ray = given.pop("no_ray")
    try:
        args = AppArgs(**{name: value for name, value in given.items() if value is not None})
        if without_ray:
            serve_here(args.settings)
        else:
            _serve_with_ray(args)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        return _refuse(f"the setting {name}: {first['msg']}, got {first['input']!r}")
    except TalkreelError as error:
        return _refuse(str(error))
    return 0


def _serve_with_ray(args: AppArgs) -> None:
    """Scorers and workers as deployments, the API in this process in front of them.

    Serve's own proxy would add its time to every request and carry every uploaded byte between
    processes; ``build`` has the API as an ingress for clusters that need it there.
    """
    from serving.deployments.ingress import connected
    from serving.standalone import serve_api

    cluster.start(args.settings, proxy=False)
    try:
        parts = background(args, *scorers(args), *workers(args.settings))
        cluster.run(parts, APP, route=None)
        serve_api(args.settings, connected(args.settings, APP, args.scorer_replicas))
    finally:
        cluster.stop()


def _refuse(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
