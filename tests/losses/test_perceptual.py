"""Losses of style transfer against their formulas, and their laws."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unpaired.losses.perceptual import content_loss, diversity_loss, gram, style_loss, total_variation


def _maps(seed: int, n: int = 2, c: int = 4, h: int = 3, w: int = 5) -> Tensor:
    return torch.randn(n, c, h, w, generator=torch.Generator().manual_seed(seed))


def test_the_gram_matrix_is_eq_3_as_a_mean() -> None:
    maps = _maps(0)
    expected = torch.zeros(2, 4, 4)
    for n in range(2):
        for i in range(4):
            for j in range(4):
                expected[n, i, j] = (maps[n, i] * maps[n, j]).mean()
    torch.testing.assert_close(gram(maps), expected)


@settings(deadline=None)
@given(seed=st.integers(0, 99))
def test_style_does_not_ask_where(seed: int) -> None:
    maps = _maps(seed)
    order = torch.randperm(15, generator=torch.Generator().manual_seed(seed))
    elsewhere = maps.flatten(2)[:, :, order].view_as(maps)
    assert style_loss([gram(elsewhere)], [gram(maps)]).item() == pytest.approx(0, abs=1e-9)
    assert content_loss([elsewhere], [maps]) > 0.1


@settings(deadline=None)
@given(seed=st.integers(0, 99), scale=st.floats(0.1, 100))
def test_losses_are_relative(seed: int, scale: float) -> None:
    a, b = _maps(seed), _maps(seed + 100)
    for loss, f in ((content_loss, lambda x: x), (style_loss, gram)):
        plain = loss([f(a)], [f(b)]).item()
        assert loss([f(scale * a)], [f(scale * b)]).item() == pytest.approx(plain, rel=1e-3)
        assert loss([f(b)], [f(b)]).item() == 0
    assert content_loss([0 * b], [b]).item() == pytest.approx(1)


def test_layers_count_the_same_and_one_aim_serves_all_pictures() -> None:
    a, b = gram(_maps(0)), gram(_maps(1))
    one, other = style_loss([a], [b[:1]]), style_loss([b], [a[:1]])
    torch.testing.assert_close(style_loss([a, b], [b[:1], a[:1]]), (one + other) / 2)


def test_total_variation() -> None:
    ramp = torch.arange(6.0).expand(1, 1, 4, 6)
    assert total_variation(ramp) == 1
    assert total_variation(torch.full((1, 3, 4, 4), 0.3)) == 0


def _draws(seed: int, k: int, n: int = 2) -> Tensor:
    """(K, N, 3, 4, 4), nowhere near each other."""
    return torch.randn(k, n, 3, 4, 4, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None)
@given(seed=st.integers(0, 99), k=st.integers(2, 5))
def test_diversity_is_the_distance_to_the_nearest_other_draw(seed: int, k: int) -> None:
    drawn = _draws(seed, k)
    expected = 0.0
    for n in range(2):
        for i in range(k):
            apart = [(drawn[i, n] - drawn[j, n]).square().mean().item() for j in range(k) if j != i]
            expected -= math.log(math.sqrt(min(apart))) / (2 * k)
    assert diversity_loss(drawn).item() == pytest.approx(expected, abs=1e-3)


@settings(deadline=None)
@given(seed=st.integers(0, 99), k=st.integers(2, 5), scale=st.floats(0.5, 20), shift=st.floats(-5, 5))
def test_diversity_knows_no_order_and_no_place_and_grows_with_the_scale(
    seed: int, k: int, scale: float, shift: float
) -> None:
    drawn = _draws(seed, k)
    loss = diversity_loss(drawn).item()
    order = torch.randperm(k, generator=torch.Generator().manual_seed(seed))
    assert diversity_loss(drawn[order]).item() == pytest.approx(loss, abs=1e-4)
    assert diversity_loss(drawn + shift).item() == pytest.approx(loss, abs=1e-4)
    assert diversity_loss(scale * drawn).item() == pytest.approx(loss - math.log(scale), abs=1e-3)


def test_draws_that_are_the_same_lose_a_finite_amount_and_are_pushed_apart_once_they_differ() -> None:
    same = _draws(0, 1).expand(2, -1, -1, -1, -1).clone().requires_grad_()
    loss = diversity_loss(same)
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(2 / 255), abs=1e-3)
    assert same.grad is not None
    assert same.grad.isfinite().all()
    drawn = _draws(0, 2).requires_grad_()
    diversity_loss(drawn).backward()
    assert drawn.grad is not None
    away = drawn.detach()[0] - drawn.detach()[1]
    assert (drawn.grad[0] * away).sum() < 0 < (drawn.grad[1] * away).sum()
