"""The pyramid loses nothing, and the distance knows same from different."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.swd import _enlarge, laplacian_pyramid, levels, swd


def _noise(seed: int, count: int = 24, side: int = 32, smooth: int = 1) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 256, (count, side // smooth, side // smooth, 3))
    return coarse.repeat(smooth, axis=1).repeat(smooth, axis=2).astype(np.uint8)


def test_levels_go_down_to_16_px() -> None:
    assert levels(64, 64) == [64, 32, 16]
    assert levels(48, 96) == [48, 24]
    assert levels(31, 31) == [31]
    assert levels(8, 8) == [8]


def test_the_pyramid_adds_up_to_the_picture() -> None:
    pixels = torch.from_numpy(_noise(0, count=3, side=64)).permute(0, 3, 1, 2).float()
    pyramid = laplacian_pyramid(pixels)
    assert [p.shape[-1] for p in pyramid] == [64, 32, 16]
    rebuilt = pyramid[-1]
    for detail in reversed(pyramid[:-1]):
        rebuilt = detail + _enlarge(rebuilt)
    torch.testing.assert_close(rebuilt, pixels, atol=1e-3, rtol=0)


def test_a_flat_picture_has_no_detail() -> None:
    pyramid = laplacian_pyramid(torch.full((1, 3, 64, 64), 77.0))
    for detail in pyramid[:-1]:
        assert detail.abs().max() < 1e-3
    torch.testing.assert_close(pyramid[-1], torch.full((1, 3, 16, 16), 77.0))


def test_same_is_near_and_different_is_far() -> None:
    a, b, other = _noise(1, 60), _noise(2, 60), _noise(3, 60, smooth=4)
    near, far = swd(a, b), swd(a, other)
    assert near.keys() == far.keys() == {32, 16}
    assert 0 < near[32] < far[32] / 2
    assert 0 < near[16] < far[16]


def test_it_is_deterministic_and_nearly_symmetric() -> None:
    a, b = _noise(1), _noise(3, smooth=4)
    assert swd(a, b) == swd(a, b)
    assert swd(a, b, seed=1) != swd(a, b)
    for side, value in swd(a, b).items():
        assert swd(b, a)[side] == pytest.approx(value, rel=0.1)


def test_numbers_of_pictures_may_differ() -> None:
    assert swd(_noise(1, count=50), _noise(2, count=7))[32] < swd(_noise(1), _noise(3, smooth=4))[32] / 2


def test_flat_collections_give_numbers() -> None:
    flat = np.full((12, 32, 32, 3), 9, np.uint8)
    assert all(np.isfinite(v) for v in swd(flat, _noise(1)).values())
    assert swd(flat, flat) == {32: 0.0, 16: 0.0}


def test_bad_input_is_told() -> None:
    with pytest.raises(UserError, match="32×32 px with 16×16 px"):
        swd(_noise(1), _noise(1, side=16))
    with pytest.raises(UserError, match="at least one picture"):
        swd(_noise(1), [])
    with pytest.raises(UserError, match="at least 7 px"):
        swd(_noise(1, side=4), _noise(1, side=4))
