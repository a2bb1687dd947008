"""The law of the history pool (section 4; Shrivastava et al. 2017)."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unpaired.methods.pool import HistoryPool


def _pictures(first: int, count: int) -> Tensor:
    """(count, 1, 2, 2) pictures that are told apart by their colour."""
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone()


def _names(pictures: Tensor | list[Tensor]) -> list[int]:
    return [int(p[0, 0, 0]) for p in pictures]


@settings(deadline=None)
@given(st.integers(0, 6), st.lists(st.integers(1, 4), max_size=12), st.integers(0, 2**32))
def test_each_shown_picture_is_the_new_one_or_one_from_the_pool(capacity: int, sizes: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    pool, model, number = HistoryPool(capacity), list[int](), 0
    for size in sizes:
        new = _pictures(number, size)
        shown = pool.exchange(new)
        assert shown.shape == new.shape
        for name, got in zip(range(number, number + size), _names(shown), strict=True):
            if capacity and len(model) < capacity:  # while it fills, the new one is kept and shown
                assert got == name
                model.append(name)
            elif got != name:  # an earlier one leaves the pool for the new one
                model[model.index(got)] = name
        number += size
        assert _names(pool.fakes) == model
        assert len(pool.fakes) <= capacity


def test_capacity_zero_hands_through() -> None:
    new = _pictures(0, 3)
    assert HistoryPool(0).exchange(new) is new


def test_half_of_what_is_shown_is_from_the_past_and_all_of_the_past_alike() -> None:
    torch.manual_seed(0)
    pool = HistoryPool(50)
    pool.exchange(_pictures(0, 50))
    shown = torch.tensor(_names(pool.exchange(_pictures(50, 10_000))))
    earlier = shown != torch.arange(50, 10_050)
    assert abs(earlier.float().mean().item() - 0.5) < 5 * 0.5 / 10_000**0.5
    # A picture leaves with chance 1/2 × 1/50 a step, so it waits 100 steps on average.
    ages = (torch.arange(50, 10_050) - shown)[earlier].float()
    assert abs(ages.mean().item() / 100 - 1) < 5 / 5_000**0.5


def test_the_pool_keeps_copies_without_gradients() -> None:
    pool = HistoryPool(2)
    new = _pictures(0, 2)
    shown = pool.exchange(new.requires_grad_())
    assert not shown.requires_grad
    shown.zero_()
    new.detach().fill_(9)
    assert _names(pool.fakes) == [0, 1]


@settings(deadline=None)
@given(st.integers(0, 9), st.integers(0, 2**32))
def test_a_restored_pool_goes_on_as_the_first_would_have(before: int, seed: int) -> None:
    first, second = HistoryPool(4), HistoryPool(4)
    for i in range(before):
        first.exchange(_pictures(i, 1))
    second.load_state_dict(first.state_dict())
    results = []
    for pool in (first, second):
        torch.manual_seed(seed)
        results.append([_names(pool.exchange(_pictures(100 + i, 1))) for i in range(8)])
    assert results[0] == results[1]
    assert _names(first.fakes) == _names(second.fakes)
