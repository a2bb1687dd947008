"""A generator that goes from A to B in a few steps of one network (Kim et al. 2024, UNSB, arXiv:2305.15086)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.networks.generator import Generator
from unpaired.networks.resnet import ResNetGenerator


def times(steps: int) -> list[float]:
    """When the chain stands still, from 0 (A) to 1 (B): `steps` + 1 times. After 0 comes 1/2, and then shorter and
    shorter steps, as the authors' code has them.
    """
    harmonic = [sum(1 / k for k in range(1, i + 1)) for i in range(steps)]
    return [0.0, *(0.5 + 0.5 * h / harmonic[-1] if steps > 1 else 1.0 for h in harmonic)]


class Condition(nn.Module):
    """What the blocks are told of the step and of chance: ((N, latent),), or ((1, latent),) for all."""

    def __init__(self, steps: int, latent: int) -> None:
        super().__init__()
        self.latent = latent
        self.step = nn.Embedding(steps, latent)
        self.chance = nn.Linear(latent, latent)
        self.mix = nn.Linear(latent, latent)

    def forward(self, k: int, z: Tensor | None) -> tuple[Tensor]:
        """Of the step `k` and of random numbers (N, latent); None is the middle of what may be drawn, 0."""
        z = self.step.weight.new_zeros(1, self.latent) if z is None else z
        return (F.silu(self.mix(F.silu(self.chance(z) + self.step.weight[k]))),)


class Modulation(nn.Module):
    """(N, C, H, W) scaled and shifted, each channel as a condition says (AdaIN, as in the authors' network)."""

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latent, 2 * channels)

    def forward(self, h: Tensor, condition: tuple[Tensor]) -> Tensor:
        scale, shift = self.linear(condition[0])[:, :, None, None].chunk(2, dim=1)
        return h * (1 + scale) + shift


class TimedResNet(nn.Module):
    """What a ResNet makes of (N, in, H, W) in the state of step `k`: its guess at the end of the chain, (N, out, H, W).
    Each residual block is modulated.
    """

    def __init__(self, inputs: int, outputs: int, config: GeneratorConfig, steps: int) -> None:
        super().__init__()
        self.body = ResNetGenerator(inputs, outputs, config)
        self.condition = Condition(steps, 4 * config.width)
        self.modulations = nn.ModuleList(
            Modulation(4 * config.width, self.condition.latent) for _ in range(config.blocks)
        )

    def forward(self, x: Tensor, k: int, z: Tensor | None = None) -> Tensor:
        """`z` are (N, latent) random numbers."""
        condition = self.condition(k, z)
        h = self.body.encoder(x)
        for block, modulation in zip(self.body.blocks, self.modulations, strict=True):
            h = modulation(block(h), condition)
        return self.body.finished(h, x)

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """What the encoder makes of a picture at the beginning of the chain, as `Generator.stages` says."""
        plain = [stage for stage in wanted if stage <= 2]
        found = dict(zip(plain, self.body.stages(x, plain), strict=True)) if plain else {}
        condition, h = self.condition(0, None), x
        for stage, (block, modulation) in enumerate(zip(self.body.blocks, self.modulations, strict=True), 3):
            if stage > max(wanted):
                break
            h = modulation(block(self.body.encoder(x) if stage == 3 else h), condition)
            found[stage] = h
        return [found[stage] for stage in wanted]


class BridgeGenerator(Generator):
    """The whole chain: (N, C, H, W) → (N, C, H, W), both in [-1, 1], by as many passes as it has steps.

    It follows the chain without its noise, so that a translation can be repeated and parts of a picture fit together.
    """

    def __init__(self, channels: int, config: GeneratorConfig, steps: int) -> None:
        super().__init__()
        self.guess = TimedResNet(channels, channels, config, steps)
        self.times = times(steps)
        self.multiple, self.widths = self.guess.body.multiple, self.guess.body.widths

    def forward(self, x: Tensor) -> Tensor:
        steps = len(self.times) - 1
        made = self.guess(x, 0)
        for k in range(1, steps):
            x = self.advanced(x, made, k)
            made = self.guess(x, k)
        return made

    def advanced(self, x: Tensor, made: Tensor, k: int, noise: Tensor | None = None, tau: float = 0.0) -> Tensor:
        """The state at step `k`, from that at k − 1 and the guess at the end (eq. 7 of the paper): a Brownian bridge
        between the two, whose variance is `tau` times what the standard one has.
        """
        before, now, end = self.times[k - 1], self.times[k], self.times[-1]
        share = (now - before) / (end - before)
        mean = (1 - share) * x + share * made
        return mean if noise is None else mean + (tau * (now - before) * (1 - share)) ** 0.5 * noise

    def state(self, x: Tensor, k: int, tau: float) -> Tensor:
        """A random state at step `k` of the chain that begins with `x`; without gradients."""
        with torch.no_grad():
            for before in range(k):
                made = self.guess(x, before, self.drawn(x))
                x = self.advanced(x, made, before + 1, torch.randn_like(x), tau)
        return x

    def drawn(self, x: Tensor) -> Tensor:
        """Random numbers for each of `x`."""
        return torch.randn(len(x), self.guess.condition.latent, device=x.device, dtype=x.dtype)

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        return self.guess.stages(x, wanted)
