"""What a new project is made of: its source and its options, checked before anything is queued."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import select

from serving.api.problems import Problem
from serving.api.schemas import Options, Source, TranscriptText
from serving.net.transfer import BlockedUrl, check_url
from serving.services import Services
from serving.storage import database as db
from serving.storage.uploads import Incomplete, TooLarge, UploadStore
from talkreel.core.errors import InputError
from talkreel.core.spans import Span
from talkreel.edit.styles import find_style
from talkreel.perceive.subtitles import read_cues, words_of
from talkreel.pipeline.options import ClipOptions

_MAX_NAME = 200


def check_options(options: Options) -> dict[str, Any]:
    """The options as they are stored.

    Raises:
        Problem: 422, with what is allowed.
    """
    try:
        ClipOptions(
            clips=options.clips,
            min_seconds=options.min_seconds,
            max_seconds=options.max_seconds,
            aspect=options.aspect,
            captions=options.captions,
            range=_span(options.range),
            query=options.query,
            language=options.language,
            preset=options.preset,
            scorer=options.scorer,
        )
        if options.captions is not None:
            find_style(options.captions)
        if options.transcript is not None:
            _check_transcript(options.transcript)
    except (InputError, ValueError) as error:
        raise Problem(422, "invalid_options", _without_dashes(str(error))) from error
    return options.model_dump(mode="json")


def resolve(services: Services, tenant_id: str, source: Source) -> dict[str, Any]:
    """The source as it is stored.

    Raises:
        Problem: there is no such thing of this tenant, or the address is refused.
    """
    if source.url is not None:
        return _from_url(services, source.url, source.name)
    if source.upload_id is not None:
        return _from_upload(services, tenant_id, source.upload_id, source.name)
    assert source.object_key is not None
    return _from_object(services, tenant_id, source.object_key, source.name)


def check_address(services: Services, url: str) -> str:
    """An address that this server may open, in its normal form.

    Raises:
        Problem: 422, with why not.
    """
    try:
        return check_url(url, allow_private=services.settings.allow_private_urls)
    except BlockedUrl as error:
        raise Problem(422, "blocked_url", str(error)) from error


def _from_url(services: Services, url: str, name: str | None) -> dict[str, Any]:
    url = check_address(services, url)
    shown = PurePosixPath(unquote(urlsplit(url).path)).name
    shown = re.sub(r"[\x00-\x1f\x7f]", "", shown)[:_MAX_NAME]
    return {"kind": "url", "url": url, "name": name or shown or "video"}


def _from_upload(
    services: Services, tenant_id: str, upload_id: str, name: str | None
) -> dict[str, Any]:
    try:
        row = UploadStore(services).finish(tenant_id, upload_id)
    except KeyError as error:
        raise Problem(
            404, "upload_not_found", f"there is no upload {upload_id!r}, or it has expired"
        ) from error
    except Incomplete as error:
        raise Problem(409, "upload_incomplete", str(error)) from error
    except TooLarge as error:
        raise Problem(413, "upload_too_large", str(error)) from error
    return _stored(row, name)


def _from_object(services: Services, tenant_id: str, key: str, name: str | None) -> dict[str, Any]:
    uploads = db.uploads.c
    with services.database.read() as connection:
        # Only keys that we gave out: nothing else in the store can be named.
        row = connection.execute(
            select(uploads.id).where(uploads.tenant_id == tenant_id, uploads.object_key == key)
        ).one_or_none()
    if row is None:
        raise Problem(404, "object_not_found", "this object_key was not given out to you")
    return _from_upload(services, tenant_id, row.id, name)


def _stored(row: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    return {
        "kind": "object",
        "key": row["object_key"],
        "name": name or row["name"],
        "sha256": row["sha256"],
        "bytes": row["length"],
    }


def _check_transcript(transcript: TranscriptText) -> None:
    if transcript.format != "json":
        if not words_of(read_cues(transcript.text)):
            raise ValueError(
                f"the transcript holds no words with times: give valid {transcript.format}"
            )
        return
    try:
        json.loads(transcript.text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the transcript is not JSON: {error}") from error


def _span(range_: tuple[float, float] | None) -> Span | None:
    if range_ is None:
        return None
    if range_[1] <= range_[0]:
        raise ValueError(f"range needs its start before its end, got {range_[0]:g} {range_[1]:g}")
    return Span(*range_)


def _without_dashes(message: str) -> str:
    """The library speaks of ``--min-seconds``, the API of ``min_seconds``."""
    return re.sub(r"--([a-z-]+)", lambda match: match[1].replace("-", "_"), message)
