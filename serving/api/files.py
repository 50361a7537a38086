"""Objects as downloads: whole, in part (one range), or only their headers."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from serving.api.problems import Problem
from serving.storage.objects import ObjectStore

# How every download is described, for ``responses`` of a route.
Responses = dict[int | str, dict[str, Any]]
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.IGNORECASE)


def described(*media_types: str) -> Responses:
    """What a route that sends an object of one of these types answers."""
    content = {
        name: {"schema": {} if name.endswith("json") else {"type": "string"}}
        for name in media_types
    }
    return {
        200: {"description": "The whole file", "content": content},
        206: {"description": "The range asked for", "content": content},
        304: {"description": "The client has it already"},
    }


def send_object(
    request: Request, objects: ObjectStore, key: str, media_type: str, name: str
) -> Response:
    """An object as the client wants it.

    Args:
        request: its ``Range``, ``If-Range`` and ``If-None-Match`` count.
        objects: where it is.
        key: of the object.
        media_type: of the object.
        name: file name for who saves it.

    Raises:
        Problem: 404 when the object is gone, 416 for a range outside of it.
    """
    try:
        info = objects.info(key)
    except FileNotFoundError as error:
        raise Problem(404, "file_not_found", "this file is not there (any more)") from error
    etag = f'"{info.etag}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    if etag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    span = _span(request, etag, info.size)
    start, end = span or (0, info.size)
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{info.size}"
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(
        objects.read(key, start, end), status_code=status, headers=headers, media_type=media_type
    )


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The half-open span of bytes that a ``Range`` header means; None to send everything.

    Several ranges and other units are ignored, as RFC 9110 allows.

    Raises:
        Problem: 416, nothing of it lies in the object.
    """
    match = _RANGE.match(header.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        last = int(match[2])
        start, end = max(0, size - last), size
        unusable = last == 0 or size == 0
    else:
        start = int(match[1])
        end = size if match[2] == "" else min(size, int(match[2]) + 1)
        if match[2] != "" and int(match[2]) < start:
            return None
        unusable = start >= size
    if unusable:
        raise Problem(
            416,
            "range_not_satisfiable",
            f"the file has {size} bytes: ask for a range inside",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end


def _span(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    wanted = request.headers.get("range")
    if wanted is None or request.method not in ("GET", "HEAD"):
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition.strip() != etag:
        # The client has a part of something else, or a date, which we do not give.
        return None
    return parse_range(wanted, size)


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
