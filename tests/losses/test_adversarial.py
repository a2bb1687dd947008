"""Adversarial losses against the formulae of their papers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unpaired.losses.adversarial import ADVERSARIAL, over_heads
from unpaired.losses.cycle import l1

logits = st.lists(st.floats(-30, 30), min_size=1, max_size=8).map(lambda v: torch.tensor(v, dtype=torch.float64))


@settings(deadline=None)
@given(logits)
def test_least_squares(d: Tensor) -> None:
    loss = ADVERSARIAL["lsgan"]
    torch.testing.assert_close(loss.real(d), ((d - 1) ** 2).mean())
    torch.testing.assert_close(loss.fake(d), (d**2).mean())
    torch.testing.assert_close(loss.generator(d), ((d - 1) ** 2).mean())


@settings(deadline=None)
@given(logits)
def test_cross_entropy_non_saturating(d: Tensor) -> None:
    loss = ADVERSARIAL["vanilla"]
    torch.testing.assert_close(loss.real(d), F.binary_cross_entropy_with_logits(d, torch.ones_like(d)))
    torch.testing.assert_close(loss.fake(d), F.binary_cross_entropy_with_logits(d, torch.zeros_like(d)))
    torch.testing.assert_close(loss.generator(d), loss.real(d))


@settings(deadline=None)
@given(logits)
def test_hinge(d: Tensor) -> None:
    loss = ADVERSARIAL["hinge"]
    torch.testing.assert_close(loss.real(d), torch.clamp(1 - d, min=0).mean())
    torch.testing.assert_close(loss.fake(d), torch.clamp(1 + d, min=0).mean())
    torch.testing.assert_close(loss.generator(d), -d.mean())


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_signs_finiteness_and_a_way_to_learn(name: str) -> None:
    loss = ADVERSARIAL[name]
    low, high = torch.full((4,), 0.1), torch.full((4,), 0.9)
    assert loss.real(high) < loss.real(low)
    assert loss.fake(low) < loss.fake(high)
    assert loss.generator(high) < loss.generator(low)
    sure = torch.full((4,), -1e4, requires_grad=True)  # a discriminator that is far too sure of a fake
    value = loss.generator(sure)
    value.backward()
    assert value.isfinite()
    assert sure.grad is not None
    assert (sure.grad < 0).all(), "the generator still learns"


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=4), st.floats(0.1, 7))
def test_heads_are_averaged_by_weight_whatever_their_sizes(weights: list[float], scale: float) -> None:
    heads = [torch.full((2, 1, 1 + i, 3), float(i)) for i in range(len(weights))]
    expected = sum(w * i for i, w in enumerate(weights)) / sum(weights)
    for factor in (1.0, scale):
        value = over_heads(lambda h: h.mean(), heads, [factor * w for w in weights])
        assert value.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_loss_is_computed_in_float32() -> None:
    half = torch.full((1000,), 300.0, dtype=torch.bfloat16)
    assert over_heads(ADVERSARIAL["lsgan"].real, [half], [1.0]).dtype == torch.float32
    assert l1(half, half + 2).dtype == torch.float32


def test_l1_is_the_mean_over_elements() -> None:
    x, y = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(l1(x, y), (x - y).abs().sum() / 120)
    assert l1(x, x) == 0
