"""Every configuration file composes, and what it names can be made without any data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hydra.utils import instantiate
from omegaconf import OmegaConf

from talkreel.core.errors import InputError
from talkreel.models.architectures import ARCHITECTURES
from training.composing import CONFIGS, compose

pytestmark = [
    # Lightning warns of itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
SERVING = CONFIGS / "serving"  # of Ray and BentoML, not of Hydra: tests/serving/ray
FILES = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob("*.yaml")
    if SERVING not in path.parents
)
EXPERIMENTS = [Path(file).stem for file in FILES if file.startswith("experiment/")]
ROOT = ["data.root=your-folder"]  # of one's own data there is no default


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No data, no runs, no other configurations."""
    monkeypatch.setenv("TALKREEL_DATA", str(tmp_path / "no-data"))
    monkeypatch.setenv("TALKREEL_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("TALKREEL_CONFIGS", raising=False)
    yield
    assert not list(tmp_path.iterdir()), "making the parts of a configuration wrote files"


def test_there_are_files() -> None:
    assert len(FILES) >= 10


@pytest.mark.parametrize("file", FILES)
def test_every_file_composes_and_its_parts_can_be_made(file: str) -> None:
    parts = Path(file).with_suffix("").parts
    match parts:
        case ("fit" | "tune",):
            return
        case ("experiment", name):
            config = compose("fit", [f"experiment={name}", *ROOT])
            module = instantiate(config.module)
            assert module.mode in ("min", "max")
            assert module.net.architecture in ARCHITECTURES
            assert all(
                isinstance(v, (bool, int, float, str)) for v in module.net.arguments.values()
            )
            instantiate(config.data)
            assert OmegaConf.to_yaml(config, resolve=True)
        case ("data" | "module" | "trainer" | "logger" as group, name):
            config = compose("fit", [f"experiment={EXPERIMENTS[0]}", f"{group}={name}", *ROOT])
            if group == "trainer":
                # The devices of gpu and ddp need not be here.
                instantiate(config.trainer, accelerator="cpu", devices=1, logger=False)
            elif group != "logger":
                instantiate(config[group])
        case ("tune", name):
            space = compose("tune", [f"experiment={name}"]).tune.space
            config = compose("fit", [f"experiment={name}"])
            for key in space:
                assert OmegaConf.select(config, str(key)) is not None, key
        case ("gate", name):
            gate = compose("fit", [f"experiment={name}"]).gate
            assert gate.metric
            assert gate.calibration
            assert gate.parity <= 1e-5
        case _:
            pytest.fail(f"{file} belongs to no group that fit.yaml knows")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_is_a_small_delta(name: str) -> None:
    text = (CONFIGS / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 20
    assert "_target_" not in text
    assert yaml.safe_load(text)["bundle"]["permitted_use"]


def test_an_unknown_experiment_or_setting_is_refused() -> None:
    with pytest.raises(InputError, match="nothing"):
        compose("fit", ["experiment=nothing"])
    with pytest.raises(InputError, match="patiense"):
        compose("fit", [f"experiment={EXPERIMENTS[0]}", "patiense=3"])
    with pytest.raises(InputError, match="You must specify"):
        compose("fit", [])
