"""pix2pix (Isola, Zhu, Zhou, Efros, "Image-to-image translation with conditional adversarial networks", CVPR 2017,
arXiv:1611.07004): the supervised row of every table. It needs pairs, and goes from A to B.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unpaired.config import Config, Domain
from unpaired.losses.cycle import l1
from unpaired.methods.adversary import Adversary
from unpaired.methods.base import Method
from unpaired.methods.step import Step
from unpaired.networks import Discriminator, build_translator, load_eyes


class Pix2Pix(Method):
    """A generator, and a discriminator that sees the source beside what was made of it (eq. 1 to 4)."""

    translators = {"a2b": "generator_ab"}  # noqa: RUF012
    paired = True

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config = config.pix2pix
        self.eyes = load_eyes(config.discriminator)
        a, b = config.channels("a2b")
        self.generator_ab = build_translator(config, "a2b")
        discriminator = Discriminator(b, config.discriminator, self.eyes, condition=a)
        self.adversary_b = Adversary("b", discriminator, config)
        self.draw_weights(config)

    def generators(self) -> dict[str, nn.Module]:
        return {"generator_ab": self.generator_ab}

    def adversaries(self) -> dict[Domain, Adversary]:
        return {"b": self.adversary_b}

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """Fool the discriminator and be near the true counterpart (eq. 4)."""
        fake = self.generator_ab(real_a)
        terms = {"l1_b": l1(fake, real_b)}
        loss = self.config.l1 * terms["l1_b"]
        if self.adversary_b.weight:
            terms["gan_ab"] = self.adversary_b.fool(torch.cat([real_a, fake], dim=1))
            loss = loss + self.adversary_b.weight * terms["gan_ab"]
        yield Step(loss, terms, {"fake_b": fake.detach()}, {"a": fake})

    def discriminator_step(self, real_a: Tensor, real_b: Tensor, fakes: dict[str, Tensor], step: int) -> Iterator[Step]:
        """Tell true pairs from made ones (eq. 1)."""
        if self.adversary_b.weight:
            real, fake = (torch.cat([real_a, b], dim=1) for b in (real_b, fakes["fake_b"]))
            yield self.adversary_b.judge(real, fake, step)
