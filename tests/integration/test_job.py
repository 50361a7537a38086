"""One whole job on the sample: what a second run costs, and what a failed clip leaves behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from talkreel.core.clips import Clip, ClipSet
from talkreel.core.errors import RenderError
from talkreel.pipeline.clip import Maker, make_clips, open_job
from talkreel.pipeline.deliver import OutputFolder
from talkreel.pipeline.make import Cut
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.produce import produce, renders_at_once
from talkreel.pipeline.progress import unwatched
from talkreel.store.cache import StageCache

pytestmark = pytest.mark.integration

OPTIONS = ClipOptions(preset="fast", captions="bold")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> StageCache:
    return StageCache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def first(
    cache: StageCache, sample_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ClipSet]:
    out = tmp_path_factory.mktemp("out")
    return out, make_clips(sample_dir / "talk.mp4", out, OPTIONS, cache=cache)


def stages(cache: StageCache) -> set[str]:
    return {path.name for path in cache.root.glob("*/*")}


def test_clips_come_in_order_of_rank_with_all_their_files(first: tuple[Path, ClipSet]) -> None:
    out, result = first
    assert len(result.clips) >= 2
    assert [clip.rank for clip in result.clips] == list(range(1, len(result.clips) + 1))
    for clip in result.clips:
        named = (clip.files.video, clip.files.cover, clip.files.srt, clip.files.vtt)
        assert all(name and (out / name).stat().st_size > 0 for name in named)
        assert (out / clip.files.video).name.startswith(f"{clip.rank:02d}-")


def test_another_style_only_renders(
    first: tuple[Path, ClipSet], cache: StageCache, sample_dir: Path, tmp_path: Path
) -> None:
    _, before = first
    known = stages(cache)
    left_by_a_killed_run = tmp_path / "clips" / "early-a-killed-run.mp4"
    left_by_a_killed_run.parent.mkdir()
    left_by_a_killed_run.write_bytes(b"")
    options = replace(OPTIONS, captions="clean")
    after = make_clips(sample_dir / "talk.mp4", tmp_path, options, cache=cache)
    fresh = stages(cache) - known
    assert fresh
    assert {name.rsplit("-", 1)[0] for name in fresh} == {"clip", "clip-figures"}
    assert [clip.spans for clip in after.clips] == [clip.spans for clip in before.clips]
    assert not left_by_a_killed_run.exists()


def test_each_clip_is_handed_over_with_all_its_files_in_place(
    first: tuple[Path, ClipSet], cache: StageCache, sample_dir: Path, tmp_path: Path
) -> None:
    seen: list[Clip] = []

    def look(clip: Clip) -> None:
        files = clip.files
        named = (files.video, files.cover, files.srt, files.vtt, files.edit)
        assert all(name and (tmp_path / name).stat().st_size > 0 for name in named)
        assert not (tmp_path / "clips.json").exists()
        seen.append(clip)

    result = make_clips(sample_dir / "talk.mp4", tmp_path, OPTIONS, cache=cache, delivered=look)
    assert tuple(seen) == result.clips


def cuts_of(sample: Path, cache: StageCache) -> tuple[Maker, list[Cut]]:
    maker = Maker(open_job(sample, OPTIONS, cache, unwatched))
    analysis = maker.perceive()
    return maker, list(maker.cuts(analysis, maker.choose(analysis).candidates))


def broken(cut: Cut) -> Cut:
    return replace(cut, edit=replace(cut.edit, media_digest="0" * 64))


def test_a_clip_that_fails_is_reported_and_the_rest_move_up(
    first: tuple[Path, ClipSet], cache: StageCache, sample_dir: Path, tmp_path: Path
) -> None:
    maker, cuts = cuts_of(sample_dir / "talk.mp4", cache)
    handed: list[Clip] = []
    errors: list[RenderError] = []
    clips, problems = produce(
        maker.job,
        OutputFolder(tmp_path),
        [broken(cuts[0]), *cuts[1:]],
        len(cuts),
        delivered=handed.append,
        dropped=errors.append,
    )
    assert handed == clips
    assert [str(error) in problems[0] for error in errors] == [True]
    assert [clip.id for clip in clips] == [cut.candidate.id for cut in cuts[1:]]
    assert clips[0].rank == 1
    assert len(problems) == 1
    assert "made for another file" in problems[0]


def test_who_is_told_of_a_failed_clip_may_end_the_job(
    first: tuple[Path, ClipSet], cache: StageCache, sample_dir: Path, tmp_path: Path
) -> None:
    maker, cuts = cuts_of(sample_dir / "talk.mp4", cache)

    def give_up(error: RenderError) -> None:
        raise error

    with pytest.raises(RenderError, match="another file"):
        produce(
            maker.job,
            OutputFolder(tmp_path),
            [broken(cuts[0]), *cuts[1:]],
            len(cuts),
            dropped=give_up,
        )
    assert not list((tmp_path / "clips").iterdir())


def test_a_job_whose_clips_all_fail_raises(
    first: tuple[Path, ClipSet], cache: StageCache, sample_dir: Path, tmp_path: Path
) -> None:
    maker, cuts = cuts_of(sample_dir / "talk.mp4", cache)
    with pytest.raises(RenderError, match="another file"):
        produce(maker.job, OutputFolder(tmp_path), map(broken, cuts), len(cuts))
    assert not list((tmp_path / "clips").iterdir())


@pytest.mark.parametrize(
    ("long_side", "cores", "wanted"),
    [(1920, 1, 1), (1920, 2, 2), (1280, 4, 2), (1920, 16, 5), (3840, 16, 1)],
)
def test_renders_at_once_fit_the_machine(long_side: int, cores: int, wanted: int) -> None:
    assert renders_at_once(long_side, cores) == wanted
