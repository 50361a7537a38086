"""Webhook endpoints: where events go, with which secret, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import Depends, Path, Query, Response
from pydantic import Field

from serving.accounts import Principal
from serving.api.auth import require
from serving.api.paging import MAX_PAGE, decode_cursor, encode_cursor
from serving.api.problems import Problem
from serving.api.routing import ServicesDep
from serving.api.routing import router as make_router
from serving.api.schemas import Given, Sent, Url
from serving.api.sources import check_address
from serving.net import transfer as net
from serving.storage import events
from serving.storage.ids import new_id
from serving.webhooks import endpoints, message, outbox
from serving.webhooks.endpoints import DEFAULT, MAX_ENDPOINTS, Endpoint

router = make_router("webhooks")
Reader = Annotated[Principal, Depends(require("webhooks:read"))]
Writer = Annotated[Principal, Depends(require("webhooks:write"))]
EndpointId = Annotated[
    str, Path(max_length=100, description=f"of the endpoint, or `{DEFAULT}` where that is said")
]


class NewWebhook(Sent):
    """Where to send which events."""

    url: Url
    types: list[Annotated[str, Field(max_length=50)]] = Field(
        default_factory=list,
        max_length=len(events.TYPES),
        description="event types; empty for all but progress",
    )


class Webhook(Given):
    """An endpoint."""

    id: str
    url: str
    types: Sequence[str]
    created_at: float
    disabled_at: float | None
    disabled_why: str | None


class WebhookSecret(Given):
    """A secret, shown this once."""

    secret: str = Field(description="whsec_…, for any Standard Webhooks library")
    older_secrets_sign_until: float | None = Field(description="seconds since 1970")


class CreatedWebhook(Webhook):
    """A new endpoint and its secret, shown this once."""

    secret: str


class WebhookList(Given):
    """All endpoints, oldest first."""

    webhooks: list[Webhook]


class Tested(Given):
    """What the receiver answered to a test."""

    delivered: bool
    status: int | None
    error: str | None


class DeliveryView(Given):
    """One event on its way to one receiver; its id is the `webhook-id` header."""

    id: str
    type: str
    project_id: str
    url: str
    state: Literal["waiting", "sent", "failed"]
    attempts: int
    next_at: float | None
    last_status: int | None
    last_error: str | None
    created_at: float


class DeliveryPage(Given):
    """Deliveries, newest first; ``next`` is the cursor of the next page."""

    deliveries: list[DeliveryView]
    next: str | None


@router.post("/webhooks", status_code=201)
def create(body: NewWebhook, services: ServicesDep, who: Writer) -> CreatedWebhook:
    """Add an endpoint. Its secret is in this answer and nowhere else."""
    url = check_address(services, body.url)
    with services.database.write() as connection:
        try:
            endpoint, secret = endpoints.create(connection, who.tenant_id, url, body.types)
        except ValueError as error:
            raise Problem(422, "unknown_event_type", f"types: {error}") from error
        except endpoints.TooManyEndpoints as error:
            raise Problem(
                409, "too_many_webhooks", f"there are {MAX_ENDPOINTS}, the most allowed: delete one"
            ) from error
    return CreatedWebhook(**asdict(endpoint), secret=secret)


@router.get("/webhooks")
def list_all(services: ServicesDep, who: Reader) -> WebhookList:
    """Endpoints, without their secrets."""
    with services.database.read() as connection:
        found = endpoints.listed(connection, who.tenant_id)
    return WebhookList(webhooks=[Webhook(**asdict(endpoint)) for endpoint in found])


@router.delete("/webhooks/{id}", status_code=204)
def delete(id: EndpointId, services: ServicesDep, who: Writer) -> Response:
    """Remove an endpoint; what still waits for it is not sent."""
    with services.database.write() as connection:
        if not endpoints.remove(connection, who.tenant_id, id):
            raise _unknown(id)
    return Response(status_code=204)


@router.post("/webhooks/{id}/rotate")
def rotate(id: EndpointId, services: ServicesDep, who: Writer) -> WebhookSecret:
    """A new secret; the old ones go on signing beside it for a day.

    `default` names the secret that signs what goes to the `webhook_url` of projects.
    """
    with services.database.write() as connection:
        secret = endpoints.rotate(connection, who.tenant_id, id)
    if secret is None:
        raise _unknown(id)
    return WebhookSecret(
        secret=secret, older_secrets_sign_until=time.time() + endpoints.ROTATION_SECONDS
    )


@router.post("/webhooks/{id}/test")
def test(id: EndpointId, services: ServicesDep, who: Writer) -> Tested:
    """Send a signed `webhook.test` to the endpoint now and say what it answered."""
    with services.database.write() as connection:
        endpoint = _found(endpoints.find(connection, who.tenant_id, id), id)
        keys = endpoints.signing_secrets(connection, who.tenant_id, id)
    outcome = message.send_signed(
        net.post,
        endpoint.url,
        new_id("msg"),
        message.event_body("webhook.test", time.time(), {"webhook_id": id}),
        keys,
        services.settings.allow_private_urls,
    )
    return Tested(delivered=outcome.error is None, status=outcome.status, error=outcome.error)


@router.get("/webhooks/{id}/deliveries")
def deliveries(
    id: EndpointId,
    services: ServicesDep,
    who: Reader,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> DeliveryPage:
    """What was sent to the endpoint, newest first; `default` for the `webhook_url` of projects."""
    before = None if cursor is None else _read_cursor(cursor)
    with services.database.read() as connection:
        if id != DEFAULT:
            _found(endpoints.find(connection, who.tenant_id, id), id)
        found = outbox.listed(
            connection,
            who.tenant_id,
            None if id == DEFAULT else id,
            limit=limit + 1,
            before=before,
        )
    page = found[:limit]
    return DeliveryPage(
        deliveries=[DeliveryView(**asdict(sending)) for sending in page],
        next=_cursor(page[-1]) if len(found) > limit else None,
    )


@router.post("/deliveries/{id}/replay", status_code=202)
def replay(
    id: Annotated[str, Path(max_length=100)], services: ServicesDep, who: Writer
) -> DeliveryView:
    """Send a delivery again, under the same `webhook-id`."""
    with services.database.write() as connection:
        try:
            sending = outbox.replay(connection, who.tenant_id, id)
        except outbox.NotReplayable as error:
            raise Problem(409, "delivery_not_replayable", str(error)) from error
    if sending is None:
        raise Problem(404, "delivery_not_found", f"there is no delivery {id}")
    return DeliveryView(**asdict(sending))


def _found(endpoint: Endpoint | None, endpoint_id: str) -> Endpoint:
    if endpoint is None:
        raise _unknown(endpoint_id)
    return endpoint


def _unknown(endpoint_id: str) -> Problem:
    return Problem(404, "webhook_not_found", f"there is no webhook {endpoint_id}")


def _cursor(sending: outbox.Sending) -> str:
    return encode_cursor(repr(sending.created_at), sending.id)


def _read_cursor(cursor: str) -> tuple[float, str]:
    at, delivery_id = decode_cursor(cursor, str, str)
    try:
        return float(at), str(delivery_id)
    except ValueError as error:
        raise Problem(400, "bad_cursor", "this cursor is not one of this list") from error
