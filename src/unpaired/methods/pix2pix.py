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
from unpaired.methods.base import ADVERSARIAL, Method
from unpaired.methods.one_way import OneWay
from unpaired.methods.step import Step


class Pix2Pix(Method):
    """A generator, and a discriminator that sees the source beside what was made of it (eq. 1 to 4)."""

    translators = {"a2b": "generator_ab"}  # noqa: RUF012
    paired = True
    reads = (*ADVERSARIAL, "pix2pix")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config = config.pix2pix
        self.way = OneWay(config, self.translator(config, "a2b"), condition=config.data.channels_a)
        self.draw_weights(config)

    def generators(self) -> dict[str, nn.Module]:
        return self.way.generators()

    def adversaries(self) -> dict[Domain, Adversary]:
        return self.way.adversaries()

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """Fool the discriminator and be near the true counterpart (eq. 4)."""
        fake = self.way.generator_ab(real_a)
        pair = torch.cat([real_a, fake], dim=1)
        asked = [("l1_b", self.config.l1, l1(fake, real_b)), *self.way.adversary_b.asks(pair)]
        yield Step.of(asked, {"fake_b": fake.detach()}, {"a": fake})

    def discriminator_step(self, real_a: Tensor, real_b: Tensor, fakes: dict[str, Tensor], step: int) -> Iterator[Step]:
        """Tell true pairs from made ones (eq. 1)."""
        if self.way.adversary_b.weight:
            real, fake = (torch.cat([real_a, b], dim=1) for b in (real_b, fakes["fake_b"]))
            yield self.way.adversary_b.judge(real, fake, step)
