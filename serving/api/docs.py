"""The documentation as one page that loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from serving.api.openapi import typescript

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--link:#0a66c2}
@media(prefers-color-scheme:dark){:root{--link:#6cb6ff}}
body{font:16px/1.55 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1.5rem}
h1{margin:.2em 0}h2{margin-top:2.5em;border-bottom:1px solid var(--line);text-transform:capitalize}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{background:var(--soft);padding:.8rem;overflow:auto;border-radius:6px}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}summary b{display:inline-block;min-width:4.2rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;
border-bottom:1px solid var(--line)}
a{color:var(--link)}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def page(document: dict[str, Any]) -> str:
    """The API document as HTML, with the TypeScript types of every body."""
    tags: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = operation["tags"][0]
            tags.setdefault(tag, []).append(_operation(method, path, operation, document))
    parts = [
        f"<h2 id='{escape(tag)}'>{escape(tag)}</h2>{''.join(ops)}" for tag, ops in tags.items()
    ]
    links = " · ".join(f"<a href='#{escape(tag)}'>{escape(tag)}</a>" for tag in (*tags, "types"))
    types = escape(typescript(document))
    intro = "".join(f"<p>{_marked(part)}</p>" for part in _paragraphs(document["info"]))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>talkreel API</title><style>{_STYLE}</style></head><body>"
        f"<h1>talkreel API</h1>{intro}"
        "<p>Machine-readable: <a href='openapi.json'>openapi.json</a> · "
        f"<a href='types.ts'>types.ts</a></p><nav>{links}</nav>{''.join(parts)}"
        f"<h2 id='types'>types</h2><pre>{types}</pre></body></html>"
    )


def _paragraphs(info: Mapping[str, Any]) -> Iterator[str]:
    for block in str(info["description"]).split("\n\n"):
        numbered = block.strip().splitlines()
        if numbered and numbered[0][:2] == "1.":
            yield from numbered
        else:
            yield " ".join(numbered)


def _operation(
    method: str, path: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> str:
    scope = "" if operation.get("security") else " <small>(no key needed)</small>"
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> — "
        f"{escape(operation.get('summary', ''))}{scope}</summary>"
        f"<p>{_marked(operation.get('description', ''))}</p>"
        f"{_parameters(operation)}{_request(operation, document)}{_responses(operation)}</details>"
    )


def _parameters(operation: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}"
        f"{', required' if p.get('required') else ''}</td>"
        f"<td>{_marked(p.get('description', ''))}</td></tr>"
        for p in operation.get("parameters", ())
    ]
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _request(operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    parts = []
    for media_type, body in content.items():
        name = str(body["schema"].get("$ref", "")).rsplit("/", 1)[-1]
        parts.append(f"<p>Body: {escape(media_type)} <code>{escape(name)}</code></p>")
        for example in _examples(name, document):
            text = json.dumps(example, indent=1, ensure_ascii=False)
            parts.append(f"<pre>{escape(text)}</pre>")
    return "".join(parts)


def _examples(name: str, document: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = document["components"]["schemas"].get(name, {}).get("examples", [])
    return found


def _responses(operation: Mapping[str, Any]) -> str:
    rows = []
    for status, response in operation["responses"].items():
        kinds = []
        for media_type, content in response.get("content", {}).items():
            name = str(content.get("schema", {}).get("$ref", "")).rsplit("/", 1)[-1]
            kinds.append(f"{escape(media_type)} <code>{escape(name)}</code>")
        rows.append(
            f"<tr><td>{escape(status)}</td><td>{escape(response.get('description', ''))}</td>"
            f"<td>{'<br>'.join(kinds)}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _marked(text: str) -> str:
    """Text with `code` marked."""
    parts = escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
