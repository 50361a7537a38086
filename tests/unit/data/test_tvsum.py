from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkreel.core.errors import InputError
from talkreel.data.manifest import open_dataset
from talkreel.data.tvsum import agreement, centre_prior, human_agreement, read_tvsum


@pytest.mark.slow
def test_published_agreement_is_reproduced(data_dir: Path) -> None:
    data = open_dataset("tvsum", data_dir)
    videos = read_tvsum(data.path("engagement/tvsum/tvsum50_shots.jsonl"))
    assert len(videos) == 50
    assert {video.ratings.shape[0] for video in videos} == {20}
    human = human_agreement(videos)
    assert (human.tau, human.rho) == pytest.approx((0.177, 0.204), abs=0.001)
    centre = agreement(videos, [centre_prior(video.ratings.shape[1]) for video in videos])
    assert (centre.tau, centre.rho) == pytest.approx((0.100, 0.130), abs=0.001)
    with pytest.raises(ValueError, match="one score"):
        agreement(videos, [np.zeros(3)] * 50)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_tvsum(tmp_path / "none.jsonl")
    (tmp_path / "other.jsonl").write_text('{"video": 1}\n')
    with pytest.raises(InputError, match="no ratings"):
        read_tvsum(tmp_path / "other.jsonl")
