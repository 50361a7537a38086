"""The API as the ingress of a Serve application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from ray import serve

from serving.deployments.proxy import CALLBACK, VARIABLE, is_guarded
from serving.deployments.roles import DistributedScorer
from serving.deployments.scorer import HandleScorer
from serving.scoring.readers import EMOTION, ENGAGEMENT, HOOK
from serving.scoring.scores import Scorer
from serving.settings import Settings

SCORER = "Scorer"
DEPLOYMENT_OF = {ENGAGEMENT: "Engagement", HOOK: "Hook", EMOTION: "Emotion"}


def connected(settings: Settings, app: str | None = None, replicas: int = 1) -> Scorer:
    """A scorer over the handles of the running application.

    Args:
        settings: of the server.
        app: its name; this replica's if None.
        replicas: of the fused scorer.
    """

    def handle(name: str) -> Any:
        return serve.get_deployment_handle(name, app)

    if settings.topology == "fused":
        return HandleScorer(handle(SCORER), replicas)
    handles = {role: handle(name) for role, name in DEPLOYMENT_OF.items()}
    return DistributedScorer(handles, settings.tenant_bundles)


def ingress(settings: Settings, replicas: int = 1) -> Any:
    """The deployment that answers HTTP.

    Args:
        settings: of the server.
        replicas: of the fused scorer.
    """

    def api() -> FastAPI:
        # Called in the replica: what is opened here stays there.
        from serving.api.app import create_app
        from serving.api.logs import ERRORS
        from serving.services import open_services

        app = create_app(open_services(settings, connected(settings, replicas=replicas)))
        if not is_guarded():
            ERRORS.error(
                "clients can steer Serve's proxy: start Ray with %s=%s", VARIABLE, CALLBACK
            )
        return app

    @serve.deployment(
        name="Api",
        max_ongoing_requests=1000,
        ray_actor_options={"num_cpus": 0.1},
        health_check_period_s=5,
        health_check_timeout_s=30,
        graceful_shutdown_timeout_s=10,
    )
    @serve.ingress(api)
    class ApiIngress:
        """Answers requests; the parts it is bound to are started with it."""

        def __init__(self, *parts: Any) -> None:
            self._parts = parts

    return ApiIngress
