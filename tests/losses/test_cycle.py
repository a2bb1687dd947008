"""What is compared in the cycle."""

from __future__ import annotations

import torch

from unpaired.losses.cycle import coarse


def test_coarse_is_the_mean_of_squares() -> None:
    x = torch.rand(2, 3, 8, 12)
    assert coarse(x, 1) is x
    for i, j in ((0, 0), (1, 2)):
        square = x[:, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
        torch.testing.assert_close(coarse(x, 4)[:, :, i, j], square.mean((2, 3)))
    details = torch.tensor([[1.0, -1], [-1, 1]]).repeat(4, 6).expand(1, 1, 8, 12)
    assert coarse(details, 2).abs().max() == 0, "a checkerboard is nothing that has to come back"
