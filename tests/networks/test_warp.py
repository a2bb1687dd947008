"""A warp moves what is painted, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from unpaired.config import Config, DataConfig, GeneratorConfig
from unpaired.errors import UserError
from unpaired.networks import GENERATORS, build_generator
from unpaired.networks.warp import Bend, WarpingGenerator
from unpaired.validation import validate


def picture(seed: int = 0) -> Tensor:
    return torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(-8, 8), st.integers(-8, 8))
def test_one_shift_everywhere_moves_the_picture(seed: int, right: int, down: int) -> None:
    x = picture(seed)
    shift = (torch.tensor([right, down]) / 8).view(1, 2, 1, 1).expand(2, 2, 16, 24)
    moved = Bend(8)(x, shift)
    rows = (torch.arange(16) + down).clamp(0, 15)
    columns = (torch.arange(24) + right).clamp(0, 23)  # beyond the border is what is at the border
    torch.testing.assert_close(moved, x[:, :, rows][:, :, :, columns], atol=1e-5, rtol=0)


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(1, 30))
def test_bent_values_lie_between_those_nearby(seed: int, far: int) -> None:
    x = picture(seed)
    shift = torch.rand(2, 2, 16, 24, generator=torch.Generator().manual_seed(seed + 1)) * 2 - 1
    bent = Bend(far)(x, shift)
    side = 2 * far + 3
    nearby = nn.functional.pad(x, (far + 1,) * 4, mode="replicate")
    assert (bent <= nn.functional.max_pool2d(nearby, side, 1) + 1e-5).all()
    assert (bent >= -nn.functional.max_pool2d(-nearby, side, 1) - 1e-5).all()


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_a_warp_that_found_nothing_to_shift_is_the_generator_below(kind: Any) -> None:
    generator = build_generator(3, 1, GeneratorConfig(kind=kind, width=4, blocks=1, depth=3, warp=5)).eval()
    assert isinstance(generator, WarpingGenerator)
    for p in generator.shifts.parameters():
        nn.init.zeros_(p)
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(generator(x), generator.body(x), atol=1e-4, rtol=0)
    generator(x).square().mean().backward()
    last = [m for m in generator.shifts if isinstance(m, nn.Conv2d)][-1]
    assert last.weight.grad is not None
    assert last.weight.grad.abs().max() == 0, "all before it is 0"
    assert last.bias is not None
    assert last.bias.grad is not None
    assert last.bias.grad.abs().max() > 0, "it learns from there"


def test_what_does_not_go_with_a_warp() -> None:
    with pytest.raises(UserError, match=r"generator\.warp 257 is not from 0 to the crop, 256 px"):
        validate(Config(generator=GeneratorConfig(warp=257)))
    with pytest.raises(
        UserError, match=r"not a multiple of 8, which a resnet generator with a warp needs: give --crop 32"
    ):
        validate(Config(generator=GeneratorConfig(warp=4), data=DataConfig(crop=36)))
    with pytest.raises(UserError, match=r"give --generator\.attention or --generator\.warp"):
        validate(Config(generator=GeneratorConfig(warp=4, attention=True)))
