"""Pictures from stock libraries: searched by words, fetched once, kept with whom to name.

Pexels (https://www.pexels.com/api/documentation/) and Pixabay (https://pixabay.com/api/docs/)
answer with a key of the user's own, from ``TALKREEL_PEXELS_KEY`` or ``TALKREEL_PIXABAY_KEY``.
Both want their users named; Pixabay wants answers kept for a day, which is done for both.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from talkreel.core.errors import InputError, TalkreelError
from talkreel.store.library import Listed

if TYPE_CHECKING:
    import httpx

PER_QUERY = 15
_MOST_BYTES = 40_000_000
_ANSWER_SECONDS = 24 * 3600
_TIMEOUT_SECONDS = 20.0


class StockError(TalkreelError):
    """A stock library did not answer as it should; clips are made without it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that a stock library offers.

    Attributes:
        name: of the library and the picture, for files.
        description: what it shows, in the library's words.
        address: of a file of about 2,000 pixels.
        attribution: whom to name and where it is.
        licence: its name.
    """

    name: str
    description: str
    address: str
    attribution: str
    licence: str


class StockProvider(Protocol):
    """A library that can be searched."""

    def search(self, query: str, *, upright: bool) -> tuple[Found, ...]:
        """Pictures for ``query``, the library's best first.

        Raises:
            StockError: no usable answer.
        """
        ...

    def fetch(self, found: Found) -> Listed:
        """The file of a picture, on this machine.

        Raises:
            StockError: it cannot be fetched.
        """
        ...


@dataclass(frozen=True, slots=True)
class Service:
    """How one library is asked.

    Attributes:
        key_variable: where the user's key is read from.
        address: of its search.
        hosts: that its pictures lie on; others are never asked.
        headers: of a request, given the key.
        parameters: of a request, given the key, the query and whether it is upright.
        read: its answer as pictures.
    """

    key_variable: str
    address: str
    hosts: tuple[str, ...]
    headers: Callable[[str], dict[str, str]]
    parameters: Callable[[str, str, bool], dict[str, str]]
    read: Callable[[Mapping[str, Any]], tuple[Found, ...]]


def _pexels(answer: Mapping[str, Any]) -> tuple[Found, ...]:
    return tuple(
        Found(
            name=f"pexels-{photo['id']}",
            description=str(photo.get("alt") or ""),
            address=str(photo["src"]["large2x"]),
            attribution=f"Photo by {photo['photographer']} on Pexels, {photo['url']}",
            licence="Pexels License",
        )
        for photo in answer["photos"]
    )


def _pixabay(answer: Mapping[str, Any]) -> tuple[Found, ...]:
    return tuple(
        Found(
            name=f"pixabay-{hit['id']}",
            description=str(hit.get("tags") or ""),
            address=str(hit["largeImageURL"]),
            attribution=f"Image by {hit['user']} on Pixabay, {hit['pageURL']}",
            licence="Pixabay Content License",
        )
        for hit in answer["hits"]
    )


SERVICES: Mapping[str, Service] = {
    "pexels": Service(
        "TALKREEL_PEXELS_KEY",
        "https://api.pexels.com/v1/search",
        ("images.pexels.com",),
        lambda key: {"Authorization": key},
        lambda key, query, upright: {
            "query": query,
            "per_page": str(PER_QUERY),
            "orientation": "portrait" if upright else "landscape",
        },
        _pexels,
    ),
    "pixabay": Service(
        "TALKREEL_PIXABAY_KEY",
        "https://pixabay.com/api/",
        ("pixabay.com", "cdn.pixabay.com"),
        lambda key: {},
        lambda key, query, upright: {
            "key": key,
            "q": query[:100],
            "per_page": str(PER_QUERY),
            "image_type": "photo",
            "safesearch": "true",
            "orientation": "vertical" if upright else "horizontal",
        },
        _pixabay,
    ),
}


def key_of(name: str) -> str:
    """The user's key for the library ``name``.

    Raises:
        InputError: no such library, or no key.
    """
    if name not in SERVICES:
        raise InputError(f"stock libraries are {', '.join(SERVICES)}, got {name!r}")
    key = os.environ.get(SERVICES[name].key_variable, "").strip()
    if not key:
        raise InputError(f"{name} needs a key of your own: set {SERVICES[name].key_variable}")
    return key


class Stock:
    """One library, asked over the network.

    Args:
        name: one of ``SERVICES``.
        key: of the user.
        folder: where answers and pictures are kept.
        service: how it is asked; by default as ``name`` says.
        client: makes the requests.
    """

    def __init__(
        self,
        name: str,
        key: str,
        folder: Path,
        *,
        service: Service | None = None,
        client: httpx.Client | None = None,
    ) -> None:
        self._name, self._key = name, key
        self._service = service or SERVICES[name]
        self._folder = folder / name
        import httpx  # not for every command that knows the names of the libraries

        self._failure = httpx.HTTPError
        self._client = client or httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False)

    def search(self, query: str, *, upright: bool) -> tuple[Found, ...]:
        """See ``StockProvider``."""
        asked = f"{query}|{upright}".encode()
        kept = self._folder / f"answer-{hashlib.sha256(asked).hexdigest()[:24]}.json"
        try:
            if time.time() - kept.stat().st_mtime < _ANSWER_SECONDS:
                return self._read(kept.read_bytes())
        except (OSError, StockError):
            pass
        service = self._service
        answer = self._get(
            service.address,
            headers=service.headers(self._key),
            params=service.parameters(self._key, query, upright),
        )
        found = self._read(answer)
        _write(kept, answer)
        return found

    def fetch(self, found: Found) -> Listed:
        """See ``StockProvider``."""
        path = self._folder / f"{found.name}.jpg"
        if not path.is_file():
            parts = urlsplit(found.address)
            if parts.scheme != "https" or parts.hostname not in self._service.hosts:
                raise StockError(
                    f"{self._name} names a picture at {parts.hostname}, which is not its own"
                )
            _write(path, self._get(found.address))
        return Listed(
            path,
            found.description,
            licence=found.licence,
            attribution=found.attribution,
        )

    def _read(self, answer: bytes) -> tuple[Found, ...]:
        try:
            return self._service.read(json.loads(answer))
        except (ValueError, KeyError, TypeError) as error:
            raise StockError(f"{self._name} answered with something else: {error!r}") from error

    def _get(self, address: str, **request: Any) -> bytes:
        """The body, at most ``_MOST_BYTES``; the key never gets into a message."""
        try:
            with self._client.stream("GET", address, **request) as answer:
                if answer.status_code in (400, 401, 403):
                    raise StockError(f"{self._name} refused the key (HTTP {answer.status_code})")
                if answer.status_code != 200:
                    raise StockError(f"{self._name} answered HTTP {answer.status_code}")
                body = bytearray()
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise StockError(f"{self._name} sent more than {_MOST_BYTES // 10**6} MB")
                return bytes(body)
        except self._failure as error:
            raise StockError(f"{self._name} did not answer: {type(error).__name__}") from error


def _write(path: Path, data: bytes) -> None:
    from talkreel.core.jsonio import write_bytes  # numpy, which --help does without

    write_bytes(path, data)
