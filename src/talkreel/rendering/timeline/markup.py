"""XML text from nested tuples: what the writers of XML formats share."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET


def element(
    name: str, /, *children: ET.Element | None, text: object = None, **attributes: object
) -> ET.Element:
    """An element; ``None`` among the children is left out, a last ``_`` of a name too."""
    made = ET.Element(name, {key.rstrip("_"): str(value) for key, value in attributes.items()})
    made.extend(child for child in children if child is not None)
    if text is not None:
        made.text = str(text)
    return made


def leaf(name: str, value: object) -> ET.Element:
    """An element that holds ``value``; booleans as ``TRUE`` and ``FALSE``."""
    shown = str(value).upper() if isinstance(value, bool) else value
    return element(name, text=shown)


def document(root: ET.Element, doctype: str = "") -> str:
    """``root`` as a file's text."""
    ET.indent(root, " ")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' + (
        f"<!DOCTYPE {doctype}>\n" if doctype else ""
    )
    return head + ET.tostring(root, encoding="unicode") + "\n"


def file_url(path: Path, host: str = "") -> str:
    """``path`` as an address with every character that needs it escaped."""
    return f"file://{host}{quote(str(path))}"
