"""A task through the whole of training: fit, kill, resume, tune, export, gate, stores."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from talkreel.core.errors import InputError, OutputError, SchemaError
from talkreel.models.bundle import load
from training import bento, compare, evaluate, export, promote, registry
from training.callbacks import TrainingDiverged
from training.composing import compose
from training.fit import fit
from training.runs import load_run
from training.tune import report, suggested, tune

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.integration,
    # Lightning, MLflow, BentoML and wandb warn of themselves and of each other.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for runs and stores, and the configurations of the tiny task."""
    folder = tmp_path_factory.mktemp("training")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALKREEL_RUNS", str(folder / "runs"))
        patch.setenv("TALKREEL_CONFIGS", str(ROOT / "tests" / "tiny" / "configs"))
        patch.setenv("BENTOML_HOME", str(folder / "bento"))
        patch.setenv("BENTOML_DO_NOT_TRACK", "True")
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        before = np.random.get_state(), torch.get_rng_state()
        threads, deterministic = (
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
        )
        yield folder
        np.random.set_state(before[0])
        torch.set_rng_state(before[1])
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def tiny(*overrides: str, logger: str = "none") -> DictConfig:
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow leaves its last address there
    return compose("fit", ["experiment=tiny", f"logger={logger}", *overrides])


@pytest.fixture(scope="module")
def fitted(room: Path) -> Path:
    """A finished, tracked run."""
    return fit(tiny(logger="mlflow")).folder  # another logger would not make it another run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_run(folder).module.state_dict())


def test_a_run_leaves_its_configuration_checkpoints_figures_and_result(fitted: Path) -> None:
    found = {str(path.relative_to(fitted)) for path in fitted.rglob("*") if path.is_file()}
    assert found >= {
        "config.yaml", "result.json", "checkpoints/best.ckpt", "checkpoints/last.ckpt",
        "logs/version_0/metrics.csv", "mlflow-run",
    }  # fmt: skip
    result = json.loads((fitted / "result.json").read_text())
    assert result["score"] > 0.8
    assert result["epochs"] == 4
    history = registry.client(tiny().tracking_uri).get_metric_history(result["run_id"], "val/auc")
    assert len(history) == 4


def test_the_same_command_finds_the_finished_run(fitted: Path) -> None:
    before = (fitted / "result.json").stat().st_mtime_ns
    assert fit(tiny(logger="mlflow")).folder == fitted
    assert (fitted / "result.json").stat().st_mtime_ns == before


def _in_a_child(step: Callable[[], object]) -> multiprocessing.Process:
    child = multiprocessing.get_context("fork").Process(target=step)
    child.start()
    return child


def test_a_killed_run_goes_on_to_the_same_metric_and_weights(room: Path) -> None:
    config = tiny("seed=11", "trainer.max_epochs=5")
    whole = fit(config)
    expected = weights(whole.folder)
    slow = tiny("seed=11", "trainer.max_epochs=5", f"runs={room / 'killed'}")
    folder = room / "killed" / "tiny" / whole.folder.name
    child = _in_a_child(lambda: _slowly(slow))
    deadline = time.monotonic() + 60
    while not (folder / "checkpoints" / "last.ckpt").is_file() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # into the next epoch
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert (folder / "checkpoints" / "last.ckpt").is_file()
    assert not (folder / "result.json").exists()
    resumed = fit(slow)
    assert resumed.folder == folder
    assert resumed.result.score == whole.result.score
    assert resumed.result.epochs == 5
    for name, value in weights(folder).items():
        assert torch.equal(value, expected[name]), name


def _slowly(config: DictConfig) -> None:
    from pytorch_lightning.callbacks import Callback

    class Pause(Callback):
        def on_train_batch_end(self, *_: object) -> None:
            time.sleep(0.05)

    fit(config, callbacks=[Pause()])


def test_a_loss_that_is_no_number_is_one_clear_error(room: Path) -> None:
    config = tiny("module.poison_epoch=2", "seed=3")
    with pytest.raises(TrainingDiverged, match="the loss is nan at epoch 2, batch 0.*lower module"):
        fit(config)
    folder = next(p for p in (room / "runs" / "tiny").iterdir() if not (p / "result.json").exists())
    assert (folder / "checkpoints" / "last.ckpt").is_file()


def test_a_full_disk_is_one_clear_error(room: Path) -> None:
    # No file may grow beyond 2 kB: like a full disk, but for this process only.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises(OutputError, match="no space left to write"):
            fit(tiny("seed=4"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert fit(tiny("seed=4")).result.epochs == 4


def test_an_unreachable_tracking_server_is_a_warning(
    room: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = tiny(
        "seed=5", "trainer.max_epochs=1", "tracking_uri=http://127.0.0.1:9", logger="mlflow"
    )
    with caplog.at_level(logging.WARNING):
        done = fit(config)
    assert "MLflow at http://127.0.0.1:9 cannot be reached, going on without it" in caplog.text
    assert done.result.run_id == ""
    assert (done.folder / "logs" / "version_0" / "metrics.csv").is_file()


def test_two_trainings_may_meet_a_new_tracking_database(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from training.loggers import mlflow_logger;"
        f"made = mlflow_logger(uri='sqlite:///{tmp_path}/new.db', artifacts='{tmp_path}/a',"
        f" folder=Path('{tmp_path}'), name='one', run_id=None, tags={{}});"
        "assert made is not None and made.version"
    )
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: subprocess.run([sys.executable, "-c", code]), range(2)))
    assert [done.returncode for done in both] == [0, 0]


def test_wandb_is_offline_unless_asked(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    done = fit(tiny("seed=6", "trainer.max_epochs=1", logger="wandb"))
    assert list(done.folder.glob("wandb/offline-run-*/*.wandb"))
    import wandb

    wandb.teardown()


def test_an_evaluation_has_intervals_and_baselines(
    fitted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate.main([f"run={fitted}", "split=val"])
    document = json.loads((fitted / "metrics-val.json").read_text())
    assert [metric["name"] for metric in document["metrics"]] == ["auc", "auc/first", "ece"]
    assert "| auc/first | 0." in capsys.readouterr().out
    run_id = (fitted / "mlflow-run").read_text()
    run = registry.client(tiny().tracking_uri).get_run(run_id)
    assert run.data.metrics["val/auc"] > 0.8


def test_evaluating_nothing_is_refused(room: Path) -> None:
    with pytest.raises(InputError, match="name a run folder"):
        evaluate.main([])
    with pytest.raises(InputError, match="hook has no finished run of its present code"):
        evaluate.main(["experiment=hook"])
    with pytest.raises(InputError, match="no run in"):
        evaluate.main([f"run={room}"])


def test_a_checkpoint_of_another_network_is_refused(fitted: Path, tmp_path: Path) -> None:
    text = (fitted / "config.yaml").read_text().replace("hidden: 8", "hidden: 9")
    (tmp_path / "config.yaml").write_text(text)
    (tmp_path / "checkpoints").symlink_to(fitted / "checkpoints")
    with pytest.raises(SchemaError, match="does not fit the code"):
        load_run(tmp_path)


@pytest.fixture(scope="module")
def bundle(fitted: Path, room: Path) -> Path:
    """The exported, registered bundle."""
    export.main(["experiment=tiny", f"out={room / 'out'}"])
    return room / "out" / "tiny"


def test_an_exported_bundle_answers_as_the_checkpoint(bundle: Path, fitted: Path) -> None:
    net, trained = load(bundle), load_run(fitted)
    rows, _ = trained.data.arrays("test")
    assert torch.equal(net.net(rows), trained.module.net(rows))
    assert net.spec.labels == ("positive",)
    assert net.spec.run_id == (fitted / "mlflow-run").read_text()
    card = (bundle / "README.md").read_text()
    assert "| auc | 0." in card
    assert "CC0" in card


def test_a_bundle_is_served_by_mlflow_without_pickle(bundle: Path) -> None:
    import mlflow

    mlflow.set_tracking_uri(tiny().tracking_uri)
    model = mlflow.pyfunc.load_model("models:/tiny@challenger")
    rows = np.ones((5, 8), np.float32)
    answer = model.predict({"rows": rows, "mask": np.ones(5, np.float32)})["output"]
    assert np.allclose(answer, load(bundle).net(torch.from_numpy(rows)).detach().numpy())
    place = Path(mlflow.artifacts.download_artifacts("models:/tiny@challenger"))
    assert not list(place.rglob("*.pkl"))


def test_a_new_database_keeps_its_artifacts_beside_it(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    uri = f"sqlite:///{tmp_path}/store/new.db"
    (tmp_path / "store").mkdir()
    rows = {"rows": np.ones((2, 8), np.float32), "mask": np.ones(2, np.float32)}
    version = registry.register(
        uri, bundle, "tiny", run_id="", example=rows,
        outputs={"output": np.ones(2, np.float32)}, tags={},
    )  # fmt: skip
    assert version == "1"
    assert registry.bundle_of(uri, "tiny", registry.CHALLENGER).is_relative_to(tmp_path / "store")
    assert not list((tmp_path / "here").iterdir())


def test_the_gate_accepts_compares_and_refuses(bundle: Path, room: Path) -> None:
    config = tiny(logger="mlflow")

    def champion() -> str:
        return str(registry.version_of(config.tracking_uri, "tiny", "champion").version)

    first = promote.promote(config)
    assert first.passed
    assert first.champion == ""
    assert champion() == first.version
    worse = fit(tiny("module.lr=0.00001", "trainer.max_epochs=1", logger="mlflow")).folder
    export.main([f"run={worse}", f"out={room / 'worse'}"])
    refused = promote.promote(config)
    failed = {check.name for check in refused.checks if not check.passed}
    assert failed >= {"metric", "champion"}
    assert refused.champion == first.version
    assert champion() == first.version
    written = json.loads((room / "runs/promotions" / f"tiny-{refused.version}.json").read_text())
    assert not written["passed"]
    with pytest.raises(promote.Refused, match="stays a challenger"):
        promote.main(["experiment=tiny"])


def test_the_gate_wants_parity_and_speed(bundle: Path) -> None:
    config = tiny("gate.parity=-1", "gate.latency_seconds=0", logger="mlflow")
    found = promote.promote(config)
    assert {"parity", "latency"} <= {check.name for check in found.checks if not check.passed}


def test_promoting_without_a_gate_or_a_challenger_is_refused(room: Path) -> None:
    with pytest.raises(InputError, match="has no gate"):
        promote.promote(tiny("gate.metric=null"))
    with pytest.raises(InputError, match="no challenger"):
        promote.promote(tiny("bundle.name=nobody"))


def test_a_bundle_goes_through_the_bento_store(bundle: Path, tmp_path: Path) -> None:
    tag = bento.put(bundle)
    spec = bento.get(tag, tmp_path / "back")
    assert load(tmp_path / "back").spec == spec
    with pytest.raises(InputError, match="no model 'tiny:nothing'"):
        bento.get("tiny:nothing", tmp_path / "none")


def test_finished_runs_are_compared(fitted: Path, room: Path) -> None:
    text = compare.table(compare.rows(room / "runs", "tiny"))
    assert fitted.name in text
    with pytest.raises(InputError, match="no finished runs"):
        compare.rows(room / "runs", "nobody")


def test_a_search_goes_on_after_a_kill_with_children_in_mlflow(room: Path) -> None:
    def config(trials: int) -> DictConfig:
        overrides = ["experiment=tiny", f"tune.trials={trials}", "trainer.max_epochs=2"]
        return compose("tune", overrides)

    study = tune(config(2), "tiny")
    killed = study.ask()  # a trial that was running when its process died
    killed.suggest_float("module.lr", 0.0001, 0.1, log=True)
    killed.suggest_categorical("module.net.hidden", [4, 8])
    study = tune(config(4), "tiny")
    over = [t for t in study.trials if t.state.name in ("COMPLETE", "PRUNED")]
    assert len(over) == 4
    assert any(t.params == killed.params for t in over)
    assert "trials through, best 0." in report(study, room / "runs")
    client = registry.client(tiny().tracking_uri)
    parent = study.user_attrs["mlflow_run"]
    number = client.get_run(parent).info.experiment_id
    children = client.search_runs([number], f"tags.mlflow.parentRunId = '{parent}'")
    assert len(children) == 4


def test_a_search_without_a_space_is_refused(room: Path) -> None:
    config = compose("tune", ["experiment=tiny", "tune.space=null"])
    with pytest.raises(InputError, match="no search space"):
        tune(config, "tiny")
    with pytest.raises(InputError, match="module.lr: unknown kind 'guess'; use float, int or"):
        suggested(optuna.create_study().ask(), "module.lr", OmegaConf.create({"kind": "guess"}))
    empty = optuna.create_study()
    with pytest.raises(InputError, match="no trial came through"):
        report(empty, room)


@pytest.mark.slow
def test_the_command_line_trains_and_says_what_is_wrong(room: Path) -> None:
    def call(*overrides: str) -> subprocess.CompletedProcess[str]:
        search = "hydra.searchpath=[file://tests/tiny/configs]"
        command = [sys.executable, "-m", "training.fit", search, "experiment=tiny", *overrides]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
        )

    failed = call("module.poison_epoch=0", "logger=none", "seed=9")
    assert failed.returncode == 1
    assert "the loss is nan at epoch 0" in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
