"""CycleGAN (Zhu, Park, Isola, Efros, ICCV 2017, arXiv:1703.10593).

The paper's G, F, D_X, D_Y are `generator_ab`, `generator_ba`, `discriminator_a`, `discriminator_b`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unpaired.config import Config, Direction
from unpaired.data.augment import differentiable_augment
from unpaired.losses.adversarial import ADVERSARIAL, over_heads
from unpaired.losses.cycle import l1
from unpaired.methods.base import Method, Step, frozen
from unpaired.networks import Discriminator, build_generator, efficientnet, needs_eyes
from unpaired.networks.layers import initialise
from unpaired.training.pool import HistoryPool

TRANSLATORS: dict[Direction, str] = {"a2b": "generator_ab", "b2a": "generator_ba"}
"""Which generator translates in which direction."""


class CycleGAN(Method):
    """Two generators, two discriminators, and what their two steps are worth (eq. 3)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config.loss
        self.augment = config.discriminator.augment
        self.adversarial = ADVERSARIAL[config.loss.adversarial]
        self.eyes = efficientnet.load("lite1") if needs_eyes(config.discriminator) else None
        self.generator_ab = build_generator(*config.channels("a2b"), config.generator)
        self.generator_ba = build_generator(*config.channels("b2a"), config.generator)
        self.discriminator_a = Discriminator(config.data.channels_a, config.discriminator, self.eyes)
        self.discriminator_b = Discriminator(config.data.channels_b, config.discriminator, self.eyes)
        for network in self.networks().values():
            initialise(network, config.optimizer.init_gain)
        self.pool_a, self.pool_b = HistoryPool(config.loss.pool), HistoryPool(config.loss.pool)
        # Pictures of one pass share nothing but batch statistics: without those, passes may be joined.
        self.joined = config.generator.norm != "batch" and config.discriminator.norm != "batch"

    def generators(self) -> dict[str, nn.Module]:
        return {"generator_ab": self.generator_ab, "generator_ba": self.generator_ba}

    def discriminators(self) -> dict[str, nn.Module]:
        return {"discriminator_a": self.discriminator_a, "discriminator_b": self.discriminator_b}

    def translators(self) -> dict[Direction, str]:
        return dict(TRANSLATORS)

    def pools(self) -> dict[str, HistoryPool]:
        return {"pool_a": self.pool_a, "pool_b": self.pool_b}

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Step:
        """The full objective as the generators see it: adversarial, cycle (eq. 2) and identity (section 5.2)."""
        c = self.config
        with_identity = c.identity > 0 and step % c.identity_every == 0
        terms: dict[str, Tensor] = {}
        loss = real_a.new_zeros(())
        if with_identity:
            fake_b, identity_b = self._passes(self.generator_ab, real_a, real_b)
            fake_a, identity_a = self._passes(self.generator_ba, real_b, real_a)
            # As in the authors' code, λ_A weighs the identity of A and λ_B that of B.
            terms["identity_a"], terms["identity_b"] = l1(identity_a, real_a), l1(identity_b, real_b)
            weight = c.identity * c.identity_every
            loss = loss + weight * (c.lambda_a * terms["identity_a"] + c.lambda_b * terms["identity_b"])
        else:
            fake_b, fake_a = self.generator_ab(real_a), self.generator_ba(real_b)
        if c.gan_weight:
            with frozen(self.discriminator_a, self.discriminator_b):
                terms["gan_ab"] = self._fool(self.discriminator_b, fake_b)
                terms["gan_ba"] = self._fool(self.discriminator_a, fake_a)
            loss = loss + c.gan_weight * (terms["gan_ab"] + terms["gan_ba"])
        if c.lambda_a:
            terms["cycle_a"] = l1(self.generator_ba(fake_b), real_a)
            loss = loss + c.lambda_a * terms["cycle_a"]
        if c.lambda_b:
            terms["cycle_b"] = l1(self.generator_ab(fake_a), real_b)
            loss = loss + c.lambda_b * terms["cycle_b"]
        return Step(loss, terms, {"fake_a": fake_a.detach(), "fake_b": fake_b.detach()})

    def discriminator_step(self, real_a: Tensor, real_b: Tensor, fakes: dict[str, Tensor]) -> Step:
        """Tell real from fake; halved, so that D learns slower than G (section 4)."""
        if not self.config.gan_weight:
            return Step(real_a.new_zeros(()), {}, {})
        terms = {
            "discriminator_a": self._tell(self.discriminator_a, real_a, self.pool_a.exchange(fakes["fake_a"])),
            "discriminator_b": self._tell(self.discriminator_b, real_b, self.pool_b.exchange(fakes["fake_b"])),
        }
        return Step(terms["discriminator_a"] + terms["discriminator_b"], terms, {})

    def _fool(self, discriminator: Discriminator, fake: Tensor) -> Tensor:
        return over_heads(self.adversarial.generator, discriminator(self._seen(fake)), discriminator.weights)

    def _tell(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        if self.joined:
            logits = [h.chunk(2) for h in discriminator(self._seen(torch.cat([real, fake])))]
            on_real, on_fake = [r for r, _ in logits], [f for _, f in logits]
        else:
            on_real, on_fake = discriminator(self._seen(real)), discriminator(self._seen(fake))
        loss_real = over_heads(self.adversarial.real, on_real, discriminator.weights)
        return 0.5 * (loss_real + over_heads(self.adversarial.fake, on_fake, discriminator.weights))

    def _seen(self, x: Tensor) -> Tensor:
        return differentiable_augment(x) if self.augment else x

    def _passes(self, generator: nn.Module, *inputs: Tensor) -> list[Tensor]:
        """One pass over several batches: the same numbers as one pass each, in less time."""
        if not self.joined:
            return [generator(x) for x in inputs]
        return list(generator(torch.cat(inputs)).split([len(x) for x in inputs]))
