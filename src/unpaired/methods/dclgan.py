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
from unpaired.methods.base import ADVERSARIAL, Method
from unpaired.methods.both_ways import BothWays, Way
from unpaired.methods.step import Step, passes
from unpaired.networks.projector import PatchProjector


class DCLGAN(Method):
    """Two generators, heads for the encoder of each, two discriminators (eq. 5).

    `projector_a` belongs to the encoder of `generator_ab`, which looks at A; `projector_b` to that of `generator_ba`.
    """

    translators = {"a2b": "generator_ab", "b2a": "generator_ba"}  # noqa: RUF012
    reads = (*ADVERSARIAL, *contrast.READS, "data.colours_a")

    @classmethod
    def check(cls, config: Config) -> None:
        contrast.check(config)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config = config.nce
        self.ways = BothWays(config)
        self.projector_a = contrast.projector(self.ways.generator_ab, config.nce)
        self.projector_b = contrast.projector(self.ways.generator_ba, config.nce)
        self.draw_weights(config)

    def generators(self) -> dict[str, nn.Module]:
        return {**self.ways.generators(), "projector_a": self.projector_a, "projector_b": self.projector_b}

    def adversaries(self) -> dict[Domain, Adversary]:
        return self.ways.adversaries()

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """The full objective as the generators see it, one direction at a time."""
        yield self._direction(self.ways.a2b(), real_a, real_b, self.projector_a, self.projector_b)
        yield self._direction(self.ways.b2a(), real_b, real_a, self.projector_b, self.projector_a)

    def _direction(self, way: Way, real_x: Tensor, real_y: Tensor, of_x: PatchProjector, of_y: PatchProjector) -> Step:
        """Adversarial loss of X → Y, contrast of X with its translation (eq. 3), and identity of Y (eq. 4)."""
        c, x, y = self.config, way.x, way.y
        shown = (real_x, real_y) if c.identity else (real_x,)
        fake, *identity = passes(way.there, *shown)
        with torch.no_grad():
            keys = way.there.stages(real_x, c.layers)
        lost = contrast.contrast(way.back.stages(fake, c.layers), keys, of_y, of_x, c)
        asked = [(f"nce_{x}", c.weight, lost), *way.adversary.asks(fake)]
        if identity:
            asked.append((f"identity_{y}", c.identity, l1(identity[0], real_y)))
        return Step.of(asked, {f"fake_{y}": fake.detach()}, {x: fake})
