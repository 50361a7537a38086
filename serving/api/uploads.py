"""Resumable uploads by tus 1.0, and addresses to upload to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Request
from fastapi.concurrency import contextmanager_in_threadpool
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from serving.accounts import Principal
from serving.api import quotas, schemas, tus
from serving.api.auth import require
from serving.api.problems import Problem
from serving.api.routing import STREAMED, ServicesDep, id_for, router
from serving.services import Services
from serving.storage import uploads
from serving.storage.uploads import UploadStore

routes = router("uploads")

_PRESIGNED_SECONDS = 3600.0

Uploader = Annotated[Principal, Depends(require("uploads:write"))]
# Read from the request by ``tus.check_version``; named here for the document.
TusVersion = Annotated[str | None, Header(alias="Tus-Resumable")]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {STREAMED: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Upload(schemas.Given):
    """An upload; ``upload_id`` goes into a project's source when its state is done."""

    id: str
    name: str
    length: int
    received: int
    state: Literal["open", "presigned", "done"]
    sha256: str | None
    created_at: float
    expires_at: float


class NewAddress(schemas.Sent):
    """What will be sent."""

    name: schemas.Name = Field(examples=["talk.mp4"])
    length: int | None = Field(None, ge=1, description="bytes; needed where files are on disk")


class Address(schemas.Given):
    """Where to send the bytes: by PUT to an object store, or by tus to this server."""

    protocol: Literal["put", "tus"]
    url: str
    upload_id: str
    object_key: str
    expires_at: float


@routes.post(
    "/uploads",
    status_code=201,
    summary="Begin an upload (tus)",
    openapi_extra=_BODY,
    response_class=Response,
)
async def create_upload(
    request: Request,
    who: Uploader,
    services: ServicesDep,
    upload_length: Annotated[int | None, Header(description="bytes in all")] = None,
    upload_metadata: Annotated[
        str | None, Header(max_length=4096, description="tus: `filename <base64>`")
    ] = None,
    _version: TusVersion = None,
) -> Response:
    """The answer's `Location` takes the bytes by PATCH; the first may come with this request."""
    tus.check_version(request)
    if upload_length is None:
        raise Problem(400, "length_needed", "send Upload-Length: the bytes of the whole file")
    if upload_length < 1:
        raise Problem(400, "length_needed", "Upload-Length is at least 1: an empty file is none")
    store = UploadStore(services)
    name = tus.file_name(upload_metadata)
    row = await run_in_threadpool(
        _begin, services, store, who.tenant_id, id_for(request, "upl"), name, upload_length
    )
    headers = tus.headers_of(row)
    headers["Location"] = f"{_base(services)}/v1/uploads/{row['id']}"
    if tus.is_stream(request):
        row = await _append(request, store, who.tenant_id, row, row["received"])
        headers |= tus.headers_of(row)
    return Response(status_code=201, headers=headers)


@routes.post("/uploads/presign", status_code=201, summary="Get an address to upload to")
def presign(request: Request, body: NewAddress, who: Uploader, services: ServicesDep) -> Address:
    """One PUT straight into the object store where there is one, else a tus upload."""
    store = UploadStore(services)
    upload_id = id_for(request, "upl")
    if services.objects.can_sign:
        _check_length(services, who.tenant_id, body.length or 0)
        row = store.create(who.tenant_id, upload_id, body.name, body.length or 0, "presigned")
        url = services.objects.sign_put(row["object_key"], _PRESIGNED_SECONDS)
        until = time.time() + _PRESIGNED_SECONDS
        return Address(
            protocol="put",
            url=url,
            upload_id=row["id"],
            object_key=row["object_key"],
            expires_at=until,
        )
    if body.length is None:
        raise Problem(422, "length_needed", "give length: files are on this server's disk")
    row = _begin(services, store, who.tenant_id, upload_id, body.name, body.length)
    return Address(
        protocol="tus",
        url=f"{_base(services)}/v1/uploads/{row['id']}",
        upload_id=row["id"],
        object_key=row["object_key"],
        expires_at=row["expires_at"],
    )


@routes.get("/uploads/{upload_id}", summary="Show an upload")
def show_upload(upload_id: str, who: Uploader, services: ServicesDep) -> Upload:
    """How much is there, and its digest when all of it is."""
    row = _find(UploadStore(services), who.tenant_id, upload_id)
    return Upload.model_validate({name: row[name] for name in Upload.model_fields})


@routes.head("/uploads/{upload_id}", include_in_schema=False)
def head_upload(request: Request, upload_id: str, who: Uploader, services: ServicesDep) -> Response:
    """Where to go on (tus)."""
    tus.check_version(request)
    row = _find(UploadStore(services), who.tenant_id, upload_id)
    return Response(headers={**tus.headers_of(row), "Upload-Length": str(row["length"])})


@routes.patch(
    "/uploads/{upload_id}",
    status_code=204,
    summary="Send bytes (tus)",
    openapi_extra=_BODY,
    response_class=Response,
)
async def append_upload(
    request: Request,
    upload_id: str,
    who: Uploader,
    services: ServicesDep,
    upload_offset: Annotated[int | None, Header(description="where these bytes begin")] = None,
    _version: TusVersion = None,
    _checksum: Annotated[
        str | None, Header(alias="Upload-Checksum", description="`sha256 <base64>` or sha1")
    ] = None,
) -> Response:
    """What arrives before the connection breaks counts, unless there is a checksum over it."""
    tus.check_version(request)
    if not tus.is_stream(request):
        raise Problem(415, "wrong_content_type", f"send Content-Type: {STREAMED}")
    if upload_offset is None or upload_offset < 0:
        raise Problem(400, "offset_needed", "send Upload-Offset: where these bytes begin")
    store = UploadStore(services)
    row = await run_in_threadpool(_find, store, who.tenant_id, upload_id)
    row = await _append(request, store, who.tenant_id, row, upload_offset)
    return Response(status_code=204, headers=tus.headers_of(row))


@routes.delete("/uploads/{upload_id}", status_code=204, summary="Give an upload up (tus)")
def remove_upload(upload_id: str, who: Uploader, services: ServicesDep) -> Response:
    """Forget it and its bytes."""
    store = UploadStore(services)
    row = _find(store, who.tenant_id, upload_id)
    try:
        store.remove(row)
    except uploads.InUse as error:
        raise Problem(
            409, "upload_in_use", "a project is made of this upload: delete that first"
        ) from error
    return Response(status_code=204, headers={"Tus-Resumable": tus.VERSION})


@routes.options("/uploads", include_in_schema=False)
@routes.options("/uploads/{_upload_id}", include_in_schema=False)
def describe_tus(services: ServicesDep, _upload_id: str = "") -> Response:
    """What this server understands of tus; needs no key, as it says nothing of anybody."""
    headers = {
        "Tus-Resumable": tus.VERSION,
        "Tus-Version": tus.VERSION,
        "Tus-Extension": tus.EXTENSIONS,
        "Tus-Max-Size": str(services.settings.max_upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(tus.CHECKSUMS),
    }
    return Response(status_code=204, headers=headers)


def _begin(
    services: Services, store: UploadStore, tenant_id: str, upload_id: str, name: str, length: int
) -> Mapping[str, Any]:
    _check_length(services, tenant_id, length)
    quotas.check_disk(services, length)
    return store.create(tenant_id, upload_id, name, length)


def _check_length(services: Services, tenant_id: str, length: int) -> None:
    limit = services.settings.max_upload_bytes
    if length > limit:
        raise Problem(413, "upload_too_large", f"an upload has at most {limit} bytes")
    with services.database.read() as connection:
        quotas.check_storage(connection, tenant_id, length)


async def _append(
    request: Request, store: UploadStore, tenant_id: str, row: Mapping[str, Any], offset: int
) -> Mapping[str, Any]:
    """Write the request's body at ``offset``; the row afterwards."""
    expected = tus.expected_digest(request)
    if row["state"] != "open":
        raise Problem(409, "upload_finished", "all bytes of this upload are here already")
    try:
        async with contextmanager_in_threadpool(store.writing(row)) as writer:
            if offset != writer.offset:
                raise _wrong_offset(writer.offset)
            await tus.receive(request, writer, row["length"], expected)
            offset = writer.offset
    except uploads.InUse as error:
        raise Problem(
            409,
            "upload_in_use",
            "another request sends to this upload: ask for its offset (HEAD), then go on",
            headers={"Tus-Resumable": tus.VERSION, "Retry-After": "1"},
        ) from error
    if offset == row["length"]:
        return await run_in_threadpool(store.finish, tenant_id, row["id"])
    return await run_in_threadpool(store.find, tenant_id, row["id"])


def _find(store: UploadStore, tenant_id: str, upload_id: str) -> Mapping[str, Any]:
    try:
        return store.find(tenant_id, upload_id)
    except KeyError as error:
        raise Problem(
            404, "upload_not_found", f"there is no upload {upload_id[:100]!r}, or it has expired"
        ) from error


def _wrong_offset(offset: int) -> Problem:
    return Problem(
        409,
        "wrong_offset",
        f"{offset} bytes are here: go on from there",
        headers={"Tus-Resumable": tus.VERSION, "Upload-Offset": str(offset)},
        offset=offset,
    )


def _base(services: Services) -> str:
    return services.settings.public_url.rstrip("/")
