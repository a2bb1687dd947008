"""CUT, FastCUT and SinCUT (Park, Efros, Zhang, Zhu, "Contrastive learning for unpaired image-to-image translation",
ECCV 2020, arXiv:2007.15651): one direction, no cycle. A place of the translation has to say more about the same place
of the source than about the others. SinCUT is CUT on crops of one picture of each domain (section 4.4).
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
from unpaired.methods.one_way import OneWay
from unpaired.methods.step import Step, passes


class CUT(Method):
    """A generator whose own encoder is compared with itself, heads for that, and a discriminator (eq. 6)."""

    translators = {"a2b": "generator_ab"}  # noqa: RUF012
    reads = (*ADVERSARIAL, "nce")

    @classmethod
    def check(cls, config: Config) -> None:
        contrast.check(config)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config = config.nce
        self.way = OneWay(config, self.translator(config, "a2b"))
        self.projector = contrast.projector(self.way.generator_ab, config.nce)
        self.draw_weights(config)

    def generators(self) -> dict[str, nn.Module]:
        return {**self.way.generators(), "projector": self.projector}

    def adversaries(self) -> dict[Domain, Adversary]:
        return self.way.adversaries()

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """Adversarial loss, and the contrast of A with its translation and of B with its own (eq. 6); with `l1`, the
        distance of B to its own, too.
        """
        c = self.config
        mirrored = c.flip and bool(torch.rand(()) < 0.5)
        sources = {"a": real_a, "b": real_b} if c.identity or c.l1 else {"a": real_a}
        shown = [x.flip(3) if mirrored else x for x in sources.values()]
        made = dict(zip(sources, passes(self.way.generator_ab, *shown), strict=True))
        asked = [*self.way.adversary_b.asks(made["a"])]
        for domain, source in sources.items() if c.identity else [("a", real_a)]:
            share = (1 if domain == "a" else c.identity) / (1 + c.identity)
            asked.append((f"nce_{domain}", c.weight * share, self._contrast(source, made[domain], mirrored)))
        if c.l1:
            asked.append(("identity_b", c.l1, l1(made["b"], shown[1])))
        fake = made["a"]
        yield Step.of(asked, {"fake_b": fake.detach()}, {"a": fake.flip(3) if mirrored else fake})

    def _contrast(self, source: Tensor, made: Tensor, mirrored: bool) -> Tensor:
        """PatchNCE of a translation with its source; one of a mirrored picture is mirrored back in its features."""
        c = self.config
        with torch.no_grad():
            keys = self.way.generator_ab.stages(source, c.layers)
        queries = [q.flip(3) if mirrored else q for q in self.way.generator_ab.stages(made, c.layers)]
        return contrast.contrast(queries, keys, self.projector, self.projector, c)
