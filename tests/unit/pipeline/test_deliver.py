from __future__ import annotations

from pathlib import Path

import pytest

from talkreel.core.clips import Clip, ClipFiles, ClipSet, Measured
from talkreel.core.errors import OutputError
from talkreel.core.spans import Span
from talkreel.pipeline.deliver import OutputFolder, check_space, place, slug

MEASURED = Measured(
    duration=1.0,
    width=2,
    height=2,
    frame_rate="25/1",
    frames=25,
    size_bytes=1,
    integrated_lufs=-14.0,
    true_peak_dbtp=-1.0,
    av_offset=0.0,
    caption_words=0,
    face_share=None,
    speaker_share=None,
)


def clip_set(*names: str) -> ClipSet:
    clips = tuple(
        Clip(
            id=name,
            rank=i + 1,
            title=name,
            spans=(Span(0, 1),),
            score=50,
            sub_scores=(),
            text="",
            files=ClipFiles(
                video=f"clips/{name}.mp4",
                cover=f"clips/{name}.jpg",
                srt=None,
                vtt=None,
                edit=f"edits/{i + 1:02d}.json",
            ),
            measured=MEASURED,
        )
        for i, name in enumerate(names)
    )
    return ClipSet(
        media_uri="/a.mp4",
        media_digest="0",
        duration=10,
        clips=clips,
        transcript_source="",
        scorer="",
    )


def fill(folder: OutputFolder, clips: ClipSet) -> None:
    for clip in clips.clips:
        for name in (clip.files.video, clip.files.cover, clip.files.edit):
            (folder.root / name).write_text("x")


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError, match="is a file: name a folder to write to"):
        OutputFolder(tmp_path / "out")


def test_an_output_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write to"):
        OutputFolder(tmp_path / "file" / "out")


def test_too_little_space_is_said_first(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="MB free where"):
        check_space(tmp_path, needed_bytes=1e18)


def test_leftovers_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    (folder.clips / ".part-x.mp4").write_text("half")
    OutputFolder(tmp_path)
    assert not list(folder.clips.iterdir())


def test_finish_removes_what_only_the_earlier_job_delivered(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    first, second = clip_set("a", "b", "c"), clip_set("b", "d")
    fill(folder, first)
    folder.finish(first, None)
    assert folder.previous() == first
    mine = folder.clips / "mine.txt"
    mine.write_text("keep")
    fill(folder, second)
    folder.finish(second, folder.previous())
    assert sorted(p.name for p in folder.clips.iterdir()) == [
        "b.jpg",
        "b.mp4",
        "d.jpg",
        "d.mp4",
        "mine.txt",
    ]
    assert sorted(p.name for p in folder.edits.iterdir()) == ["01.json", "02.json"]


def test_a_forged_index_cannot_delete_outside_the_folder(tmp_path: Path) -> None:
    victim = tmp_path / "victim.mp4"
    victim.write_text("x")
    folder = OutputFolder(tmp_path / "out")
    folder.finish(clip_set(), clip_set("../../victim"))
    assert victim.exists()


def test_place_puts_the_whole_file(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    source = tmp_path / "a.mp4"
    source.write_bytes(b"video")
    place(source, folder.clips / "01.mp4")
    assert (folder.clips / "01.mp4").read_bytes() == b"video"
    with pytest.raises(OutputError, match="cannot write"):
        place(tmp_path / "none.mp4", folder.clips / "02.mp4")
    assert [p.name for p in folder.clips.iterdir()] == ["01.mp4"]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Why you're wrong!", "why-youre-wrong"),
        ("Über / ../ etc", "uber-etc"),
        ("日本", "clip"),
        ("a" * 80, "clip"),
    ],
)
def test_slugs_are_safe_file_names(title: str, name: str) -> None:
    assert slug(title) == name
