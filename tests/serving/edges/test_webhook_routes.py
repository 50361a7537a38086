"""The routes of webhooks: secrets are shown once, tenants never meet, nothing inside is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from serving.accounts import create_key, create_tenant
from serving.storage.ids import new_id
from tests.serving.edges.happenings import add_project, happens
from tests.serving.edges.live import Live, live
from tests.serving.edges.sites import Site, reply, until


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("api")) as made, made.working():
        yield made


@pytest.fixture
def http(api: Live) -> Iterator[httpx.Client]:
    """As a tenant of its own."""
    with api.services.database.write() as connection:
        tenant = create_tenant(connection, new_id("name"), api.services.settings)
        key = create_key(connection, tenant, "test")
    headers = {"Authorization": f"Bearer {key}", "X-Tenant": tenant}
    with httpx.Client(base_url=api.url, headers=headers, trust_env=False) as client:
        yield client


def _happens(api: Live, tenant: str, webhook_url: str | None = None) -> None:
    project = add_project(api.services, tenant, webhook_url)
    happens(api.services, project, "project.queued")


def test_a_webhook_from_its_making_to_its_end(api: Live, http: httpx.Client, site: Site) -> None:
    made = http.post("/v1/webhooks", json={"url": site.url + "/hook"})
    assert made.status_code == 201
    endpoint, secret = made.json()["id"], made.json()["secret"]
    assert secret.startswith("whsec_")

    _happens(api, http.headers["X-Tenant"])
    until(lambda: len(site.calls) == 1)
    [(_, _, headers, body)] = site.calls
    assert Webhook(secret).verify(body, headers)["type"] == "project.queued"

    listed = http.get("/v1/webhooks").json()["webhooks"]
    assert [item["id"] for item in listed] == [endpoint]
    assert secret not in http.get("/v1/webhooks").text
    until(lambda: _deliveries(http, endpoint)[0]["state"] == "sent")
    [delivery] = _deliveries(http, endpoint)
    assert (delivery["id"], delivery["attempts"], delivery["last_status"]) == (
        headers["webhook-id"],
        1,
        200,
    )

    replayed = http.post(f"/v1/deliveries/{delivery['id']}/replay")
    assert (replayed.status_code, replayed.json()["state"]) == (202, "waiting")
    until(lambda: len(site.calls) == 2)
    assert site.calls[1][2]["webhook-id"] == delivery["id"]
    assert site.calls[1][3] == body

    newer = http.post(f"/v1/webhooks/{endpoint}/rotate").json()["secret"]
    assert newer != secret
    tested = http.post(f"/v1/webhooks/{endpoint}/test").json()
    assert tested == {"delivered": True, "status": 200, "error": None}
    for one in (secret, newer):
        assert Webhook(one).verify(site.calls[2][3], site.calls[2][2])["type"] == "webhook.test"

    assert http.delete(f"/v1/webhooks/{endpoint}").status_code == 204
    assert http.delete(f"/v1/webhooks/{endpoint}").status_code == 404
    _happens(api, http.headers["X-Tenant"])
    replayed = http.post(f"/v1/deliveries/{delivery['id']}/replay")
    assert (replayed.status_code, replayed.json()["code"]) == (409, "delivery_not_replayable")
    assert len(site.calls) == 3


def _deliveries(http: httpx.Client, endpoint: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = http.get(f"/v1/webhooks/{endpoint}/deliveries").json()[
        "deliveries"
    ]
    return found


def test_a_test_says_what_the_receiver_answered(http: httpx.Client, site: Site) -> None:
    endpoint = http.post("/v1/webhooks", json={"url": site.url}).json()["id"]
    site.answer = lambda handler, _: reply(handler, 500)
    tested = http.post(f"/v1/webhooks/{endpoint}/test").json()
    assert tested == {"delivered": False, "status": 500, "error": "answered 500"}


def test_the_default_secret_signs_projects_own_urls(
    api: Live, http: httpx.Client, site: Site
) -> None:
    secret = http.post("/v1/webhooks/default/rotate").json()["secret"]
    _happens(api, http.headers["X-Tenant"], site.url + "/own")
    until(lambda: len(site.calls) == 1)
    Webhook(secret).verify(site.calls[0][3], site.calls[0][2])
    assert len(_deliveries(http, "default")) == 1
    assert http.get("/v1/webhooks").json()["webhooks"] == []
    assert http.delete("/v1/webhooks/default").status_code == 404


def test_deliveries_come_in_pages(api: Live, http: httpx.Client, site: Site) -> None:
    endpoint = http.post("/v1/webhooks", json={"url": site.url}).json()["id"]
    for _ in range(5):
        _happens(api, http.headers["X-Tenant"])
    found, cursor = [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = http.get(f"/v1/webhooks/{endpoint}/deliveries", params=params).json()
        found += [item["id"] for item in page["deliveries"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 5
    bad = http.get(f"/v1/webhooks/{endpoint}/deliveries", params={"cursor": "nonsense"})
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"url": "ftp://example.com/x"}, 422, "blocked_url"),
        ({"url": "http://169.254.169.254/latest"}, 422, "blocked_url"),
        ({"url": "http://user:pass@example.com/"}, 422, "blocked_url"),
        ({"url": "https://example.com/", "types": ["clip.made"]}, 422, "unknown_event_type"),
        ({"url": "https://example.com/", "secret": "mine"}, 422, "invalid_request"),
        ({}, 422, "invalid_request"),
    ],
)
def test_bad_webhooks_are_refused(
    http: httpx.Client, body: dict[str, object], status: int, code: str
) -> None:
    answer = http.post("/v1/webhooks", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_there_is_an_end_to_webhooks(http: httpx.Client) -> None:
    for number in range(20):
        made = http.post("/v1/webhooks", json={"url": f"https://example.com/{number}"})
        assert made.status_code == 201
    refused = http.post("/v1/webhooks", json={"url": "https://example.com/x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhooks")


def test_another_tenants_webhooks_are_unknown(api: Live, http: httpx.Client, site: Site) -> None:
    endpoint = http.post("/v1/webhooks", json={"url": site.url}).json()["id"]
    _happens(api, http.headers["X-Tenant"])
    until(lambda: site.calls)
    delivery = _deliveries(http, endpoint)[0]["id"]
    headers = {"Authorization": f"Bearer {api.key}"}
    with httpx.Client(base_url=api.url, headers=headers, trust_env=False) as other:
        for method, path in (
            ("DELETE", f"/v1/webhooks/{endpoint}"),
            ("POST", f"/v1/webhooks/{endpoint}/rotate"),
            ("POST", f"/v1/webhooks/{endpoint}/test"),
            ("GET", f"/v1/webhooks/{endpoint}/deliveries"),
            ("POST", f"/v1/deliveries/{delivery}/replay"),
        ):
            assert other.request(method, path).status_code == 404, path
        assert other.get("/v1/webhooks").json()["webhooks"] == []
    assert len(site.calls) == 1


def test_a_key_without_the_scope_may_not(api: Live) -> None:
    with api.services.database.write() as connection:
        key = create_key(connection, api.tenant, "reader", ["webhooks:read"])
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=api.url, headers=headers, trust_env=False) as reader:
        assert reader.get("/v1/webhooks").status_code == 200
        for method, path in (
            ("POST", "/v1/webhooks"),
            ("DELETE", "/v1/webhooks/whe_1"),
            ("POST", "/v1/webhooks/default/rotate"),
            ("POST", "/v1/deliveries/msg_1/replay"),
        ):
            answer = reader.request(method, path, json={"url": "https://example.com/"})
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert httpx.get(f"{api.url}/v1/webhooks", trust_env=False).status_code == 401


def test_a_strict_server_takes_only_public_https(tmp_path: Path) -> None:
    with live(tmp_path, allow_private_urls=False) as strict:
        headers = {"Authorization": f"Bearer {strict.key}"}
        with httpx.Client(base_url=strict.url, headers=headers, trust_env=False) as http:
            for url in ("http://example.com/", "https://127.0.0.1/", "https://[::ffff:a00:1]/"):
                for path, body in (
                    ("/v1/webhooks", {"url": url}),
                    ("/v1/projects", {"source": {"url": url}}),
                    (
                        "/v1/projects",
                        {"source": {"url": "https://example.com/v"}, "webhook_url": url},
                    ),
                ):
                    answer = http.post(path, json=body)
                    assert (answer.status_code, answer.json()["code"]) == (422, "blocked_url")
