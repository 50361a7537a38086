"""Networks of any signature are called by names and answer in arrays by name."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from talkreel.models.outputs import answers, named_outputs


class Pair(NamedTuple):
    first: Tensor
    second: Tensor


class ByName(nn.Module):
    def forward(self, rows: Tensor, scale: Tensor | None = None) -> Tensor:
        return rows * 2 if scale is None else rows * scale


class ByDict(nn.Module):
    def forward(self, batch: dict[str, Tensor]) -> Pair:
        return Pair(batch["rows"] + 1, batch["known"])


def test_tensors_are_named_by_where_they_stand() -> None:
    one, two = torch.zeros(2), torch.ones(3)
    assert list(named_outputs(one)) == ["output"]
    assert list(named_outputs((one, two, "text"))) == ["output_0", "output_1"]
    assert list(named_outputs({"a": one, "b": None})) == ["a"]
    assert list(named_outputs(Pair(one, two))) == ["first", "second"]


def test_a_net_gets_its_inputs_by_name_or_as_one_dict() -> None:
    rows = torch.ones(2, 3)
    assert answers(ByName(), {"rows": rows})["output"].tolist() == [[2.0] * 3] * 2
    assert answers(ByName(), {"rows": rows, "scale": 3 * rows})["output"].max() == 3
    found = answers(ByDict(), {"rows": rows, "known": torch.tensor([True])})
    assert found["first"].max() == 2
    assert found["second"].tolist() == [1.0]


def test_an_input_that_is_missing_is_an_error() -> None:
    with pytest.raises(TypeError, match="rows"):
        answers(ByName(), {"scale": torch.ones(1)})
