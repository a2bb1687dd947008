"""The penalty on the discriminators' slope: its formula, its rhythm, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from unpaired.config import Config, DiscriminatorConfig
from unpaired.methods.adversary import Adversary
from unpaired.networks import Discriminator
from unpaired.networks.winograd import WinogradConv2d

CONFIG = Config(discriminator=DiscriminatorConfig(width=4, layers=1, r1=3.0, r1_every=4))


class Planes(nn.Module):
    """Two heads whose logits are planes: slopes are their weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0, -1.0, 0.5]))
        self.weights = [1.0, 1.0]

    def forward(self, x: Tensor) -> list[Tensor]:
        logits = (x * self.weight.view(1, 3, 1, 1)).sum(1, keepdim=True)
        return [logits, 2 * logits]

    from_pixels = forward


def test_the_penalty_is_the_mean_squared_slope_of_the_mean_logits() -> None:
    planes = Planes()
    adversary = Adversary("b", planes, CONFIG)  # pyright: ignore
    x = torch.rand(2, 3, 5, 7)
    step = adversary.judge(x, x, 0)
    # Each head's mean logit has the slope weight / (5·7) at each place; the two heads add up to 3 · weight.
    expected = 5 * 7 * (3 * planes.weight / 35).square().sum()
    torch.testing.assert_close(step.terms["r1_b"], expected)
    torch.testing.assert_close(step.loss, step.terms["discriminator_b"] + 0.5 * 3.0 * 4 * expected)
    step.terms["r1_b"].backward()
    torch.testing.assert_close(planes.weight.grad, 2 * 9 / 35 * planes.weight)


def test_it_comes_on_every_kth_step() -> None:
    adversary = Adversary("a", Discriminator(3, CONFIG.discriminator), CONFIG)
    x = torch.rand(1, 3, 16, 16)
    assert ["r1_a" in adversary.judge(x, x, step).terms for step in range(9)] == [s % 4 == 0 for s in range(9)]


@pytest.mark.parametrize("kind", ["patchgan", "multiscale", "pixel"])
@pytest.mark.parametrize("norm", ["instance", "batch", "group", "none"])
def test_it_reaches_every_weight_of_every_kind(kind: str, norm: str) -> None:
    torch.manual_seed(0)
    config = replace(CONFIG, discriminator=replace(CONFIG.discriminator, kind=kind, norm=norm, scales=2))  # pyright: ignore
    discriminator = Discriminator(3, config.discriminator)
    step = Adversary("a", discriminator, config).judge(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), 0)
    step.terms["r1_a"].backward()
    assert not any(isinstance(m, WinogradConv2d) for m in discriminator.modules()), "it has no second derivative"
    weights = [p for p in discriminator.parameters() if p.ndim > 1]
    assert weights
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in weights)
