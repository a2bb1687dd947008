"""What is compared in the cycle, and what is left of a fake on its way back."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.losses.cycle import coarse, quantised


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 16), st.lists(st.floats(-1.2, 1.2), min_size=1, max_size=8))
def test_rounding_takes_the_nearest_of_its_values(bits: int, values: list[float]) -> None:
    x = torch.tensor(values, dtype=torch.float64)
    rounded = quantised(x, bits)
    levels = torch.linspace(-1, 1, 2**bits, dtype=torch.float64)
    nearest = (x[:, None] - levels).abs().min(dim=1).values
    torch.testing.assert_close((x - rounded).abs(), nearest, rtol=0, atol=1e-9)
    torch.testing.assert_close(quantised(rounded, bits), rounded, rtol=0, atol=1e-9)


def test_gradients_pass_as_if_it_were_not_rounded() -> None:
    x = torch.linspace(-1, 1, 7, requires_grad=True)
    weights = torch.arange(7.0)
    (quantised(x, 2) * weights).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, weights)


def test_coarse_is_the_mean_of_squares() -> None:
    x = torch.rand(2, 3, 8, 12)
    assert coarse(x, 1) is x
    for i, j in ((0, 0), (1, 2)):
        square = x[:, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
        torch.testing.assert_close(coarse(x, 4)[:, :, i, j], square.mean((2, 3)))
    details = torch.tensor([[1.0, -1], [-1, 1]]).repeat(4, 6).expand(1, 1, 8, 12)
    assert coarse(details, 2).abs().max() == 0, "a checkerboard is nothing that has to come back"
