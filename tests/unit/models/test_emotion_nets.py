from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from talkreel.core.emotions import CHANNELS, EMOTIONS
from talkreel.core.errors import ModelMissing, SchemaError
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack
from talkreel.core.transcript import Word
from talkreel.data.voices import EMODB_LABELS
from talkreel.features import faces, voice
from talkreel.media.audio import Audio
from talkreel.media.probe import probe
from talkreel.models.architectures import build
from talkreel.models.bundle import Bundle, BundleSpec, load, save
from talkreel.models.emotion import reliability
from talkreel.models.emotion_face import EmotionFaceNet
from talkreel.models.emotion_voice import EmotionVoiceNet
from talkreel.models.predict_face import FaceEmotionPredictor
from talkreel.models.predict_voice import VoiceEmotionPredictor
from talkreel.models.shipped import load_bundle

TINY = {
    "model_type": "wav2vec2",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8, 8],
    "conv_stride": [5, 4],
    "conv_kernel": [10, 8],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}


def spec(labels: tuple[str, ...], features: str) -> BundleSpec:
    return BundleSpec("emotion", 1, "", {}, features, labels, (), (), "any")


def bundled(
    net: EmotionFaceNet | EmotionVoiceNet, labels: tuple[str, ...], features: str
) -> Bundle:
    described = replace(spec(labels, features), architecture=net.architecture)
    return Bundle(described, net.eval(), "")


@pytest.mark.parametrize("backbone", ["small", "mobilenetv3_small_050"])
def test_face_networks_give_both_heads_and_calibrated_probabilities(backbone: str) -> None:
    net = EmotionFaceNet(backbone, width=8).eval()
    crops = torch.randn(3, 1, 48, 48)
    assert net(crops).shape == (3, 15)
    found = net.probabilities(crops)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(found, net.probabilities(crops.flip(-1)))


def test_a_face_bundle_gives_what_the_network_gave(tmp_path: Path) -> None:
    net = EmotionFaceNet(width=8).eval()
    net.get_buffer("temperature").fill_(1.7)
    crops = torch.randn(2, 1, 48, 48)
    before = net.probabilities(crops)
    save(tmp_path / "face", net, spec(("a",), "x"), "card")
    torch.testing.assert_close(load(tmp_path / "face").net.probabilities(crops), before)


def test_pretrained_backbones_come_from_a_file(tmp_path: Path) -> None:
    source = EmotionFaceNet("mobilenetv3_small_050").backbone.state_dict()
    wide = {k: v.clone().contiguous() for k, v in source.items()}
    wide["conv_stem.weight"] = wide["conv_stem.weight"].repeat(1, 3, 1, 1) / 3
    save_file({**wide, "classifier.weight": torch.zeros(2, 2)}, tmp_path / "model.safetensors")
    net = EmotionFaceNet("mobilenetv3_small_050")
    net.load_backbone(tmp_path / "model.safetensors")
    for name, value in net.backbone.state_dict().items():
        torch.testing.assert_close(value, source[name])
    with pytest.raises(SchemaError, match="does not fit"):
        EmotionFaceNet(width=8).load_backbone(tmp_path / "model.safetensors")
    with pytest.raises(ModelMissing, match="no pretrained"):
        net.load_backbone(tmp_path / "gone.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights", encoding="utf-8")
    with pytest.raises(SchemaError, match="no safetensors"):
        net.load_backbone(tmp_path / "text.safetensors")


@pytest.mark.parametrize("wrong", [{"backbone": "nonsuch"}, {"width": 4}])
def test_face_networks_refuse_wrong_arguments(wrong: dict[str, object]) -> None:
    with pytest.raises(SchemaError, match="do not fit"):
        build("emotion-face", wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "statistics"), [(8, 430), (0, 430), (8, 0)])
def test_voice_networks_take_either_or_both_inputs(width: int, statistics: int) -> None:
    net = EmotionVoiceNet(7, width, statistics, temperature=2.0).eval()
    found = net.probabilities(torch.randn(2, 64, 200), torch.randn(2, statistics))
    assert found.shape == (2, 7)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(2))
    again = build("emotion-voice", net.arguments)
    again.load_state_dict(net.state_dict())


@pytest.mark.parametrize("wrong", [{"width": 0, "statistics": 0}, {"backbone": "nonsuch"}])
def test_voice_networks_refuse_wrong_arguments(wrong: dict[str, object]) -> None:
    with pytest.raises(SchemaError, match="do not fit"):
        build("emotion-voice", wrong)  # type: ignore[arg-type]


def test_speech_models_of_transformers_train_and_come_from_a_folder(tmp_path: Path) -> None:
    net = EmotionVoiceNet(7, backbone="wav2vec2", backbone_config=json.dumps(TINY), statistics=0)
    assert net.takes_samples
    logits = net(torch.randn(2, 4000), torch.zeros(2, 0))
    logits.square().sum().backward()
    assert net.sound is not None
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in net.sound.parameters())
    net.sound.model.save_pretrained(tmp_path)
    loaded = EmotionVoiceNet.with_backbone(tmp_path, 7, statistics=0)
    assert loaded.sound is not None
    samples = torch.randn(1, 4000)
    torch.testing.assert_close(loaded.eval().sound(samples), net.eval().sound(samples))
    with pytest.raises(ModelMissing, match=r"no config\.json"):
        EmotionVoiceNet.with_backbone(tmp_path / "gone")


def sound(path: Path, seconds: int) -> Audio:
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 2000, seconds * 16_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return Audio(path)


def test_the_voice_speaks_only_where_words_are(tmp_path: Path) -> None:
    predictor = VoiceEmotionPredictor(bundled(EmotionVoiceNet(), EMODB_LABELS, voice.FEATURES))
    words = [Word("so", Span(t, t + 0.9), speaker="A") for t in range(2, 6)]
    words += [Word("well", Span(t, t + 0.9), speaker="B") for t in range(8, 10)]
    told: list[float] = []
    signal = predictor(sound(tmp_path / "a.wav", 12), words, progress=told.append)
    assert signal.channels == EMOTIONS
    assert signal.values.shape == (12, 7)
    known = ~np.isnan(signal.values[:, 0])
    assert known[3]
    assert not known[0]
    assert not known[11]
    np.testing.assert_allclose(signal.values[known].sum(axis=1), 1, atol=1e-5)
    assert told[-1] == 1.0
    assert np.isnan(predictor(sound(tmp_path / "b.wav", 2), []).values).all()


def test_what_it_says_is_what_the_training_path_would_say(tmp_path: Path) -> None:
    net = EmotionVoiceNet().eval()
    audio = sound(tmp_path / "a.wav", 4)
    words = [Word("so", Span(1.0, 3.0), speaker="A")]
    found = VoiceEmotionPredictor(bundled(net, EMODB_LABELS, voice.FEATURES))(audio, words)
    features = voice.voice_features(audio.samples(Span(0.5, 2.5)))
    mel, values = net.reference.apply(
        voice.fitted(features.mel, 200)[None], features.statistics[None]
    )
    with torch.inference_mode():
        wanted = net.probabilities(torch.from_numpy(mel), torch.from_numpy(values)).numpy()
    anger = EMODB_LABELS.index("anger")
    assert found.values[1, EMOTIONS.index("anger")] == pytest.approx(wanted[0, anger], abs=1e-5)


def test_predictors_refuse_bundles_of_other_kinds() -> None:
    net = EmotionFaceNet(width=8)
    with pytest.raises(SchemaError, match="emotion-voice"):
        VoiceEmotionPredictor(bundled(net, EMODB_LABELS, voice.FEATURES))
    with pytest.raises(SchemaError, match="emotion-face"):
        FaceEmotionPredictor(bundled(net, EMODB_LABELS, "faces-48/0"))
    predictor = FaceEmotionPredictor(bundled(net, ("neutral",) * 8, faces.FEATURES))
    crops = np.random.default_rng(0).integers(0, 255, (2, 48, 48)).astype(np.uint8)
    np.testing.assert_allclose(predictor.probabilities(crops).sum(axis=1), 1, atol=1e-5)


def test_the_shipped_bundles_load_into_the_predictors_and_say_how_far_to_trust_them() -> None:
    VoiceEmotionPredictor(load_bundle("emotion-voice"))
    FaceEmotionPredictor(load_bundle("emotion-face"))
    trust = {
        channel: reliability(channel, load_bundle(f"emotion-{channel}").spec)
        for channel in CHANNELS
    }
    assert trust["voice"] < trust["text"] < trust["face"] < 1


def test_faces_of_a_video_are_read_only_where_they_show(sample_dir: Path) -> None:
    media = probe(sample_dir / "talk.mp4")
    times = np.arange(1.0, 3.01, 0.1)
    boxes = np.tile([0.3, 0.2, 0.6, 0.7], (len(times), 1))
    speaking = np.full(len(times), np.nan)
    track = FaceTrack(1, times, boxes, np.ones(len(times)), speaking)
    predictor = FaceEmotionPredictor(
        bundled(EmotionFaceNet(width=8), ("neutral", "contempt") * 4, faces.FEATURES)
    )
    told: list[float] = []
    signal = predictor(media, [track], [Span(0, 5)], progress=told.append)
    known = ~np.isnan(signal.values[:, 0])
    assert known[:5].tolist() == [False, True, True, True, False]
    assert not known[5:].any()
    np.testing.assert_allclose(signal.values[known].sum(axis=1), 1, atol=1e-5)
    assert told == [1.0]
    assert np.isnan(predictor(media, [], [Span(0, 2)]).values).all()
    silent = replace(media, video=None)
    with pytest.raises(ValueError, match="no picture"):
        predictor(silent, [track], [Span(0, 1)])
