"""Feed-forward style transfer (Johnson, Alahi, Fei-Fei, "Perceptual losses for real-time style transfer and
super-resolution", ECCV 2016, arXiv:1603.08155): a generator learns what `unpaired style` optimises picture by picture.

The style is the whole of domain B, or one picture. The paper aims at the Gram matrices of one; against those of the
pictures of each step, drawn anew, a squared distance has the same gradients on average as against their mean over B,
which is what the CycleGAN paper (section 5.2) gives Gatys et al. to aim at. Instance norm in the generator is Ulyanov
et al. 2016 (arXiv:1607.08022). There is no discriminator.

With a pyramid as the generator it is the texture network of Ulyanov et al. 2016 (arXiv:1603.03417), and with the
diversity of Ulyanov et al. 2017 (arXiv:1701.02096) what its noise does is to be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unpaired.config import Config, Domain
from unpaired.errors import UserError
from unpaired.losses.perceptual import content_loss, diversity_loss, gram, style_loss, total_variation
from unpaired.methods.adversary import Adversary
from unpaired.methods.base import Method
from unpaired.methods.step import Step, passes
from unpaired.networks import noisy
from unpaired.networks.perceptual import load_perceptual, network_of


class Johnson(Method):
    """A generator, and frozen eyes that say what its pictures show and how they are painted (eq. 5)."""

    translators = {"a2b": "generator_ab"}
    reads = ("perceptual",)

    @classmethod
    def check(cls, config: Config) -> None:
        c = config.perceptual
        if c.eyes == "lite0":
            raise UserError("perceptual.eyes lite0 are those that runs are measured with: take lite1, lite2 or a VGG.")
        if not {*config.channels("a2b")} <= {1, 3}:
            raise UserError(
                "johnson takes pictures of 1 or 3 channels: its frozen network knows grey and colours only."
            )
        if c.diversity > 0 and not noisy(config.generator):
            raise UserError(
                "--perceptual.diversity needs a generator with noise that could make translations differ: take "
                "--generator.kind pyramid, or --generator.noise and --generator.dropout."
            )
        if c.content + c.style == 0:
            raise UserError("--perceptual.content and --perceptual.style are both 0: give one of them a weight.")

    @classmethod
    def networks_seen(cls, config: Config) -> set[str]:
        return {network_of(config.perceptual.eyes)}

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config = config.perceptual
        self.perceptual = load_perceptual(config.perceptual.eyes)
        self.generator_ab = self.translator(config, "a2b")
        self.draw_weights(config)

    def generators(self) -> dict[str, nn.Module]:
        return {"generator_ab": self.generator_ab}

    def adversaries(self) -> dict[Domain, Adversary]:
        return {}

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """Show what A shows, painted as B is (eq. 5)."""
        c, eyes = self.config, self.perceptual
        fake, *others = passes(self.generator_ab, *[real_a] * (2 if c.diversity else 1))
        with torch.no_grad():
            shown = eyes.maps(real_a, eyes.content)
            painted = [gram(m).mean(0, keepdim=True) for m in eyes.maps(real_b, eyes.style)]
        maps = eyes.maps(fake, (*eyes.content, *eyes.style))
        asked = [
            ("content_a", c.content, content_loss(maps[: len(shown)], shown)),
            ("style_b", c.style, style_loss([gram(m) for m in maps[len(shown) :]], painted)),
            ("smoothness_b", c.smoothness, total_variation(fake.float())),
        ]
        if others:
            asked.append(("diversity_b", c.diversity, diversity_loss(torch.stack([fake, *others]))))
        yield Step.of(asked, {"fake_b": fake.detach()}, {"a": fake})
