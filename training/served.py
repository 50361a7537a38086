"""A bundle as an MLflow model ("models from code": this file is the model, nothing is pickled).

Only MLflow imports it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import torch

from talkreel.models.bundle import load
from talkreel.models.outputs import answers


class ServedBundle(mlflow.pyfunc.PythonModel):
    """Answers named arrays with named arrays."""

    def load_context(self, context: Any) -> None:
        """Read the bundle once."""
        self._net = load(Path(context.artifacts["bundle"])).net

    # MLflow would take a type hint of the input for its schema.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Outputs of the network for ``model_input``, a dict of arrays."""
        inputs = {name: torch.from_numpy(np.array(value)) for name, value in model_input.items()}
        return answers(self._net, inputs)


mlflow.models.set_model(ServedBundle())
