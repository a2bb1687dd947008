"""DCLGAN (Han, Shoeiby, Petersson, Armin, "Dual contrastive learning for unsupervised image-to-image translation",
CVPR Workshops 2021, arXiv:2104.07689): CUT in both directions, each with the encoder of the domain that it looks at.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unpaired.config import Config, Domain
from unpaired.losses.cycle import l1
from unpaired.methods import contrast
from unpaired.methods.adversary import Adversary
from unpaired.methods.base import Method
from unpaired.methods.step import Step, passes
from unpaired.networks import Discriminator, build_generator, load_eyes
from unpaired.networks.layers import initialise


class DCLGAN(Method):
    """Two generators, heads for the encoder of each, two discriminators (eq. 5).

    `projector_a` belongs to the encoder of `generator_ab`, which looks at A; `projector_b` to that of `generator_ba`.
    """

    translators = {"a2b": "generator_ab", "b2a": "generator_ba"}  # noqa: RUF012

    @classmethod
    def check(cls, config: Config) -> None:
        contrast.check(config)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config = config.nce
        self.eyes = load_eyes(config.discriminator)
        self.generator_ab = build_generator(*config.channels("a2b"), config.generator)
        self.generator_ba = build_generator(*config.channels("b2a"), config.generator)
        self.projector_a = contrast.projector(self.generator_ab, config.nce)
        self.projector_b = contrast.projector(self.generator_ba, config.nce)
        self.discriminator_a = Discriminator(config.data.channels_a, config.discriminator, self.eyes)
        self.discriminator_b = Discriminator(config.data.channels_b, config.discriminator, self.eyes)
        self.adversary_a = Adversary("a", self.discriminator_a, config)
        self.adversary_b = Adversary("b", self.discriminator_b, config)
        self.joined = config.generator.norm != "batch"
        for network in self.networks().values():
            initialise(network, config.optimizer.init_gain)

    def generators(self) -> dict[str, nn.Module]:
        return {
            "generator_ab": self.generator_ab, "generator_ba": self.generator_ba,
            "projector_a": self.projector_a, "projector_b": self.projector_b,
        }  # fmt: skip

    def adversaries(self) -> dict[Domain, Adversary]:
        return {"a": self.adversary_a, "b": self.adversary_b}

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """The full objective as the generators see it, one direction at a time."""
        yield self._direction("a", "b", real_a, real_b)
        yield self._direction("b", "a", real_b, real_a)

    def _direction(self, x: Domain, y: Domain, real_x: Tensor, real_y: Tensor) -> Step:
        """Adversarial loss of X → Y, contrast of X with its translation (eq. 3), and identity of Y (eq. 4)."""
        c, forward = self.config, x == "a"
        generator, back = (self.generator_ab, self.generator_ba) if forward else (self.generator_ba, self.generator_ab)
        of_x, of_y = (self.projector_a, self.projector_b) if forward else (self.projector_b, self.projector_a)
        adversary = self.adversaries()[y]
        shown = (real_x, real_y) if c.identity else (real_x,)
        fake, *identity = passes(generator, *shown, joined=self.joined)
        with torch.no_grad():
            keys = generator.stages(real_x, c.layers)
        terms = {f"nce_{x}": contrast.contrast(back.stages(fake, c.layers), keys, of_y, of_x, c)}
        loss = c.weight * terms[f"nce_{x}"]
        if adversary.weight:
            terms[f"gan_{x}{y}"] = adversary.fool(fake)
            loss = loss + adversary.weight * terms[f"gan_{x}{y}"]
        if identity:
            terms[f"identity_{y}"] = l1(identity[0], real_y)
            loss = loss + c.identity * terms[f"identity_{y}"]
        return Step(loss, terms, {f"fake_{y}": fake.detach()})
