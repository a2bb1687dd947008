"""What methods that translate in both directions are made of."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from unpaired.config import Config, Domain
from unpaired.methods.adversary import Adversary
from unpaired.networks import Discriminator, build_translator, load_eyes
from unpaired.networks.generator import Generator


@dataclass(frozen=True, slots=True)
class Way:
    """One of the directions, X → Y."""

    x: Domain
    y: Domain
    there: Generator
    """X → Y."""
    back: Generator
    """Y → X."""
    adversary: Adversary
    """The game over Y."""
    over_x: Adversary
    """The game over X."""


class BothWays(nn.Module):
    """Two generators, and the game over each domain: the paper's G, F, D_X, D_Y."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        disc, data = config.discriminator, config.data
        self.eyes = load_eyes(disc)
        self.generator_ab = build_translator(config, "a2b")
        self.generator_ba = build_translator(config, "b2a")
        self.adversary_a = Adversary("a", Discriminator(data.channels_a, disc, self.eyes), config)
        self.adversary_b = Adversary("b", Discriminator(data.channels_b, disc, self.eyes), config)

    def generators(self) -> dict[str, nn.Module]:
        return {"generator_ab": self.generator_ab, "generator_ba": self.generator_ba}

    def adversaries(self) -> dict[Domain, Adversary]:
        return {"a": self.adversary_a, "b": self.adversary_b}

    def a2b(self) -> Way:
        return Way("a", "b", self.generator_ab, self.generator_ba, self.adversary_b, self.adversary_a)

    def b2a(self) -> Way:
        return Way("b", "a", self.generator_ba, self.generator_ab, self.adversary_a, self.adversary_b)
