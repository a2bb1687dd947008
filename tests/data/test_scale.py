"""Values become [-1, 1] and come back exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unpaired.data.scale import EXACT, Scale, estimate, full
from unpaired.data.tensors import to_float
from unpaired.errors import UserError


@given(
    low=st.integers(-(2**31), 2**31 - 2),
    span=st.integers(1, EXACT),
    share=st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_integers_come_back_exactly(low: int, span: int, share: list[float]) -> None:
    high = min(low + span, 2**31 - 1)
    values = np.array([[low + round(s * (high - low))] for s in share], np.int32)
    scale = Scale((float(low),), (float(high),))
    x = scale.to_network(values)
    assert x.dtype == np.float32
    assert np.abs(x).max() <= 1
    assert (scale.from_network(x, values.dtype) == values).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_value_of_a_whole_type(dtype: str) -> None:
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)[:, None]
    scale = full(values.dtype)
    assert (scale.from_network(scale.to_network(values), values.dtype) == values).all()
    with pytest.raises(ValueError, match="no range"):
        full(np.dtype(np.int16))


def test_bytes_are_seen_as_the_short_way_sees_them() -> None:
    import torch

    values = np.arange(256, dtype=np.uint8)[:, None]
    there = to_float(torch.from_numpy(values)).numpy()
    assert np.abs(full(values.dtype).to_network(values) - there).max() < 1e-7


def test_each_band_has_its_own_range() -> None:
    scale = Scale((0.0, 100.0), (10.0, 300.0))
    assert scale.to_network(np.array([[0, 300], [10, 100], [20, 200]])).tolist() == [[-1, 1], [1, -1], [1, 0]]
    assert Scale.of(scale.numbers) == scale


def test_estimates() -> None:
    twelve = [np.array([[[5], [3000]]], np.uint16)]
    assert estimate(twelve, "auto").numbers == (0, 4095)
    assert estimate(twelve, "full").numbers == (0, 65535)
    assert estimate([np.array([[[-1000], [2000]]], np.int16)], "auto").numbers == (-1000, 2000)
    assert estimate([np.array([[[0.25], [0.5]]], np.float32)], "auto").numbers == (0.25, 0.5)
    windows = [(-160.0, 240.0), (-100.0, 300.0), (-160.0, 240.0)]
    assert estimate(twelve, "window", windows).numbers == (-160, 240)
    ramp = np.arange(10_000, dtype=np.uint16).reshape(100, 100, 1)
    low, high = estimate([ramp], "percentile").numbers
    assert low == pytest.approx(50, abs=2)
    assert high == pytest.approx(9949, abs=2)
    four = np.concatenate([ramp * k for k in (1, 2, 3, 4)], axis=2)
    assert len(estimate([four], "percentile").numbers) == 8
    assert len(estimate([four[..., :3]], "percentile").numbers) == 2, "colours keep their balance"


def test_what_can_not_be_estimated_is_said() -> None:
    flat = [np.zeros((4, 4, 1), np.float32)]
    with pytest.raises(UserError, match="are the same"):
        estimate(flat, "auto")
    with pytest.raises(UserError, match="no full range"):
        estimate(flat, "full")
    with pytest.raises(UserError, match="None of the files says which window"):
        estimate(flat, "window")
