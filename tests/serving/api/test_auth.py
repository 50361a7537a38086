from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import select
from starlette.testclient import TestClient

from serving.accounts import SCOPES, create_key, create_user, find_key, revoke_key
from serving.api.app import create_app
from serving.services import Services
from serving.storage import database as db
from tests.serving.api.test_projects import code
from tests.serving.api.world import Tenant

PASSWORD = "correct horse battery"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_for(client: TestClient, key: str, **body: Any) -> str:
    answer = client.post("/v1/tokens", json={"api_key": key} | body)
    assert answer.status_code == 201
    return str(answer.json()["access_token"])


@pytest.mark.parametrize(
    "header", ["", "Basic abc", "Bearer", "Bearer ", "Bearer tk.x.y", "Bearer a.b.c", "tk.a.b"]
)
def test_no_valid_key_no_entry(anyone: TestClient, header: str) -> None:
    refused = anyone.get("/v1/projects", headers={"Authorization": header} if header else {})
    assert code(refused) == (401, "unauthenticated")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_expired_and_revoked_keys_end_at_once(
    anyone: TestClient, scored: Services, mine: Tenant
) -> None:
    with scored.database.write() as connection:
        old = create_key(connection, mine.id, "old", expires_at=time.time() - 1)
    assert code(anyone.get("/v1/projects", headers=bearer(old))) == (401, "unauthenticated")
    token = token_for(anyone, mine.key)
    assert anyone.get("/v1/projects", headers=bearer(token)).status_code == 200
    with scored.database.write() as connection:
        assert revoke_key(connection, mine.key.split(".")[1])
    for credential in (mine.key, token):
        assert anyone.get("/v1/projects", headers=bearer(credential)).status_code == 401


def test_scopes_are_asked_for(anyone: TestClient, scored: Services, mine: Tenant) -> None:
    with scored.database.write() as connection:
        key = create_key(connection, mine.id, "reader", ["projects:read"])
    assert anyone.get("/v1/projects", headers=bearer(key)).status_code == 200
    refused = anyone.post(
        "/v1/projects", headers=bearer(key), json={"source": {"url": "https://a.com/x"}}
    )
    assert code(refused) == (403, "missing_scope")
    assert "projects:write" in refused.json()["detail"]


def test_tokens_carry_fewer_scopes_never_more(
    anyone: TestClient, scored: Services, mine: Tenant
) -> None:
    narrow = token_for(anyone, mine.key, scopes=["score"])
    assert code(anyone.get("/v1/projects", headers=bearer(narrow))) == (403, "missing_scope")
    assert anyone.post("/v1/score", headers=bearer(narrow), json={"text": "Hi"}).status_code == 200
    with scored.database.write() as connection:
        reader = create_key(connection, mine.id, "reader", ["projects:read"])
    beyond = anyone.post("/v1/tokens", json={"api_key": reader, "scopes": list(SCOPES)})
    assert code(beyond) == (403, "missing_scope")


def test_users_sign_in_with_a_password(anyone: TestClient, scored: Services, mine: Tenant) -> None:
    with scored.database.write() as connection:
        create_user(connection, mine.id, "Ada@Example.com", PASSWORD, ["projects:read"])
        kept = connection.execute(select(db.users.c.password)).scalar_one()
    assert kept.startswith("$argon2id$")
    assert ",p=1$" in kept
    good = anyone.post("/v1/tokens", json={"email": "ada@example.com", "password": PASSWORD})
    token = good.json()["access_token"]
    assert good.json()["expires_in"] == 900
    assert anyone.get("/v1/projects", headers=bearer(token)).status_code == 200
    for body in (
        {"email": "ada@example.com", "password": "wrong horse battery"},
        {"email": "bob@example.com", "password": PASSWORD},
    ):
        assert code(anyone.post("/v1/tokens", json=body)) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "a@b.c"},
        {"password": "x"},
        {"api_key": "tk.a.b", "email": "a@b.c", "password": "x"},
        {"api_key": "tk.a.b", "more": 1},
    ],
)
def test_half_credentials_are_refused_without_echo(
    anyone: TestClient, body: dict[str, Any]
) -> None:
    refused = anyone.post("/v1/tokens", json=body)
    assert code(refused) == (422, "invalid_request")
    assert "tk.a.b" not in refused.text


def forged(scored: Services, key: OctKey | None = None, header: Any = None, **claims: Any) -> str:
    """A token that differs from a good one in what is given."""
    with scored.database.read() as connection:
        row = connection.execute(select(db.signing_keys)).first()
        subject = connection.execute(select(db.api_keys.c.id)).scalars().first()
    assert row is not None
    secret = base64.urlsafe_b64decode(row.secret + "=" * (-len(row.secret) % 4))
    now = int(time.time())
    whole = {
        "iss": "talkreel",
        "aud": "talkreel-api",
        "sub": subject,
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        "jti": "x",
        "scope": "projects:read",
    }
    whole |= claims
    whole = {name: value for name, value in whole.items() if value is not None}
    head = {"alg": "HS256", "typ": "at+jwt", "kid": row.id} | (header or {})
    return jwt.encode(head, whole, key or OctKey.import_key(secret), algorithms=["HS256", "HS512"])


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "JWT"}, {}),
        ({"alg": "HS512"}, {}),
        ({"kid": "sig_other"}, {}),
        ({}, {"iss": "somebody"}),
        ({}, {"aud": "other-api"}),
        ({}, {"exp": 1}),
        ({}, {"exp": None}),
        ({}, {"nbf": int(time.time()) + 3600}),
        ({}, {"jti": None}),
        ({}, {"sub": "key_nobody"}),
        ({}, {"sub": "usr_nobody"}),
        ({}, {"scope": None}),
    ],
)
def test_tokens_that_are_not_quite_ours_are_refused(
    anyone: TestClient, scored: Services, mine: Tenant, header: Any, claims: Any
) -> None:
    token_for(anyone, mine.key)
    assert anyone.get("/v1/projects", headers=bearer(forged(scored))).status_code == 200
    bad = forged(scored, header=header, **claims)
    assert code(anyone.get("/v1/projects", headers=bearer(bad))) == (401, "unauthenticated")


def test_unsigned_and_foreign_tokens_are_refused(
    anyone: TestClient, scored: Services, mine: Tenant
) -> None:
    token_for(anyone, mine.key)
    foreign = forged(scored, OctKey.import_key(b"x" * 32))
    good = forged(scored)
    _, claims, _ = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    for token in (foreign, f"{none}.{claims}.", good[:-2] + "xx", "e30.e30.e30", "W10.a.b"):
        assert anyone.get("/v1/projects", headers=bearer(token)).status_code == 401


def test_scopes_taken_from_a_key_are_taken_from_its_tokens(
    anyone: TestClient, scored: Services, mine: Tenant
) -> None:
    token = token_for(anyone, mine.key)
    with scored.database.write() as connection:
        connection.execute(db.api_keys.update().values(scopes=["score"]))
    assert code(anyone.get("/v1/projects", headers=bearer(token))) == (403, "missing_scope")


def test_tokens_of_one_process_count_in_another(scored: Services, mine: Tenant) -> None:
    with TestClient(create_app(scored)) as first, TestClient(create_app(scored)) as second:
        token = token_for(first, mine.key)
        assert second.get("/v1/projects", headers=bearer(token)).status_code == 200


def test_failed_sign_ins_are_throttled(anyone: TestClient, mine: Tenant) -> None:
    answers = [anyone.get("/v1/projects", headers=bearer("tk.key_x.y")) for _ in range(21)]
    assert code(answers[0]) == (401, "unauthenticated")
    assert code(answers[-1]) == (429, "too_many_failures")
    assert int(answers[-1].headers["retry-after"]) > 0
    # A valid key from the same address still opens.
    assert anyone.get("/v1/projects", headers=mine.headers).status_code == 200
    tokens = anyone.post("/v1/tokens", json={"api_key": "tk.key_x.y"})
    assert code(tokens) == (429, "too_many_failures")


def test_requests_are_counted_per_key(scored: Services, mine: Tenant, other: Tenant) -> None:
    from dataclasses import replace

    few = replace(scored, settings=scored.settings.model_copy(update={"requests_per_minute": 3}))
    with TestClient(create_app(few)) as client:
        answers = [client.get("/v1/models", headers=mine.headers) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
        assert answers[0].headers["ratelimit"].startswith('"default";r=2;t=')
        assert code(answers[3]) == (429, "too_many_requests")
        assert 0 < int(answers[3].headers["retry-after"]) <= 120
        assert client.get("/v1/models", headers=other.headers).status_code == 200


def test_find_key_tells_who(scored: Services, mine: Tenant) -> None:
    with scored.database.read() as connection:
        principal = find_key(connection, mine.key)
        assert principal is not None
        assert (principal.tenant_id, principal.id) == (mine.id, mine.key.split(".")[1])
        assert find_key(connection, mine.key + "x") is None


def test_a_token_says_nothing_of_the_tenant(anyone: TestClient, mine: Tenant) -> None:
    claims = token_for(anyone, mine.key).split(".")[1]
    shown = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert mine.id not in json.dumps(shown)
