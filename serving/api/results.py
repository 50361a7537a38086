"""What was found in a video: transcript, analysis, report."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import Depends, Request, Response
from sqlalchemy import Row

from serving.accounts import Principal
from serving.api.auth import require
from serving.api.files import described, send_object
from serving.api.problems import Problem
from serving.api.projects import find_project
from serving.api.routing import ServicesDep, router
from serving.services import Services
from talkreel.core.jsonio import decode
from talkreel.core.transcript import Transcript

routes = router("results")

Reader = Annotated[Principal, Depends(require("projects:read"))]
_TYPES = {"json": "application/json", "srt": "application/x-subrip", "vtt": "text/vtt"}
_PARTS = {
    "records": ("analysis", "application/json", "analysis.json"),
    "arrays": ("arrays", "application/octet-stream", "analysis.npz"),
}
# The report is a page with scripts of its own; opened from here it can do nothing else.
_SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: 'self'; media-src 'self'"
)


@routes.get(
    "/projects/{project_id}/transcript",
    summary="Words with times",
    response_class=Response,
    responses=described(*_TYPES.values()),
)
def show_transcript(
    project_id: str,
    who: Reader,
    services: ServicesDep,
    format: Literal["json", "srt", "vtt"] = "json",
) -> Response:
    """Every word (JSON), or every sentence as a caption (SubRip, WebVTT)."""
    words = _transcript(services, who, project_id)
    if format == "json":
        text = json.dumps({"schema": "transcript/1", **words}, ensure_ascii=False)
    else:
        transcript = decode(Transcript, words)
        text = as_captions(transcript, format)
    return Response(text, media_type=_TYPES[format])


@routes.get(
    "/projects/{project_id}/analysis",
    summary="Everything that was perceived",
    response_class=Response,
    responses=described(*(media_type for _, media_type, _ in _PARTS.values())),
)
def show_analysis(
    request: Request,
    project_id: str,
    who: Reader,
    services: ServicesDep,
    part: Literal["records", "arrays"] = "records",
) -> Response:
    """Records as JSON (`analysis/1`), or the arrays they point to (NumPy's npz)."""
    kind, media_type, name = _PARTS[part]
    key = _key(_project(services, who, project_id), kind)
    return send_object(request, services.objects, key, media_type, name)


@routes.get(
    "/projects/{project_id}/report",
    summary="The report as a page",
    response_class=Response,
    responses=described("text/html"),
)
def show_report(request: Request, project_id: str, who: Reader, services: ServicesDep) -> Response:
    """Clips, curves, transcript and reasons on one HTML page."""
    key = _key(_project(services, who, project_id), "report")
    response = send_object(request, services.objects, key, "text/html", "report.html")
    response.headers["Content-Security-Policy"] = _SANDBOX
    response.headers["Content-Disposition"] = "inline"
    return response


@routes.get("/projects/{project_id}/index", summary="The clips as one document")
def show_index(request: Request, project_id: str, who: Reader, services: ServicesDep) -> Response:
    """`clips/1`, as `talkreel clip` writes it: what the job delivered, before any change."""
    key = _key(_project(services, who, project_id), "clips")
    return send_object(request, services.objects, key, "application/json", "clips.json")


def as_captions(transcript: Transcript, format_: str) -> str:
    """Sentences as SubRip or WebVTT."""
    mark = "," if format_ == "srt" else "."
    blocks = ["WEBVTT\n"] if format_ == "vtt" else []
    for number, sentence in enumerate(transcript.sentences, start=1):
        text = sentence.text
        if format_ == "vtt":
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        times = " --> ".join(_clock(t, mark) for t in (sentence.span.start, sentence.span.end))
        head = f"{number}\n" if format_ == "srt" else ""
        blocks.append(f"{head}{times}\n{text}\n")
    return "\n".join(blocks)


def _clock(seconds: float, mark: str) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, rest = divmod(milliseconds, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}{mark}{rest:03d}"


def _project(services: Services, who: Principal, project_id: str) -> Row[Any]:
    with services.database.read() as connection:
        return find_project(connection, who.tenant_id, project_id)


def _key(project: Row[Any], name: str) -> str:
    key = project.files.get(name)
    if key is None:
        raise Problem(
            409, "not_ready", f"the {name} is not there (yet): this project is {project.state}"
        )
    return str(key)


def _transcript(services: Services, who: Principal, project_id: str) -> dict[str, Any]:
    key = _key(_project(services, who, project_id), "analysis")
    try:
        text = b"".join(services.objects.read(key))
    except FileNotFoundError as error:
        raise Problem(404, "file_not_found", "the analysis is gone") from error
    transcript: dict[str, Any] = json.loads(text)["transcript"]
    return transcript
