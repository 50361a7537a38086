"""A bundle as an MLflow model ("models from code": this file is the model, nothing is pickled)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import torch

from talkreel.models.bundle import load


class ServedBundle(mlflow.pyfunc.PythonModel):
    """Answers named arrays with named arrays."""

    def load_context(self, context: Any) -> None:
        """Read the bundle once."""
        self._net = load(Path(context.artifacts["bundle"])).net

    # MLflow would take a type hint of the input for its schema.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Outputs of the network for ``model_input``, a dict of arrays."""
        inputs = {name: torch.from_numpy(np.array(value)) for name, value in model_input.items()}
        with torch.inference_mode():
            return named_outputs(self._net(**inputs))


def named_outputs(found: Any) -> dict[str, Any]:
    """Tensors of any nesting as arrays: ``output``, ``output_0``…, or by their own names."""
    if isinstance(found, torch.Tensor):
        return {"output": found.detach().cpu().float().numpy()}
    if isinstance(found, dict):
        named = found
    elif hasattr(found, "_asdict"):
        named = found._asdict()
    else:
        named = {f"output_{at}": part for at, part in enumerate(found)}
    return {
        str(name): value.detach().cpu().float().numpy()
        for name, value in named.items()
        if isinstance(value, torch.Tensor)
    }


mlflow.models.set_model(ServedBundle())
