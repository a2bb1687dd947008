"""Tensors and bytes, and the augmentation of discriminators."""

from __future__ import annotations

import pytest
import torch

from unpaired.data.augment import differentiable_augment
from unpaired.data.tensors import to_float, to_uint8


def test_bytes_survive_the_round_trip() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    x = to_float(every)
    assert (x[0], x[-1]) == (-1, 1)
    assert torch.equal(to_uint8(x), every)


def test_to_uint8_rounds_and_clamps() -> None:
    assert to_uint8(torch.tensor([-3.0, -1, 0.6 / 127.5 - 1, 0.4 / 127.5 - 1, 1, 9])).tolist() == [
        0,
        0,
        1,
        0,
        255,
        255,
    ]


@pytest.mark.parametrize("policy", ["color", "translation", "cutout", "color,translation,cutout"])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_gradient_and_reproducibility(policy: str, channels: int) -> None:
    x = (torch.rand(4, channels, 24, 16) * 2 - 1).requires_grad_()
    y = differentiable_augment(x, torch.Generator().manual_seed(1), policy)
    assert y.shape == x.shape
    assert not torch.equal(y, x)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    assert gradient.abs().sum() > 0
    assert gradient.isfinite().all()
    assert torch.equal(y, differentiable_augment(x, torch.Generator().manual_seed(1), policy))
    assert not torch.equal(y, differentiable_augment(x, torch.Generator().manual_seed(2), policy))


def test_gradients_are_those_of_the_function() -> None:
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: differentiable_augment(t, torch.Generator().manual_seed(5)), x)


def test_global_random_numbers_without_a_generator() -> None:
    x = torch.rand(3, 3, 16, 16)
    torch.manual_seed(4)
    first = differentiable_augment(x)
    torch.manual_seed(4)
    assert torch.equal(first, differentiable_augment(x))


def test_translation_moves_each_picture_by_up_to_an_eighth() -> None:
    x = torch.zeros(200, 1, 32, 32)
    x[:, :, 16, 16] = 1
    y = differentiable_augment(x, torch.Generator().manual_seed(0), "translation")
    places = y.nonzero()[:, 2:] - 16
    assert len(places) == 200
    assert places.min() == -4
    assert places.max() == 4


def test_what_comes_in_is_mid_grey() -> None:
    y = differentiable_augment(torch.ones(50, 1, 16, 16), torch.Generator().manual_seed(0), "translation")
    assert set(y.unique().tolist()) == {0.0, 1.0}
    sums = y.sum(dim=(1, 2, 3))
    assert sums.min() >= 14 * 14


def test_cutout_takes_at_most_a_quarter() -> None:
    y = differentiable_augment(torch.ones(300, 2, 16, 16), torch.Generator().manual_seed(0), "cutout")
    gone = (y == 0).float().mean(dim=(1, 2, 3))
    assert gone.max() == 0.25
    assert gone.min() >= 0.0625 - 1e-6  # the centre is in the picture, so a quarter of the rectangle is
    assert torch.equal(y[:, 0], y[:, 1])


def test_colour_keeps_places() -> None:
    """Each picture is changed by one affine map of its pixels, the same everywhere."""
    x = torch.rand(4, 1, 8, 8)
    y = differentiable_augment(x, torch.Generator().manual_seed(0), "color")
    for before, after in zip(x, y, strict=True):
        slope = (after - after.mean()) / (before - before.mean())
        assert torch.allclose(slope, slope.mean().expand_as(slope), atol=1e-3)
        assert 0.5 <= slope.mean() < 1.5


def test_nothing_and_unknown() -> None:
    x = torch.rand(1, 3, 8, 8)
    assert differentiable_augment(x, policy="") is x
    with pytest.raises(ValueError, match="'colour' is not an augmentation"):
        differentiable_augment(x, policy="colour")
