"""A client of talkreel's server, synchronous and asynchronous."""

from talkreel.client.aio import AsyncClient
from talkreel.client.client import Client
from talkreel.client.errors import ApiError
from talkreel.client.records import (
    Clip,
    Event,
    Failure,
    HookOrder,
    HookPlace,
    Model,
    Progress,
    Project,
    Score,
    SentenceScore,
    Upload,
)

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Clip",
    "Event",
    "Failure",
    "HookOrder",
    "HookPlace",
    "Model",
    "Progress",
    "Project",
    "Score",
    "SentenceScore",
    "Upload",
]
