"""Bundles in service: checked, probed, and swapped while requests go on."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from serving.scoring import probe
from serving.scoring.readers import READERS, Reader
from serving.scoring.registry import Place, locate
from serving.scoring.scores import ModelInfo
from talkreel.core.errors import InputError
from talkreel.models.bundle import WEIGHTS_FILE, BundleSpec, load, read_spec
from talkreel.models.shipped import NAMES

log = logging.getLogger(__name__)

SCORING = tuple(READERS)
POLL_SECONDS = 2.0
_MOST_TENANTS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A bundle in use.

    Attributes:
        role: it plays.
        place: it came from.
        spec: what it says of itself.
        reader: of sentences; None for roles that only jobs need.
    """

    role: str
    place: Place
    spec: BundleSpec
    reader: Reader | None

    @property
    def label(self) -> str:
        """Such as ``engagement@2``."""
        return f"{self.spec.name}@{self.spec.version}"


class Models:
    """The bundle of each role, and a watcher that swaps them.

    Readers take ``current()`` once per batch: what they hold stays whole while another is put
    in its place, so that a swap fails no request.

    Args:
        uris: role to bundle URI; shipped ones for the rest.
        roles: to be served.
        registry_url: of MLflow; ``MLFLOW_TRACKING_URI`` if empty.
        poll_seconds: between looks at where the URIs lead.

    Raises:
        InputError: an unknown role or URI.
        ModelMissing: a URI leads nowhere.
        SchemaError: a bundle fails its check or the probe.
    """

    def __init__(
        self,
        uris: Mapping[str, str] | None = None,
        *,
        roles: Collection[str] = NAMES,
        registry_url: str = "",
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        uris = uris or {}
        unknown = sorted(set(uris) - set(NAMES))
        if unknown:
            raise InputError(f"no role {unknown[0]!r} for a bundle: known are {', '.join(NAMES)}")
        self._uris = {role: uris.get(role, f"bundled:{role}") for role in roles}
        self._registry_url = registry_url
        self._poll_seconds = poll_seconds
        self._errors: dict[str, str] = {}
        self._refused: dict[str, str] = {}  # role to identity: not to be tried at every look
        self._served = {role: open_bundle(role, self._locate(role)) for role in self._uris}
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    def current(self) -> Mapping[str, Served]:
        """Role to bundle, as of now; never changed afterwards."""
        return MappingProxyType(self._served)

    def watch(self) -> None:
        """Look every few seconds, in a thread, until ``close``."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="models", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()

    def refresh(self) -> None:
        """Look once: put what is new and sound in service, say why the rest is not."""
        for role in self._uris:
            try:
                self._look(role)
            # Whatever a registry, a file system or a broken bundle raises: the old one serves.
            except Exception as error:
                if self._errors.get(role) != str(error):
                    log.error("the new bundle of %s is refused: %s", role, error)
                self._errors[role] = str(error)

    def infos(self) -> list[ModelInfo]:
        """What is in service, and why something newer is not."""
        served = self._served
        return [_info(one, self._errors.get(role)) for role, one in served.items()]

    def _locate(self, role: str) -> Place:
        return locate(self._uris[role], role, self._registry_url)

    def _look(self, role: str) -> None:
        place = self._locate(role)
        if place.identity == self._served[role].place.identity:
            self._errors.pop(role, None)
            self._refused.pop(role, None)
            return
        if self._refused.get(role) == place.identity:
            return
        try:
            served = open_bundle(role, place)
        except Exception:
            self._refused[role] = place.identity
            raise
        self._served = {**self._served, role: served}
        self._errors.pop(role, None)
        self._refused.pop(role, None)
        log.info("%s is in service as %s, from %s", served.label, role, place.title)

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self.refresh()


class TenantModels:
    """Models of everybody, and those of tenants who have bundles of their own.

    Args:
        shared: serves tenants without, and those whose own are refused.
        tenants: tenant to role to bundle URI.
        registry_url: as in ``Models``.
    """

    def __init__(
        self,
        shared: Models,
        tenants: Mapping[str, Mapping[str, str]] | None = None,
        *,
        registry_url: str = "",
    ) -> None:
        self.shared = shared
        self._tenants = tenants or {}
        self._registry_url = registry_url
        self._open: OrderedDict[str, Models] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, tenant: str | None) -> Mapping[str, Served]:
        """Role to bundle, as of now, for ``tenant``."""
        if tenant is None or tenant not in self._tenants:
            return self.shared.current()
        own = self._own(tenant)
        return self.shared.current() if own is None else {**self.shared.current(), **own.current()}

    def infos(self, tenant: str | None) -> list[ModelInfo]:
        """As ``Models.infos``, for ``tenant``."""
        own = self._own(tenant) if tenant in self._tenants else None
        theirs = {info.role: info for info in own.infos()} if own else {}
        return [theirs.get(info.role, info) for info in self.shared.infos()]

    def close(self) -> None:
        """Stop watching."""
        for models in (self.shared, *self._open.values()):
            models.close()

    def _own(self, tenant: str | None) -> Models | None:
        assert tenant is not None
        with self._lock:
            if tenant in self._open:
                self._open.move_to_end(tenant)
                return self._open[tenant]
            uris = self._tenants[tenant]
            try:
                models = Models(uris, roles=tuple(uris), registry_url=self._registry_url)
            except Exception as error:  # as in ``Models.refresh``
                log.error("the bundles of tenant %s are refused: %s", tenant, error)
                return None
            models.watch()
            self._open[tenant] = models
            if len(self._open) > _MOST_TENANTS:
                self._open.popitem(last=False)[1].close()
            return models


def open_bundle(role: str, place: Place) -> Served:
    """Load, check byte by byte and probe a bundle.

    Raises:
        ModelMissing: it is not there.
        SchemaError: it was changed, is made for another role, or fails the probe.
    """
    with place.open() as folder:
        if role not in READERS:
            return Served(role, place, read_spec(folder), None)
        bundle = load(folder)
        reader = READERS[role](bundle)
        probe.check(role, reader, bundle.digest, probe.recorded_beside(folder))
        return Served(role, place, bundle.spec, reader)


def _info(served: Served, error: str | None) -> ModelInfo:
    spec = served.spec
    return ModelInfo(
        role=served.role,
        name=spec.name,
        version=spec.version,
        uri=served.place.title,
        sha256=spec.files[WEIGHTS_FILE],
        labels=list(spec.labels),
        metrics={metric.name: metric.value for metric in spec.metrics},
        permitted_use=spec.permitted_use,
        error=error,
    )
