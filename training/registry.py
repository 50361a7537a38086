"""MLflow's registry: a bundle as a model version, and the aliases ``challenger``, ``champion``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from training.loggers import EXPERIMENT, be_quick, warn

log = logging.getLogger(__name__)
T = TypeVar("T")

CHALLENGER, CHAMPION = "challenger", "champion"
SERVED = Path(__file__).with_name("served.py")
_NAME = "bundle"


def log_metrics(uri: str, run_id: str, values: Mapping[str, float]) -> None:
    """Add numbers to a run; a warning if the server cannot be reached."""

    def send() -> None:
        for name, value in values.items():
            client(uri).log_metric(run_id, _key(name), value)

    reached(uri, send)


def register(
    uri: str,
    bundle: Path,
    name: str,
    *,
    run_id: str,
    example: Mapping[str, Any],
    outputs: Mapping[str, Any],
    tags: Mapping[str, str],
) -> str | None:
    """Log ``bundle`` as a new version of ``name`` and make it the challenger.

    The model is ``served.py`` and the bundle folder beside it: nothing is pickled.

    Args:
        uri: of the tracking server.
        bundle: folder.
        name: of the registered model.
        run_id: to log under; empty makes a run.
        example: inputs by name, arrays.
        outputs: what the network answers to them.
        tags: of the version.

    Returns:
        The version, or None with a warning if the server cannot be reached.
    """

    def send() -> str:
        import mlflow

        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(experiment_id=experiment(uri))
        with mlflow.start_run(run_id=run_id or None):
            logged = mlflow.pyfunc.log_model(
                name=_NAME,
                python_model=str(SERVED),
                artifacts={_NAME: str(bundle)},
                signature=signature(example, outputs),
                input_example=dict(example),
                pip_requirements=["talkreel", "torch"],
                registered_model_name=name,
            )
        version = str(logged.registered_model_version)
        for key, value in tags.items():
            client(uri).set_model_version_tag(name, version, key, value)
        client(uri).set_registered_model_alias(name, CHALLENGER, version)
        return version

    return reached(uri, send)


def experiment(uri: str) -> str:
    """Id of the experiment that all runs belong to; made if it is new.

    Beside a database file the artifacts lie in ``artifacts``, not in the working directory.
    """
    found = client(uri).get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    place = None
    if uri.startswith("sqlite:///"):
        place = (Path(uri.removeprefix("sqlite:///")).parent / "artifacts").resolve().as_uri()
    return str(client(uri).create_experiment(EXPERIMENT, place))


def signature(example: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
    """Names, types and shapes; every dimension but the last may differ (rows, seconds)."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    def schema(arrays: Mapping[str, Any]) -> Schema:
        specs = []
        for name, value in arrays.items():
            array = np.asarray(value)
            free = max(array.ndim - 1, min(array.ndim, 1))
            shape = (*([-1] * free), *array.shape[free:])
            specs.append(TensorSpec(array.dtype, shape, name))
        return Schema(specs)

    return ModelSignature(inputs=schema(example), outputs=schema(outputs))


def version_of(uri: str, name: str, alias: str) -> Any | None:
    """The version that carries ``alias``, None if none does."""
    from mlflow.exceptions import MlflowException

    try:
        return client(uri).get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def bundle_of(uri: str, name: str, alias: str) -> Path:
    """The bundle folder of the version with ``alias``, fetched if it lies elsewhere."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    place = mlflow.artifacts.download_artifacts(f"models:/{name}@{alias}/artifacts")
    return next(path.parent for path in Path(place).glob("**/bundle.json"))


def client(uri: str) -> Any:
    """Of the tracking server and its registry."""
    from mlflow import MlflowClient

    be_quick()
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def reached(uri: str, step: Callable[[], T]) -> T | None:
    """``step()``, or None with a warning when MLflow does not answer or refuses."""
    from mlflow.exceptions import MlflowException

    be_quick()
    try:
        return step()
    except (MlflowException, OSError) as error:
        warn(f"MLflow at {uri}", error)
        return None


def _key(name: str) -> str:
    """A name of a metric with the characters that MLflow allows."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
