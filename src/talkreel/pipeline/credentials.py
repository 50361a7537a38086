"""Content Credentials (C2PA): the account of a file's origin, signed and put into the file.

The certificate and its key are the user's own; whether viewers trust them is between the two.
Needs the package ``c2pa-python``; nothing is asked of the network, so no time stamp is signed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from talkreel.core.errors import OutputError
from talkreel.core.provenance import Provenance

CERTIFICATE_VARIABLE, KEY_VARIABLE = "TALKREEL_C2PA_CERT", "TALKREEL_C2PA_KEY"
SIGNED_SUFFIXES = (".mp4", ".mov", ".m4a", ".mp3")
# Made of recordings by a program that chose and joined them (IPTC digital source types).
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeCapture"


def why_unsigned() -> str:
    """Why nothing can be signed here; empty if it can."""
    if importlib.util.find_spec("c2pa") is None:
        return "the package c2pa-python is not installed"
    for variable in (CERTIFICATE_VARIABLE, KEY_VARIABLE):
        path = os.environ.get(variable)
        if not path:
            return f"{variable} names no PEM file"
        if not Path(path).is_file():
            return f"{variable} names {path}, and there is no such file"
    return ""


def sign(path: Path, record: Provenance) -> None:
    """Put a signed account of ``record`` into ``path``; whole or not at all.

    Raises:
        OutputError: certificate and key do not fit, or the file cannot be signed.
    """
    import c2pa

    pem = Path(os.environ[CERTIFICATE_VARIABLE]).read_bytes()
    key = Path(os.environ[KEY_VARIABLE]).read_bytes()
    # A name of its own: one that is there may be a link to a file that must not change.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=path.suffix)
    os.close(handle)
    part = Path(name)
    try:
        info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, pem, key, None)
        signer = c2pa.Signer.from_info(info)
        c2pa.Builder(json.dumps(_manifest(path, record))).sign_file(str(path), str(part), signer)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except (c2pa.C2paError, OSError) as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"cannot sign {path.name}: {error}; the key must be the certificate's, on P-256"
        ) from error


def _manifest(path: Path, record: Provenance) -> dict[str, Any]:
    program = record.programs[0]
    actions = [
        {"action": action.action, "description": action.description}
        for action in record.actions
        if action.action != "c2pa.opened"
    ]
    first = {"action": "c2pa.created", "digitalSourceType": _SOURCE_TYPE}
    return {
        "claim_generator_info": [{"name": program.name, "version": program.version}],
        "title": path.name,
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [first, *actions]}},
            {
                "label": "org.talkreel.source",
                "data": {
                    "title": record.source.title,
                    "sha256": record.source.sha256,
                    "edit_sha256": record.edit_sha256,
                },
            },
        ],
    }
