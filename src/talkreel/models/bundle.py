"""Model bundles: one folder with the weights and all that is needed to use and to judge them.

A bundle holds ``weights.safetensors``, ``bundle.json`` (schema ``bundle/1``) and a model card,
``README.md``. ``load`` is the only reader: it refuses a byte that changed, an unknown schema, and
any file that is not listed, so nothing is ever unpickled.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from talkreel.core.digests import file_sha256
from talkreel.core.errors import ModelMissing, OutputError, SchemaError
from talkreel.core.jsonio import load_json, read_document, write_document

if TYPE_CHECKING:
    from torch import nn

SCHEMA = "bundle/1"
SPEC_FILE, WEIGHTS_FILE, CARD_FILE = "bundle.json", "weights.safetensors", "README.md"
Argument = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured figure.

    Attributes:
        name: e.g. ``auc``; baselines are metrics too, e.g. ``auc/length-only``.
        value: measured.
        low: lower end of the bootstrap 95 % interval.
        high: upper end of it.
        count: units that were resampled (talks, stories, speakers, images).
        protocol: data set, split and what was left out, in words.
    """

    name: str
    value: float
    low: float
    high: float
    count: int
    protocol: str


@dataclass(frozen=True, slots=True)
class DataSource:
    """Data that a model was trained on.

    Attributes:
        name: of the data set, as in ``datasets/``.
        licence: as its publisher states it.
        sha256: of the manifest.
        shippable: whether the licence lets weights trained on it be used commercially and
            redistributed.
    """

    name: str
    licence: str
    sha256: str
    shippable: bool


@dataclass(frozen=True, slots=True)
class BundleSpec:
    """What ``bundle.json`` says.

    Attributes:
        name: role in the product, e.g. ``engagement`` or ``emotion-text``.
        version: raised with every release.
        architecture: key of ``architectures.build``.
        arguments: flat arguments of the architecture.
        features: name and version of what it is fed with, e.g. ``sentences/2``.
        labels: of the outputs, in order.
        metrics: measured, baselines included.
        data: trained on.
        permitted_use: one sentence.
        commit: of the code that trained it.
        run_id: of the tracking server, or empty.
        files: sha256 of every other file of the bundle.
        parity: largest difference between what training and what the bundle answered to one real
            batch when it was exported, rounded up to 1e-6; None where it was not measured.
    """

    name: str
    version: int
    architecture: str
    arguments: dict[str, Argument]
    features: str
    labels: tuple[str, ...]
    metrics: tuple[Metric, ...]
    data: tuple[DataSource, ...]
    permitted_use: str
    commit: str = ""
    run_id: str = ""
    files: dict[str, str] = field(default_factory=dict)
    parity: float | None = None

    @property
    def shippable(self) -> bool:
        """Whether every data set allows it."""
        return all(source.shippable for source in self.data)


class BundledNet(Protocol):
    """What a network offers so that it can be written to a bundle and built again from it."""

    architecture: str
    arguments: dict[str, Argument]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A network ready to predict with, and its spec."""

    spec: BundleSpec
    net: nn.Module
    digest: str


def save(folder: Path, net: nn.Module, spec: BundleSpec, card: str) -> BundleSpec:
    """Write a bundle; the folder appears whole or not at all, an existing one is replaced.

    ``architecture``, ``arguments`` and ``files`` of ``spec`` are filled in from ``net``.

    Args:
        folder: of the bundle.
        net: a ``BundledNet``.
        spec: the rest of what is known.
        card: the model card, Markdown.

    Raises:
        OutputError: the folder cannot be written.
    """
    from safetensors.torch import save_file

    state = {name: value.contiguous() for name, value in net.cpu().state_dict().items()}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
        try:
            save_file(state, scratch / WEIGHTS_FILE)
            (scratch / WEIGHTS_FILE).chmod(0o644)  # safetensors lets nobody else read it
            (scratch / CARD_FILE).write_text(card, encoding="utf-8")
            files = {name: file_sha256(scratch / name) for name in (WEIGHTS_FILE, CARD_FILE)}
            spec = replace(
                spec,
                architecture=str(net.architecture),
                arguments=dict(net.arguments),  # type: ignore[arg-type]
                files=files,
            )
            write_document(scratch / SPEC_FILE, spec, SCHEMA)
            scratch.chmod(0o755)
            if folder.exists():
                shutil.rmtree(folder)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write the bundle {folder}: {error.strerror}") from error
    return spec


def load(folder: Path) -> Bundle:
    """The bundle in ``folder``, checked byte by byte; the network is in evaluation mode.

    Raises:
        ModelMissing: there is no such folder, or a file of it is gone.
        SchemaError: another schema, an unknown architecture, a changed or an unlisted file, or
            weights that do not fit the architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from talkreel.models.architectures import build

    spec = read_spec(folder)
    net = build(spec.architecture, spec.arguments)
    try:
        net.load_state_dict(load_file(folder / WEIGHTS_FILE), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise SchemaError(
            f"the weights in {folder} do not fit the architecture {spec.architecture!r}: "
            f"{str(error).splitlines()[0]}; export the bundle again"
        ) from error
    net.eval()
    return Bundle(spec, net, spec.files[WEIGHTS_FILE])


def read_spec(folder: Path) -> BundleSpec:
    """What the bundle in ``folder`` says of itself, after checking all its files.

    Raises:
        ModelMissing: there is no such folder, or a file of it is gone.
        SchemaError: another schema, or a changed or unlisted file.
    """
    if not (folder / SPEC_FILE).is_file():
        raise ModelMissing(f"no model bundle in {folder}: there is no {SPEC_FILE} in it")
    spec = read_document(BundleSpec, load_json(folder / SPEC_FILE), SCHEMA)
    if WEIGHTS_FILE not in spec.files:
        raise SchemaError(f"{folder / SPEC_FILE} lists no {WEIGHTS_FILE}: not a whole bundle")
    for path in folder.iterdir():
        if path.name != SPEC_FILE and path.name not in spec.files:
            raise SchemaError(
                f"{path} is not listed in {SPEC_FILE}: a bundle holds {WEIGHTS_FILE} and its card, "
                "never pickles or code; remove it"
            )
    for name, digest in spec.files.items():
        path = folder / name
        if not path.is_file():
            raise ModelMissing(f"{path} is missing: copy or export the bundle again")
        if file_sha256(path) != digest:
            raise SchemaError(f"{path} was changed since it was exported: export it again")
    return spec


def require(bundle: Bundle, architecture: str, features: str) -> None:
    """See that ``bundle`` holds the network that a predictor is made for.

    Raises:
        SchemaError: another architecture, or one fed with other features.
    """
    spec = bundle.spec
    if (spec.architecture, spec.features) != (architecture, features):
        raise SchemaError(
            f"the bundle {spec.name!r} holds {spec.architecture!r} fed with {spec.features!r}; "
            f"{architecture!r} fed with {features!r} is needed: train and export it again"
        )
