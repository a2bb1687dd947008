"""CycleGAN (Zhu, Park, Isola, Efros, ICCV 2017, arXiv:1703.10593).

The paper's G, F, D_X, D_Y are `generator_ab`, `generator_ba`, `discriminator_a`, `discriminator_b`.
"""

from __future__ import annotations

from collections.abc import Iterator

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

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """The full objective as the generators see it, one direction at a time."""
        yield self._direction("a", "b", real_a, real_b, step)
        yield self._direction("b", "a", real_b, real_a, step)

    def discriminator_step(self, real_a: Tensor, real_b: Tensor, fakes: dict[str, Tensor]) -> Iterator[Step]:
        """Tell real from fake; halved, so that D learns slower than G (section 4)."""
        if self.config.gan_weight:
            for domain, real, pool in (("a", real_a, self.pool_a), ("b", real_b, self.pool_b)):
                discriminator = self.discriminator_a if domain == "a" else self.discriminator_b
                loss = self._tell(discriminator, real, pool.exchange(fakes[f"fake_{domain}"]))
                yield Step(loss, {f"discriminator_{domain}": loss})

    def _direction(self, x: str, y: str, real_x: Tensor, real_y: Tensor, step: int) -> Step:
        """Adversarial loss of X → Y, cycle X → Y → X (eq. 2), and identity of Y (section 5.2)."""
        c, forward = self.config, x == "a"
        generator, back = (self.generator_ab, self.generator_ba) if forward else (self.generator_ba, self.generator_ab)
        # As in the authors' code, λ_A weighs cycle and identity of A, and λ_B those of B.
        lambda_x, lambda_y = (c.lambda_a, c.lambda_b) if forward else (c.lambda_b, c.lambda_a)
        terms: dict[str, Tensor] = {}
        loss = real_x.new_zeros(())
        if c.identity * lambda_y > 0 and step % c.identity_every == 0:
            fake, identity = self._passes(generator, real_x, real_y)
            terms[f"identity_{y}"] = l1(identity, real_y)
            loss = loss + c.identity * c.identity_every * lambda_y * terms[f"identity_{y}"]
        else:
            fake = generator(real_x)
        if c.gan_weight:
            discriminator = self.discriminator_b if forward else self.discriminator_a
            with frozen(discriminator):
                terms[f"gan_{x}{y}"] = self._fool(discriminator, fake)
            loss = loss + c.gan_weight * terms[f"gan_{x}{y}"]
        if lambda_x:
            carrier = fake + c.cycle_noise * torch.randn_like(fake) if c.cycle_noise else fake
            terms[f"cycle_{x}"] = l1(back(carrier), real_x)
            loss = loss + lambda_x * terms[f"cycle_{x}"]
        return Step(loss, terms, {f"fake_{y}": fake.detach()})

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
