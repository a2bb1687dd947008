"""What methods that translate from A to B only, and have an adversary, are made of."""

from __future__ import annotations

from torch import nn

from unpaired.config import Config, Domain
from unpaired.methods.adversary import Adversary
from unpaired.networks import Discriminator, load_eyes
from unpaired.networks.generator import Generator


class OneWay(nn.Module):
    """A generator, and the game over B."""

    def __init__(self, config: Config, generator: Generator, *, condition: int = 0) -> None:
        """`condition`: channels of the picture beside which the discriminator judges another, as in pix2pix."""
        super().__init__()
        self.eyes = load_eyes(config.discriminator)
        self.generator_ab = generator
        discriminator = Discriminator(config.data.channels_b, config.discriminator, self.eyes, condition=condition)
        self.adversary_b = Adversary("b", discriminator, config)

    def generators(self) -> dict[str, nn.Module]:
        return {"generator_ab": self.generator_ab}

    def adversaries(self) -> dict[Domain, Adversary]:
        return {"b": self.adversary_b}
