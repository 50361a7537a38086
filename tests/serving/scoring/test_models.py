"""Bundles by URI, refused when unsound, swapped under load; the registry is a real one."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from serving.scoring import probe
from serving.scoring.local import LocalScorer
from serving.scoring.models import SCORING, Models
from talkreel.core.errors import InputError, ModelMissing, SchemaError
from talkreel.models.bundle import load
from talkreel.models.outputs import answers
from talkreel.models.shipped import NAMES, SHIPPED_FOLDER
from training import registry

# MLflow and what it brings warn of each other.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
Make = Callable[[int], Path]


@pytest.fixture
def mlflow_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    yield f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(before)


def register(url: str, folder: Path) -> str:
    """As ``training.export`` does."""
    inputs = {"vectors": torch.zeros(2, 384)}
    found = answers(load(folder).net, inputs)
    example = {name: value.numpy() for name, value in inputs.items()}
    version = registry.register(
        url, folder, "hook", run_id="", example=example, outputs=found, tags={}
    )
    assert version is not None
    return version


def hook_of(models: Models) -> tuple[int, str | None]:
    info = next(info for info in models.infos() if info.role == "hook")
    return info.version, info.error


def test_the_shipped_bundles_serve_every_role() -> None:
    infos = Models().infos()
    assert [info.role for info in infos] == list(NAMES)
    for info in infos:
        assert info.uri == f"bundled:{info.role}"
        assert info.error is None
        assert len(info.sha256) == 64
        assert info.metrics


@pytest.mark.parametrize(
    ("uris", "error", "message"),
    [
        ({"hok": "bundled:hook"}, InputError, "no role 'hok' for a bundle: known are engagement"),
        ({"hook": "/nowhere"}, ModelMissing, "no model bundle in /nowhere"),
        ({"hook": "bundled:engagement"}, SchemaError, "'hook' fed with"),
        ({"hook": "models:/hook"}, InputError, "models:/NAME@ALIAS"),
        ({"hook": "models:/hook@champion"}, InputError, "set registry_url"),
    ],
)
def test_a_server_does_not_start_without_a_sound_bundle(
    uris: dict[str, str],
    error: type[Exception],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(error, match=message):
        Models(uris)


def test_a_folder_is_swapped_when_it_is_replaced(hook_bundle: Make, tmp_path: Path) -> None:
    folder = tmp_path / "hook"
    shutil.copytree(hook_bundle(1), folder)
    models = Models({"hook": str(folder)}, roles=("hook",))
    held = models.current()
    shutil.rmtree(folder)
    models.refresh()
    assert hook_of(models) == (1, f"no model bundle in {folder}: there is no bundle.json in it")
    shutil.copytree(hook_bundle(2), folder)
    models.refresh()
    assert hook_of(models) == (2, None)
    assert held["hook"].spec.version == 1


def _answer_otherwise(folder: Path) -> None:
    path = probe.record(folder, "hook")
    document = json.loads(path.read_text())
    document["values"][0][0] += 0.01
    path.write_text(json.dumps(document))


def _flip_a_byte(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)


def _add_a_pickle(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(b"\x80")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_answer_otherwise, "answers otherwise than where it was made"),
        (_flip_a_byte, "was changed since it was exported"),
        (_add_a_pickle, "is not listed"),
    ],
)
def test_an_unsound_bundle_is_refused(
    hook_bundle: Make, spoil: Callable[[Path], None], message: str
) -> None:
    folder = hook_bundle(3)
    spoil(folder)
    with pytest.raises(SchemaError, match=message):
        Models({"hook": str(folder)}, roles=("hook",))


@pytest.mark.parametrize("role", SCORING)
def test_recorded_answers_are_compared(role: str, tmp_path: Path) -> None:
    folder = tmp_path / role
    shutil.copytree(SHIPPED_FOLDER / role, folder)
    place = probe.record(folder, role)
    rows = np.array(json.loads(place.read_text())["values"])
    assert rows.shape == (len(probe.SENTENCES), 7 if role == "emotion-text" else 1)
    assert rows.std(axis=0).max() > 0
    Models({role: str(folder)}, roles=(role,))


def test_a_bundle_of_numbers_that_are_none_is_refused(tmp_path: Path) -> None:
    from talkreel.models.bundle import save

    bundle = load(SHIPPED_FOLDER / "hook")
    bundle.net.temperature.fill_(float("nan"))  # type: ignore[operator]
    save(tmp_path / "hook", bundle.net, bundle.spec, "")
    with pytest.raises(SchemaError, match="no numbers"):
        Models({"hook": str(tmp_path / "hook")}, roles=("hook",))


def test_an_alias_moves_under_load_without_a_failed_request_and_back(
    mlflow_url: str, hook_bundle: Make, talk: str
) -> None:
    versions = [register(mlflow_url, hook_bundle(number)) for number in (1, 2, 3)]
    client = registry.client(mlflow_url)
    for path in Path().rglob("artifacts/hook/weights.safetensors"):
        if '"version": 3' in path.with_name("bundle.json").read_text():
            path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    move = lambda number: client.set_registered_model_alias("hook", "champion", versions[number])  # noqa: E731
    move(0)
    models = Models(
        {"hook": "models:/hook@champion"}, roles=SCORING, registry_url=mlflow_url, poll_seconds=0.2
    )
    scorer = LocalScorer(models)

    async def until(label: str) -> float:
        began = time.monotonic()
        while (await scorer.score(talk)).models["hook"] != label:
            assert time.monotonic() - began < 10
        return time.monotonic() - began

    async def load_and_move() -> None:
        done = asyncio.Event()
        answers: list[tuple[str, float]] = []

        async def client_loop() -> None:
            while not done.is_set():
                score = await scorer.score(talk)
                answers.append((score.models["hook"], score.hook))

        clients = [asyncio.create_task(client_loop()) for _ in range(4)]
        for number, label in ((1, "hook@2"), (0, "hook@1"), (2, "hook@1"), (1, "hook@2")):
            move(number)
            if number == 2:
                await asyncio.sleep(1.0)
                version, error = hook_of(models)
                assert version == 1
                assert error is not None
                assert "was changed since it was exported" in error
            await until(label)
        assert hook_of(models) == (2, None)
        done.set()
        await asyncio.gather(*clients)
        one = next(hook for label, hook in answers if label == "hook@1")
        two = next(hook for label, hook in answers if label == "hook@2")
        assert one == pytest.approx(2 * two, abs=1e-5)
        for label, hook in answers:
            wanted = one if label == "hook@1" else two
            assert hook == pytest.approx(wanted, abs=1e-5)

    try:
        asyncio.run(load_and_move())
    finally:
        scorer.close()
