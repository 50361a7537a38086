"""Every file of ``configs/serving`` is what Ray and the builder understand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from serving.app import AppArgs, build

FOLDER = Path(__file__).resolve().parents[3] / "configs" / "serving"
SERVE = ["dev", "prod", "rayservice"]


def config_of(name: str) -> dict[str, Any]:
    document = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    if document.get("kind") == "RayService":
        document = yaml.safe_load(document["spec"]["serveConfigV2"])
    assert isinstance(document, dict)
    return document


def deployments(application: Any) -> set[str]:
    """Names of an application's deployments, the bound ones too."""
    bound = application._bound_deployment
    names = {bound.name}
    for part in bound.init_args:
        if hasattr(part, "_bound_deployment"):
            names |= deployments(part)
    return names


def test_no_file_is_forgotten() -> None:
    known = {f"{name}.yaml" for name in [*SERVE, "bentofile"]}
    assert {path.name for path in FOLDER.iterdir()} == known


@pytest.mark.parametrize("name", SERVE)
def test_a_file_is_understood(name: str) -> None:
    schema = ServeDeploySchema.model_validate(config_of(name))
    (application,) = schema.applications
    assert application.import_path == f"{build.__module__}:{build.__name__}"
    args = AppArgs.model_validate(application.args)
    named = {deployment.name for deployment in application.deployments}
    assert named <= deployments(build(args))


def test_clusters_ask_for_tokens_and_keep_the_dashboard_to_themselves() -> None:
    spec = yaml.safe_load((FOLDER / "rayservice.yaml").read_text())["spec"]["rayClusterConfig"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    assert groups[0]["rayStartParams"]["dashboard-host"] == "127.0.0.1"
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        variables = {one["name"]: one for one in container["env"]}
        assert variables["RAY_AUTH_MODE"]["value"] == "token"
        assert "secretKeyRef" in variables["RAY_AUTH_TOKEN"]["valueFrom"]


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="Input should be greater than or equal to 1"):
        AppArgs.model_validate({"scorer_replicas": "0"})
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        AppArgs.model_validate({"workres": "2"})
    assert AppArgs.model_validate({"workers": "2"}).settings.workers == 2
