"""CycleGAN (Zhu, Park, Isola, Efros, ICCV 2017, arXiv:1703.10593).

The paper's G, F, D_X, D_Y are `generator_ab`, `generator_ba`, `discriminator_a`, `discriminator_b`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unpaired.config import Config, Domain
from unpaired.losses.cycle import l1
from unpaired.methods.adversary import Adversary
from unpaired.methods.base import Method
from unpaired.methods.step import Step, passes
from unpaired.networks import Discriminator, build_generator, load_eyes
from unpaired.networks.layers import initialise


class CycleGAN(Method):
    """Two generators, two discriminators, and what their two steps are worth (eq. 3)."""

    translators = {"a2b": "generator_ab", "b2a": "generator_ba"}  # noqa: RUF012

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config = config.loss
        self.eyes = load_eyes(config.discriminator)
        self.generator_ab = build_generator(*config.channels("a2b"), config.generator)
        self.generator_ba = build_generator(*config.channels("b2a"), config.generator)
        self.discriminator_a = Discriminator(config.data.channels_a, config.discriminator, self.eyes)
        self.discriminator_b = Discriminator(config.data.channels_b, config.discriminator, self.eyes)
        self.adversary_a = Adversary("a", self.discriminator_a, config)
        self.adversary_b = Adversary("b", self.discriminator_b, config)
        self.joined = config.generator.norm != "batch"
        for network in self.networks().values():
            initialise(network, config.optimizer.init_gain)

    def generators(self) -> dict[str, nn.Module]:
        return {"generator_ab": self.generator_ab, "generator_ba": self.generator_ba}

    def adversaries(self) -> dict[Domain, Adversary]:
        return {"a": self.adversary_a, "b": self.adversary_b}

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """The full objective as the generators see it, one direction at a time."""
        yield self._direction("a", "b", real_a, real_b, step)
        yield self._direction("b", "a", real_b, real_a, step)

    def _direction(self, x: str, y: str, real_x: Tensor, real_y: Tensor, step: int) -> Step:
        """Adversarial loss of X → Y, cycle X → Y → X (eq. 2), and identity of Y (section 5.2)."""
        c, forward = self.config, x == "a"
        generator, back = (self.generator_ab, self.generator_ba) if forward else (self.generator_ba, self.generator_ab)
        # As in the authors' code, λ_A weighs cycle and identity of A, and λ_B those of B.
        lambda_x, lambda_y = (c.lambda_a, c.lambda_b) if forward else (c.lambda_b, c.lambda_a)
        terms: dict[str, Tensor] = {}
        loss = real_x.new_zeros(())
        if c.identity * lambda_y > 0 and step % c.identity_every == 0:
            fake, identity = passes(generator, real_x, real_y, joined=self.joined)
            terms[f"identity_{y}"] = l1(identity, real_y)
            loss = loss + c.identity * c.identity_every * lambda_y * terms[f"identity_{y}"]
        else:
            fake = generator(real_x)
        adversary = self.adversary_b if forward else self.adversary_a
        if adversary.weight:
            terms[f"gan_{x}{y}"] = adversary.fool(fake)
            loss = loss + adversary.weight * terms[f"gan_{x}{y}"]
        if lambda_x:
            carrier = fake + c.cycle_noise * torch.randn_like(fake) if c.cycle_noise else fake
            terms[f"cycle_{x}"] = l1(back(carrier), real_x)
            loss = loss + lambda_x * terms[f"cycle_{x}"]
        return Step(loss, terms, {f"fake_{y}": fake.detach()})
