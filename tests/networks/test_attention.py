"""Attention decides how much of the input a generator leaves as it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from unpaired.config import Config, DataConfig, GeneratorConfig, LossConfig
from unpaired.errors import UserError
from unpaired.networks import GENERATORS, build_generator
from unpaired.networks.attention import KEPT, PAINTED, AttentionMap, AttentiveGenerator, attended, attention
from unpaired.networks.layers import residual_output
from unpaired.validation import validate


def pictures(seed: int, channels: int = 3) -> Tensor:
    return torch.rand(2, channels, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@settings(deadline=None)
@given(st.integers(0, 99), st.booleans())
def test_black_is_the_input_and_white_the_picture(seed: int, residual: bool) -> None:
    x, change = pictures(seed), 3 * pictures(seed + 1)
    picture = change.tanh()
    painted = residual_output(change, x) if residual else picture
    dark, bright, grey = (
        attended(torch.cat([picture, torch.full_like(x[:, :1], v)], 1), x, residual)
        for v in (2 * KEPT - 1.001, 2 * PAINTED - 0.999, KEPT + PAINTED - 1)
    )
    assert torch.equal(dark, x)
    torch.testing.assert_close(bright, painted, atol=2e-5, rtol=0)
    torch.testing.assert_close(grey, (x + painted) / 2, atol=2e-5, rtol=0)


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(sorted(GENERATORS)), st.booleans(), st.sampled_from([1, 3]))
def test_it_lies_between_the_input_and_what_was_painted(kind: Any, residual: bool, channels: int) -> None:
    torch.manual_seed(0)
    config = GeneratorConfig(kind=kind, width=4, blocks=1, depth=3, attention=True, residual=residual)
    generator = build_generator(channels, channels, config).eval()  # a pyramid's noise is drawn anew in training
    assert isinstance(generator, AttentiveGenerator)
    x = torch.rand(2, channels, 32, 32) * 2 - 1
    y, share = generator(x), (AttentionMap(generator)(x) + 1) / 2
    assert share.shape == (2, 1, 32, 32)
    assert share.min() >= 0
    assert share.max() <= 1
    painted = attended(torch.cat([generator.body(x)[:, :-1], torch.ones_like(share)], 1), x, residual)
    torch.testing.assert_close(y, share * painted + (1 - share) * x, atol=1e-5, rtol=0)
    y.square().mean().backward()
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_with_a_residual_it_begins_as_change_nothing(kind: Any) -> None:
    config = GeneratorConfig(kind=kind, width=4, blocks=1, depth=3, attention=True, residual=True)
    generator = build_generator(3, 3, config)
    for p in generator.parameters():
        nn.init.zeros_(p)
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(generator(x), x, atol=1e-5, rtol=0)


def test_what_attention_leaves_has_more_than_a_few_colours() -> None:
    attention = GeneratorConfig(attention=True)
    validate(Config(generator=attention))
    with pytest.raises(UserError, match="whose colours are not few: give --colours-a 0"):
        validate(Config(generator=attention, data=DataConfig(colours_a=8)))
    with pytest.raises(UserError, match="attention leaves a part of the input"):
        validate(Config(generator=attention, data=DataConfig(channels_a=1), loss=LossConfig(identity=0)))


def test_a_map_that_is_black_learns_to_be_otherwise() -> None:
    made = torch.full((1, 4, 4, 4), -0.9, requires_grad=True)
    share = attention(made)
    assert share.eq(-1).all()
    share.sum().backward()
    assert made.grad is not None
    assert made.grad[:, -1].eq(1).all()
