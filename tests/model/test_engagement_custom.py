"""A user's own videos, all streams of them, from the files to a bundle that predicts."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from talkreel.core.analysis import Analysis
from talkreel.core.errors import InputError, MediaError, SchemaError
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.data.custom import FromVideo, read_custom
from talkreel.data.splits import split_of
from talkreel.features.cached import cached_embeddings
from talkreel.features.sentences import FEATURES_HEARD, LAYERS, MEL, VISUAL
from talkreel.media.audio import SAMPLE_RATE, Audio, extract_audio
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.models.bundle import load, read_spec
from talkreel.models.predict_engagement import EngagementPredictor
from talkreel.models.text import LayerEmbedder, TextEmbedder
from talkreel.store.analysis import read_analysis, write_analysis
from training.composing import compose
from training.export import export
from training.fit import fit
from training.runs import Trained, load_run

pytestmark = [
    # Lightning warns of itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
SENTENCES, SECONDS = 12, 1.0
BACKBONE = "mobilenetv3_small_050"


def names() -> list[str]:
    """Of talks, so that every split has some."""
    wanted = {"train": 6, "validation": 1, "test": 2}
    found = []
    for i in range(200):
        split = split_of(f"talk{i}")
        if wanted[split]:
            wanted[split] -= 1
            found.append(f"talk{i}")
    return found


def make_talk(folder: Path, name: str, *, picture: bool = True, sound: bool = True) -> None:
    """A video whose hissing sentences are the good ones; words and level tell nothing."""
    rng = np.random.default_rng(int(name.removeprefix("talk")))
    good = rng.permutation(np.arange(SENTENCES) % 2)
    time = np.arange(int(0.9 * SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    hum = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 10))
    parts = []
    for hisses in good:
        voice = rng.normal(size=len(time)) if hisses else hum
        parts += [0.1 * voice / voice.std(), np.zeros(SAMPLE_RATE // 10)]
    with wave.open(str(folder / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.concatenate(parts) * 32767).clip(-32768, 32767).astype("<i2"))
    seen = ["-f", "lavfi", "-i", f"testsrc2=size=128x96:rate=5:duration={SENTENCES}"]
    heard = ["-i", f"{folder / name}.wav", "-c:a", "aac"]
    video = folder / f"{name}.mp4"
    run_ffmpeg([*(seen if picture else []), *(heard if sound else []), str(video)],
               timeout_seconds=60)  # fmt: skip
    words = [
        Word(token, Span(i * SECONDS + at * 0.3, i * SECONDS + at * 0.3 + 0.28))
        for i in range(SENTENCES)
        for at, token in enumerate(("So", "it", "goes."))
    ]
    analysis = Analysis(
        media=probe(video),
        transcript=Transcript("en", tuple(words)),
        signals={"loudness": Signal("loudness", np.full(SENTENCES * 10, -20.0), "LUFS", 0.0, 0.1)},
    )
    write_analysis(folder / f"{name}.json", analysis)
    rows = "\n".join(f"{i * SECONDS + 0.45},{value}" for i, value in enumerate(good))
    (folder / f"{name}.csv").write_text(f"time,value\n{rows}\n", encoding="utf-8")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name in names():
        make_talk(folder, name)
    return folder


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for runs and caches; the random state comes back."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALKREEL_RUNS", str(folder))
        patch.setenv("TALKREEL_CACHE", str(folder))
        before = np.random.get_state(), torch.get_rng_state(), torch.get_num_threads()
        yield folder
        np.random.set_state(before[0])
        torch.set_rng_state(before[1])
        torch.set_num_threads(before[2])


def configured(videos: Path, *overrides: str) -> DictConfig:
    return compose("fit", [
        "experiment=engagement_custom", "logger=none", f"data.root={videos}",
        "trainer.max_epochs=12", "trainer.enable_progress_bar=false", "data.batch_size=2",
        *overrides,
    ])  # fmt: skip


@pytest.fixture(scope="module")
def trained(videos: Path, room: Path) -> Trained:
    """Trained on text, timing, levels, the sound itself and pictures."""
    config = configured(
        videos, f"data.reads.backbone={BACKBONE}", "module.net.visual_size=1024",
        "module.net.stream_dropout=0.1", "module.net.dropout=0.1",
    )  # fmt: skip
    run = load_run(fit(config).folder)
    run.data.setup()
    return run


@pytest.fixture(scope="module")
def bundle(trained: Trained, room: Path) -> Path:
    return export(trained, room / "out")


def test_what_only_the_sound_tells_is_learned(bundle: Path) -> None:
    spec = read_spec(bundle)
    values = {metric.name: metric.value for metric in spec.metrics}
    assert values["auc"] > 0.9
    assert values["auc"] > values["auc/tf-idf"] + 0.3
    assert spec.features == FEATURES_HEARD
    assert spec.arguments["mel_width"] == 4


def test_the_bundle_predicts_what_training_scored(
    bundle: Path, trained: Trained, videos: Path, tmp_path: Path
) -> None:
    data = trained.data
    (talk, *_), (row, *_) = data.talks["test"], data.rows["test"]
    assert (row.known[:, [MEL, VISUAL]] == 1).all()
    analysis = read_analysis(videos / f"{talk.id}.json")
    extract_audio(analysis.media, tmp_path / "sound.wav")
    predictor = EngagementPredictor(load(bundle))
    # As training has them, which keeps them as halves.
    vectors, wording = (
        cached_embeddings(talk.texts, embedder)
        for embedder in (TextEmbedder(), LayerEmbedder(LAYERS))
    )

    def found(audio: Audio | None) -> np.ndarray:
        return predictor(
            analysis.transcript, vectors, analysis.signals,
            wording=wording, visual=talk.visual, audio=audio,
        ).importance  # fmt: skip

    scored = trained.module.scores(data, "test")[0][1][:, 2]
    heard = found(Audio(tmp_path / "sound.wav"))
    np.testing.assert_allclose(heard, 1 / (1 + np.exp(-scored)), atol=1e-5)
    assert np.abs(found(None) - heard).max() > 0.1


def test_a_bundle_of_unknown_features_is_refused(bundle: Path) -> None:
    loaded = load(bundle)
    with pytest.raises(SchemaError, match="sentences/"):
        EngagementPredictor(replace(loaded, spec=replace(loaded.spec, features="sentences/3")))


def test_pictures_of_another_size_are_one_clear_error(videos: Path, room: Path) -> None:
    config = configured(videos, f"data.reads.backbone={BACKBONE}")
    with pytest.raises(InputError, match="set module.net.visual_size=1024"):
        fit(config)
    config = configured(videos, "data.reads.backbone=no_such_net")
    with pytest.raises(InputError, match="timm has no backbone 'no_such_net'"):
        fit(config)


def test_missing_streams_are_masked_and_the_wrong_video_is_refused(tmp_path: Path) -> None:
    everything = FromVideo(mel=True, backbone=BACKBONE)
    make_talk(tmp_path, "talk1", picture=False)
    make_talk(tmp_path, "talk2", sound=False)
    deaf, blind = (
        next(talk for talk in read_custom(tmp_path, everything) if talk.id == name)
        for name in ("talk2", "talk1")
    )
    assert deaf.mel is None
    assert deaf.visual is not None
    assert blind.mel is not None
    assert np.isfinite(blind.mel).all()
    assert blind.visual is not None
    assert np.isnan(blind.visual).all()
    (tmp_path / "talk1.mp4").unlink()
    (gone,) = (talk for talk in read_custom(tmp_path, everything) if talk.id == "talk1")
    assert gone.mel is None
    assert gone.visual is None
    (tmp_path / "talk2.mp4").rename(tmp_path / "talk1.mp4")
    with pytest.raises(InputError, match=r"talk1.mp4 is not the video that .*talk1.json was made"):
        read_custom(tmp_path, FromVideo(mel=True))
    assert len(read_custom(tmp_path)) == 2
    (tmp_path / "talk1.mp4").write_bytes(b"\0" * 5000)
    with pytest.raises(MediaError, match="talk1.mp4"):
        read_custom(tmp_path, FromVideo(mel=True))
