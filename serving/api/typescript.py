"""JSON schemas as TypeScript types."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def to_typescript(schemas: Mapping[str, Mapping[str, Any]]) -> str:
    """One exported type per schema, in order of name."""
    return "\n\n".join(_declaration(name, schemas[name]) for name in sorted(schemas)) + "\n"


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    head = _comment(schema, "") + f"export type {_identifier(name)} = "
    return f"{head}{_type(schema, '')};"


def _type(schema: Mapping[str, Any], indent: str) -> str:
    if "$ref" in schema:
        return _identifier(str(schema["$ref"]).rsplit("/", 1)[-1])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for kind in ("anyOf", "oneOf"):
        if kind in schema:
            return " | ".join(dict.fromkeys(_type(part, indent) for part in schema[kind]))
    if "allOf" in schema:
        return " & ".join(_type(part, indent) for part in schema["allOf"])
    match schema.get("type"):
        case "array":
            return _array(schema, indent)
        case "object":
            return _object(schema, indent)
        case list(kinds):
            return " | ".join(_type({**schema, "type": kind}, indent) for kind in kinds)
        case other:
            return _PLAIN.get(str(other), "unknown")


def _array(schema: Mapping[str, Any], indent: str) -> str:
    if "prefixItems" in schema:
        return "[" + ", ".join(_type(part, indent) for part in schema["prefixItems"]) + "]"
    inner = _type(schema.get("items", {}), indent)
    return f"({inner})[]" if " | " in inner or " & " in inner else f"{inner}[]"


def _object(schema: Mapping[str, Any], indent: str) -> str:
    properties = schema.get("properties")
    if not properties:
        inner = schema.get("additionalProperties")
        return f"Record<string, {_type(inner, indent) if isinstance(inner, dict) else 'unknown'}>"
    deeper = indent + "  "
    required = set(schema.get("required", ()))
    lines = []
    for name, part in properties.items():
        optional = "" if name in required else "?"
        key = name if _NAME.match(name) else json.dumps(name)
        lines.append(f"{_comment(part, deeper)}{deeper}{key}{optional}: {_type(part, deeper)};")
    return "{\n" + "\n".join(lines) + f"\n{indent}}}"


def _comment(schema: Mapping[str, Any], indent: str) -> str:
    text = str(schema.get("description", "")).strip().replace("*/", "* /")
    if not text:
        return ""
    first, *rest = text.splitlines()
    if not any(line.strip() for line in rest):
        return f"{indent}/** {first} */\n"
    body = "\n".join(f"{indent} * {line.strip()}".rstrip() for line in text.splitlines())
    return f"{indent}/**\n{body}\n{indent} */\n"


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)
