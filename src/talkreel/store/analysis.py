"""An analysis on disk: readable JSON, its arrays in an ``.npz`` beside it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from talkreel.core.analysis import SCHEMA, Analysis
from talkreel.core.errors import SchemaError
from talkreel.core.jsonio import Arrays, document, load_json, read_document, write_bytes, write_text


def write_analysis(path: Path, analysis: Analysis) -> None:
    """Write ``path`` (JSON) and the same name with ``.npz``; each whole or not at all."""
    arrays: Arrays = {}
    text = json.dumps(document(analysis, SCHEMA, arrays), ensure_ascii=False, indent=1)
    buffer = io.BytesIO()
    packed: dict[str, Any] = dict(arrays)
    np.savez_compressed(buffer, **packed)
    write_bytes(path.with_suffix(".npz"), buffer.getvalue())
    write_text(path, text + "\n")


def read_analysis(path: Path) -> Analysis:
    """Read what ``write_analysis`` wrote.

    Raises:
        SchemaError: a file is missing, cut off or of another schema.
    """
    data = load_json(path)
    try:
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in packed.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise SchemaError(f"cannot read {path.with_suffix('.npz')}: {error}") from error
    return read_document(Analysis, data, SCHEMA, arrays)
