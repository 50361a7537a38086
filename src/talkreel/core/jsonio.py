"""Records to JSON and back, with a schema name and version on every document.

A document is ``{"schema": "edit/1", ...fields}``. Reading checks every field against the
record's own type hints, so a wrong document fails with the path of the wrong field.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from talkreel.core.errors import OutputError, SchemaError

T = TypeVar("T")
Json = dict[str, Any]
Upgrade = Callable[[Json], Json]
Arrays = dict[str, np.ndarray[Any, Any]]

# schema name -> {old version: function to the next version}. Filled as schemas change.
UPGRADES: dict[str, dict[int, Upgrade]] = {}


def encode(value: object, arrays: Arrays | None = None) -> Any:
    """A record, enum, fraction, array or container as plain JSON values (NaN becomes null).

    With ``arrays``, numpy arrays are put there under a name and replaced by ``{"npz": name}``.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field for field in dataclasses.fields(value) if field.init)
        return {field.name: encode(getattr(value, field.name), arrays) for field in fields}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, np.ndarray):
        if arrays is None:
            return encode(value.tolist())
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"npz": name}
    if isinstance(value, (list, tuple)):
        return [encode(item, arrays) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item, arrays) for key, item in value.items()}
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def document(record: object, schema: str, arrays: Arrays | None = None) -> Json:
    """``record`` as a JSON document of ``schema`` (``name/version``); see ``encode``."""
    return {"schema": schema, **encode(record, arrays)}


def decode(kind: type[T], value: Any, arrays: Mapping[str, Any] | None = None) -> T:
    """Plain JSON values as ``kind``; ``{"npz": name}`` is looked up in ``arrays``.

    Raises:
        SchemaError: a field is missing, unknown, of the wrong type or refused by the record.
    """
    if arrays is not None:
        value = _fill(value, arrays)
    return typing.cast(T, _decode(kind, value, "$"))


def _fill(value: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"npz"}:
            if value["npz"] not in arrays:
                raise SchemaError(f"the array {value['npz']!r} is missing from the .npz file")
            return arrays[value["npz"]]
        return {key: _fill(item, arrays) for key, item in value.items()}
    return [_fill(item, arrays) for item in value] if isinstance(value, list) else value


def read_document(
    kind: type[T], data: object, schema: str, arrays: Mapping[str, Any] | None = None
) -> T:
    """A JSON document of ``schema`` as ``kind``, upgraded when it is older.

    Raises:
        SchemaError: another schema, a newer version, or a wrong field.
    """
    name, _, version = schema.partition("/")
    if not isinstance(data, dict) or "schema" not in data:
        raise SchemaError(f'this is not a talkreel document: no "schema"; expected {schema}')
    got_name, _, got_version = str(data["schema"]).partition("/")
    if got_name != name or not got_version.isdigit():
        raise SchemaError(f"expected a document of schema {schema}, got {data['schema']!r}")
    at = int(got_version)
    if at > int(version):
        raise SchemaError(f"{data['schema']} is newer than {schema}: update talkreel to read it")
    body = {key: item for key, item in data.items() if key != "schema"}
    while at < int(version):
        step = UPGRADES.get(name, {}).get(at)
        if step is None:
            raise SchemaError(f"{name}/{at} is too old: no upgrade to {schema} is known")
        body, at = step(body), at + 1
    return decode(kind, body, arrays)


def load_json(path: Path) -> object:
    """The parsed file.

    Raises:
        SchemaError: missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SchemaError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SchemaError(f"{path} is not JSON: {error}") from error


def write_text(path: Path, text: str) -> None:
    """Write whole or not at all: to a temporary name in the same folder, then renamed.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """As ``write_text``, for bytes."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {path}: {error.strerror}; choose a folder you can write to with "
            "enough free space"
        ) from error


def write_document(path: Path, record: object, schema: str) -> None:
    """Write ``record`` as an indented JSON document, whole or not at all."""
    text = json.dumps(document(record, schema), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), value, where)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), value, where)
    if origin is dict:
        _expect(isinstance(value, dict), where, "an object", value)
        inner = typing.get_args(kind)[1]
        return {key: _decode(inner, item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_record(kind, value, where)
    return _decode_plain(kind, origin, value, where)


def _decode_plain(kind: Any, origin: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if origin is np.ndarray:
        return _decode_array(value, where)
    if isinstance(kind, type) and issubclass(kind, (Enum, Fraction)):
        _expect(isinstance(value, (str, int)), where, kind.__name__, value)
        try:
            return kind(value)
        except (ValueError, ZeroDivisionError) as error:
            raise SchemaError(f"{where}: {error}") from error
    if kind is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        _expect(number, where, "a number", value)
        return float(value)
    _expect(type(value) is kind, where, kind.__name__, value)
    return value


def _decode_array(value: Any, where: str) -> Any:
    if isinstance(value, np.ndarray):
        return value
    _expect(isinstance(value, list), where, "a list of numbers", value)
    try:
        return np.array(
            [[_nan(x) for x in row] if isinstance(row, list) else _nan(row) for row in value],
            dtype=np.float64,
        )
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{where}: not an array of numbers: {error}") from error


def _nan(value: Any) -> Any:
    return math.nan if value is None else value


def _decode_union(options: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in options:
        return None
    real = [option for option in options if option is not type(None)]
    fitting = next((option for option in real if type(value) is option), real[0])
    return _decode(fitting, value, where)


def _decode_tuple(inner: tuple[Any, ...], value: Any, where: str) -> Any:
    _expect(isinstance(value, list), where, "a list", value)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_decode(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    _expect(len(value) == len(inner), where, f"a list of {len(inner)}", value)
    return tuple(
        _decode(kind, item, f"{where}[{i}]")
        for i, (kind, item) in enumerate(zip(inner, value, strict=True))
    )


def _decode_record(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), where, f"an object ({kind.__name__})", value)
    hints = typing.get_type_hints(kind)
    fields: Mapping[str, Any] = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise SchemaError(f"{where}: unknown field {unknown[0]!r}; {kind.__name__} has no such")
    arguments = {
        name: _decode(hints[name], item, f"{where}.{name}") for name, item in value.items()
    }
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{where}: {error}") from error


def _expect(fits: bool, where: str, wanted: str, got: Any) -> None:
    if not fits:
        raise SchemaError(f"{where}: expected {wanted}, got {str(got)[:60]!r}")
