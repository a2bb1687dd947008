"""CycleGAN (Zhu, Park, Isola, Efros, ICCV 2017, arXiv:1703.10593).

The paper's G, F, D_X, D_Y are `generator_ab`, `generator_ba`, `discriminator_a`, `discriminator_b`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unpaired.config import Config, Domain
from unpaired.losses.cycle import coarse, l1
from unpaired.methods.adversary import Adversary
from unpaired.methods.base import ADVERSARIAL, Method
from unpaired.methods.both_ways import BothWays, Way
from unpaired.methods.step import Asked, Step, passes


class CycleGAN(Method):
    """Two generators, two discriminators, and what their two steps are worth (eq. 3)."""

    translators = {"a2b": "generator_ab", "b2a": "generator_ba"}
    reads = (
        *ADVERSARIAL, "data.colours_a", "loss.lambda_a", "loss.lambda_b", "loss.identity", "loss.identity_every",
        "loss.cycle_noise", "loss.cycle_coarse", "loss.cycle_floor", "loss.cycle_features",
    )  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config = config.loss
        self.ways = BothWays(config)
        self.draw_weights(config)

    def generators(self) -> dict[str, nn.Module]:
        return self.ways.generators()

    def adversaries(self) -> dict[Domain, Adversary]:
        return self.ways.adversaries()

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """The full objective as the generators see it, one direction at a time."""
        yield self._direction(self.ways.a2b(), real_a, real_b, step)
        yield self._direction(self.ways.b2a(), real_b, real_a, step)

    def _direction(self, way: Way, real_x: Tensor, real_y: Tensor, step: int) -> Step:
        """Adversarial loss of X → Y, cycle X → Y → X (eq. 2), and identity of Y (section 5.2)."""
        c, x, y = self.config, way.x, way.y
        # As in the authors' code, λ_A weighs cycle and identity of A, and λ_B those of B.
        weight_of = {"a": c.lambda_a, "b": c.lambda_b}
        asked: list[Asked] = []
        if c.identity * weight_of[y] > 0 and step % c.identity_every == 0:
            fake, identity = passes(way.there, real_x, real_y)
            asked.append((f"identity_{y}", c.identity * c.identity_every * weight_of[y], l1(identity, real_y)))
        else:
            fake = way.there(real_x)
        asked += way.adversary.asks(fake)
        if weight_of[x]:
            carrier = fake + c.cycle_noise * torch.randn_like(fake) if c.cycle_noise else fake
            back = way.back(carrier)
            share = 1 - (1 - c.cycle_floor) * self.progress
            lost = l1(coarse(back, c.cycle_coarse), coarse(real_x, c.cycle_coarse))
            asked.append((f"cycle_{x}", (1 - c.cycle_features) * share * weight_of[x], lost))
            if c.cycle_features:
                apart = way.over_x.apart(back, real_x)
                asked.append((f"cycle_features_{x}", c.cycle_features * share * weight_of[x], apart))
        return Step.of(asked, {f"fake_{y}": fake.detach()}, {x: fake})
