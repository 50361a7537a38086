from __future__ import annotations

from pathlib import Path

import pytest

from talkreel.core.errors import InputError
from talkreel.store.library import MUSIC, PICTURES, list_library


def put(path: Path, text: str = "picture") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_file_is_described_by_sidecar_caption_name_and_folder(tmp_path: Path) -> None:
    put(tmp_path / "sea" / "EveningBeach_02.jpg")
    put(tmp_path / "sea" / "EveningBeach_02.txt", "Two  people\nat the shore")
    put(tmp_path / "IMG_2041.png")
    put(tmp_path / "IMG_2041.toml", 'title = "Wheat"\ntags = ["farm"]\nlicence = "CC0"\n')
    put(tmp_path / "DSC_0001.jpg")
    put(tmp_path / "licence.txt", "All by me")
    put(tmp_path / ".hidden" / "a.jpg")
    listed = {item.path.name: item for item in list_library(tmp_path, PICTURES)}
    assert set(listed) == {"EveningBeach_02.jpg", "IMG_2041.png", "DSC_0001.jpg"}
    beach, wheat = listed["EveningBeach_02.jpg"], listed["IMG_2041.png"]
    plain = listed["DSC_0001.jpg"]
    assert beach.description == "evening beach. Two people at the shore. sea"
    assert (wheat.description, wheat.licence) == ("Wheat. farm", "CC0")
    assert (plain.description, plain.licence) == ("", "All by me")
    assert len(beach.asset().digest) == 64


def test_a_link_out_of_the_library_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "outside.jpg")
    put(tmp_path / "library" / "inside.jpg")
    (tmp_path / "library" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    names = [item.path.name for item in list_library(tmp_path / "library", PICTURES)]
    assert names == ["inside.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = 3", "title = 3 cannot be used"),
        ('tags = "sea"', "is a list of texts"),
        ('colour = "red"', "the fields are title, artist, tags, licence, attribution"),
        ("title", "is not TOML"),
    ],
)
def test_a_wrong_sidecar_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "a.toml", text)
    with pytest.raises(InputError, match=message):
        list_library(tmp_path, PICTURES)


def test_music_has_an_artist_and_the_library_s_licence(tmp_path: Path) -> None:
    put(tmp_path / "slow" / "a.mp3")
    put(tmp_path / "slow" / "a.toml", 'title = "Rain"\nartist = "Jo"\n')
    put(tmp_path / "LICENSE", "\n  CC BY 4.0\nand more\n")
    (song,) = list_library(tmp_path, MUSIC)
    assert (song.title, song.licence, song.tags) == ("Rain by Jo", "CC BY 4.0", ("slow",))


def test_an_empty_library_lists_nothing(tmp_path: Path) -> None:
    assert list_library(tmp_path, PICTURES) == ()
