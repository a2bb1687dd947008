"""The estimate of entropy against its formula."""

from __future__ import annotations

import pytest
import torch

from unpaired.losses.entropy import energy_loss, entropy


def test_the_bound_is_donskers_and_varadhans() -> None:
    own, other = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    expected = own.mean() - other.exp().mean().log()
    torch.testing.assert_close(entropy(own, other), expected)
    torch.testing.assert_close(energy_loss(own, other), -expected + other.exp().mean().log() ** 2)


def test_what_tells_pairs_from_strangers_is_worth_most() -> None:
    ones = torch.ones(4)
    assert entropy(3 * ones, -3 * ones) > entropy(ones, -ones) > entropy(ones, ones)
    assert entropy(ones, ones).item() == pytest.approx(0, abs=1e-6)
    large = energy_loss(90 * ones, 90 * ones)
    assert large.isfinite()
    assert large > energy_loss(ones, ones), "logits are kept small"
