"""PatchNCE against the formula of the paper, and its laws."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from unpaired.losses.contrastive import patch_nce


def _vectors(seed: int, n: int = 2, s: int = 5, d: int = 7) -> Tensor:
    return F.normalize(torch.randn(n, s, d, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_it_is_eq_1_summed_over_the_places_of_a_picture() -> None:
    queries, keys, tau = _vectors(0), _vectors(1), 0.07
    losses: list[float] = []
    for v, k in zip(queries.double(), keys.double(), strict=True):
        for i in range(len(v)):
            own = math.exp(float(v[i] @ k[i]) / tau)
            others = sum(math.exp(float(v[i] @ k[j]) / tau) for j in range(len(k)) if j != i)
            losses.append(-math.log(own / (own + others)))
    assert patch_nce(queries, keys, tau).item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_what_agrees_in_its_own_places_costs_least() -> None:
    queries = torch.eye(6)[None]
    assert patch_nce(queries, queries, 0.07) < 1e-4
    assert patch_nce(queries, queries.roll(1, dims=1), 0.07) > 10
    same = torch.ones(1, 6, 1)
    assert patch_nce(same, same, 0.07).item() == pytest.approx(math.log(6)), "where nothing tells places apart"


def test_pictures_are_no_negatives_of_each_other() -> None:
    a, b = _vectors(0), _vectors(1)
    alone = torch.stack([patch_nce(a[i : i + 1], b[i : i + 1], 0.07) for i in range(2)]).mean()
    torch.testing.assert_close(patch_nce(a, b, 0.07), alone)


def test_only_queries_learn() -> None:
    queries, keys = _vectors(0).requires_grad_(), _vectors(1).requires_grad_()
    patch_nce(queries, keys, 0.07).backward()
    assert queries.grad is not None
    assert keys.grad is None


def test_it_is_computed_in_float32_under_autocast() -> None:
    queries, keys = _vectors(0), _vectors(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = patch_nce(queries, keys, 0.07)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, patch_nce(queries, keys, 0.07), rtol=0, atol=0)
