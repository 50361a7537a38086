"""A server of generative models that speaks the protocol of OpenAI, asked over HTTP."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from talkreel.core.errors import EngineError, InputError

KEY_VARIABLE = "TALKREEL_LLM_KEY"
_TIMEOUT_SECONDS = 60.0
_TRIES = 3
_WAIT_SECONDS = 1.0  # before the second try; doubled for each further one
_LARGEST_ANSWER = 64_000_000  # bytes; a picture of 4 megapixels in base64 takes about 16
_BUSY = frozenset([408, 425, 429, 500, 502, 503, 504])


class Endpoint:
    """One server and one of its models.

    Args:
        url: up to and without the call, e.g. ``http://localhost:8080/v1``.
        model: its name there.
        key: sent as a bearer token, over TLS or to this machine only.
        wait: sleeps between tries.

    Raises:
        InputError: not such a URL, no model named, or a key that would travel in the open.
    """

    def __init__(
        self,
        url: str,
        model: str | None,
        key: str | None = None,
        *,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InputError(f"an engine is a folder or an http(s) URL without a user, got {url!r}")
        if not model:
            raise InputError(
                "an endpoint needs the name of its model: --llm-model NAME (--model NAME)"
            )
        if key and parts.scheme == "http" and not _here(parts.hostname):
            raise InputError(
                f"the key in {KEY_VARIABLE} would go to {parts.hostname} unencrypted: use https, "
                "or unset the variable"
            )
        self.url, self.model, self._key = url.rstrip("/"), model, key
        self._wait = wait

    def post(self, call: str, body: Mapping[str, object]) -> Any:
        """The parsed answer to a call; tries again where the server is busy or the line fails.

        Raises:
            EngineError: no usable answer.
        """
        import httpx

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        failure = "no answer"
        for attempt in range(_TRIES):
            if attempt:
                self._wait(_WAIT_SECONDS * 2 ** (attempt - 1))
            try:
                # Redirects are not followed: they would carry the words and the key elsewhere.
                with httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False) as client:
                    reply = client.post(
                        f"{self.url}/{call}", json={"model": self.model, **body}, headers=headers
                    )
            except httpx.HTTPError as error:
                failure = f"{type(error).__name__}: {error}"
                continue
            if reply.status_code == 200:
                return _parsed(reply.content)
            failure = f"status {reply.status_code}"
            if reply.status_code not in _BUSY:
                break
        raise EngineError(f"{self.url} did not answer: {failure}")


def _parsed(content: bytes) -> Any:
    if len(content) > _LARGEST_ANSWER:
        raise EngineError("the endpoint answered with far too much")
    try:
        return json.loads(content)
    except ValueError as error:
        raise EngineError("the endpoint's answer is no JSON") from error


def _here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
