from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.errors import InputError
from talkreel.data import fer, manifest, voices
from talkreel.data.fer import FerFaces, load_fer, read_mosaic
from talkreel.data.manifest import DataError
from talkreel.data.voices import LABELS, decode, load_voices


def some_faces(votes: list[list[int]]) -> FerFaces:
    count = len(votes)
    return FerFaces(
        np.zeros((count, 48, 48), np.uint8),
        np.array(votes, np.uint8),
        np.zeros(count, np.int64),
        np.ones(count, bool),
        np.arange(count, dtype=np.uint8) % 3,
        np.zeros(count, bool),
    )


def test_votes_become_shares_majority_and_plurality() -> None:
    faces = some_faces(
        [
            [6, 3, 1, 0, 0, 0, 0, 0, 0, 0],
            [4, 3, 3, 0, 0, 0, 0, 0, 0, 0],
            [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],
            [2, 0, 0, 0, 0, 0, 0, 0, 8, 0],
        ]
    )
    assert faces.majority.tolist() == [0, -1, -1, -1]
    assert faces.plurality.tolist() == [0, 0, -1, -1]
    np.testing.assert_allclose(faces.targets[0], [6 / 9, 3 / 9, 0, 0, 0, 0, 0, 0])
    assert len(faces.of("valid").images) == 1
    with pytest.raises(ValueError, match="unknown split"):
        faces.of("dev")
    with pytest.raises(ValueError, match="differ in number"):
        FerFaces(faces.images[:1], faces.votes, *(faces.fer_label,) * 2, faces.split, faces.sure)


def test_faces_keep_their_official_splits_and_duplicates(data_dir: Path, tmp_path: Path) -> None:
    faces = load_fer(data_dir, cache=tmp_path)
    assert [len(faces.of(split).images) for split in fer.SPLITS] == [28558, 3579, 3573]
    test = faces.of("test")
    assert int(test.duplicate.sum()) == 288
    train = {image.tobytes() for image in faces.of("train").images}
    shared = np.array([image.tobytes() in train for image in test.images])
    assert not (shared & ~test.duplicate).any()
    assert set(np.unique(faces.majority)) == set(range(-1, 8))
    again = load_fer(data_dir, cache=tmp_path)
    np.testing.assert_array_equal(again.images[::997], faces.images[::997])


def test_a_picture_that_is_no_mosaic_is_refused(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "small.webp"), np.zeros((48, 48), np.uint8))
    (tmp_path / "text.webp").write_text("no picture", encoding="utf-8")
    for name in ("small.webp", "text.webp"):
        with pytest.raises(InputError, match="mosaic"):
            read_mosaic(tmp_path / name)


def test_every_emodb_clip_has_sound_a_label_and_one_speaker(data_dir: Path) -> None:
    clips = load_voices("emodb-2s", data_dir)
    assert len(clips) == 535
    assert len({clip.speaker for clip in clips}) == 10
    assert {clip.label for clip in clips} == set(LABELS["emodb-2s"])
    for clip in clips[::50]:
        assert clip.samples.dtype == np.float32
        assert len(clip.samples) == pytest.approx(32_000, abs=800)
        assert clip.name.startswith(clip.speaker)


def archive(folder: Path, files: dict[str, bytes]) -> Path:
    (folder / "emotion").mkdir(exist_ok=True)
    path = folder / "emotion" / "emodb_2s_opus64k.tar"
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.opus": b"x"}, "no meta.csv"),
        ({"meta.csv": b"file,emotion,speaker\na.flac,anger,1\n"}, "has no a.opus"),
        ({"meta.csv": b"file,emotion,speaker\na.flac,envy,1\n", "a.opus": b"x"}, "unknown label"),
        ({"meta.csv": b"file,emotion,speaker\na.flac,anger,1\n", "a.opus": b"x"}, "decode"),
    ],
)
def test_archives_that_do_not_fit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], message: str
) -> None:
    path = archive(tmp_path, files)
    known = json.loads(
        (manifest.CHECKOUT / "datasets/emodb-2s/manifest.json").read_text(encoding="utf-8")
    )
    known["files"][0] |= {"sha256": manifest.sha256(path), "size_bytes": path.stat().st_size}
    folder = tmp_path / "datasets" / "emodb-2s"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(known), encoding="utf-8")
    monkeypatch.setattr(manifest, "CHECKOUT", tmp_path)
    with pytest.raises(DataError, match=message):
        load_voices("emodb-2s", tmp_path)


def test_unknown_voices_and_sounds_are_refused() -> None:
    with pytest.raises(DataError, match="known are"):
        load_voices("nonsuch")
    with pytest.raises(DataError, match="decode"):
        decode(b"not a sound")
    assert set(voices.LABELS) == {"emodb-2s", "ravdess"}
