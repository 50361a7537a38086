"""Short-lived access tokens (JWT, RFC 9068) for what should not hold an API key."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Collection, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import insert, select

from serving.accounts import Principal, find_subject
from serving.storage import database as db
from serving.storage.database import Database
from serving.storage.ids import new_id

_ALGORITHMS = ["HS256"]
_TYPE = "at+jwt"
_ISSUER = "talkreel"
_AUDIENCE = "talkreel-api"
_CLAIMS = jwt.JWTClaimsRegistry(
    leeway=5,
    iss={"essential": True, "value": _ISSUER},
    aud={"essential": True, "value": _AUDIENCE},
    sub={"essential": True},
    exp={"essential": True},
    nbf={"essential": True},
    iat={"essential": True},
    jti={"essential": True},
    scope={"essential": True, "allow_blank": True},
)


class Tokens:
    """Gives out and reads access tokens.

    The signing key lies in the database: made at first use, known to every API process.

    Args:
        database: of keys, users and the signing key.
        seconds: life of a token.
    """

    def __init__(self, database: Database, seconds: int) -> None:
        self._database = database
        self._seconds = seconds
        self._keys: dict[str, OctKey] = {}

    def issue(self, principal: Principal, scopes: Collection[str]) -> tuple[str, int]:
        """A token for some of the principal's scopes, and how many seconds it lives."""
        key_id, key = self._newest()
        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": principal.id,
            "iat": now,
            "nbf": now,
            "exp": now + self._seconds,
            "jti": secrets.token_urlsafe(12),
            "scope": " ".join(sorted(scopes)),
        }
        header = {"alg": "HS256", "typ": _TYPE, "kid": key_id}
        return jwt.encode(header, claims, key, algorithms=_ALGORITHMS), self._seconds

    def read(self, token: str) -> Principal | None:
        """Whose token it is and what it may; None when it is not ours, too old or revoked."""
        claims = self._claims(token)
        if claims is None:
            return None
        # The key or user is looked up, so that a revoked one has no more tokens at once.
        with self._database.read() as connection:
            owner = find_subject(connection, str(claims["sub"]))
        if owner is None:
            return None
        scopes = owner.scopes & frozenset(str(claims["scope"]).split())
        return Principal(owner.tenant_id, scopes, owner.name, owner.id)

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        try:
            header = _header(token)
            key = self._key(str(header.get("kid", "")))
            if key is None or str(header.get("typ", "")).lower() != _TYPE:
                return None
            decoded = jwt.decode(token, key, algorithms=_ALGORITHMS)
            _CLAIMS.validate(decoded.claims)
        except (JoseError, ValueError, TypeError):
            return None
        return decoded.claims

    def _key(self, key_id: str) -> OctKey | None:
        if key_id not in self._keys:
            self._load()
        return self._keys.get(key_id)

    def _newest(self) -> tuple[str, OctKey]:
        if not self._keys:
            self._load()
        if not self._keys:
            self._make()
            self._load()
        newest = max(self._keys)
        return newest, self._keys[newest]

    def _load(self) -> None:
        with self._database.read() as connection:
            rows = connection.execute(select(db.signing_keys.c.id, db.signing_keys.c.secret))
            self._keys = {row.id: OctKey.import_key(_unpacked(row.secret)) for row in rows}

    def _make(self) -> None:
        with self._database.write() as connection:
            # Two processes may make one at once: both count.
            connection.execute(
                insert(db.signing_keys).values(
                    id=new_id("sig"), secret=secrets.token_urlsafe(32), created_at=time.time()
                )
            )


def _header(token: str) -> Mapping[str, Any]:
    header = json.loads(_unpacked(token.split(".", 1)[0]))
    if not isinstance(header, dict):
        raise TypeError("a token's header is an object")
    return header


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
