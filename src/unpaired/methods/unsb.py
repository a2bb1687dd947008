"""UNSB (Kim, Kwon, Kim, Ye, "Unpaired image-to-image translation via neural Schrödinger bridge", ICLR 2024,
arXiv:2305.15086): from A to B in a few steps. Between them lies a random path whose ends are the two domains; one
network learns, at each step, where the path ends.

Unlike the authors', the discriminator is not told the step: it judges ends of paths, which should all look like B.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unpaired.config import Config, Direction, Domain
from unpaired.losses.entropy import energy_loss, entropy
from unpaired.methods import contrast
from unpaired.methods.adversary import Adversary
from unpaired.methods.base import ADVERSARIAL, Method
from unpaired.methods.one_way import OneWay
from unpaired.methods.step import Step, frozen
from unpaired.networks.bridge import BridgeGenerator
from unpaired.networks.generator import Generator
from unpaired.networks.patchgan import PatchDiscriminator
from unpaired.validation import require


class UNSB(Method):
    """A generator of several steps, heads for its contrast, a discriminator, and a network that estimates entropy."""

    translators = {"a2b": "generator_ab"}
    reads = (*ADVERSARIAL, *contrast.READS, "bridge", *(f"discriminator.{name}" for name in PatchDiscriminator.reads))

    @classmethod
    def check(cls, config: Config) -> None:
        inputs, outputs = config.channels("a2b")
        rules = [
            (config.generator.kind == "resnet", "unsb modulates a ResNet: give --generator.kind resnet"),
            (not config.generator.lab, "unsb goes from pictures to pictures: leave out --generator.lab"),
            (not config.generator.attention, "unsb paints a picture several times over: leave out "
             "--generator.attention"),
            (not config.generator.warp, "unsb goes to B in small steps: leave out --generator.warp"),
            (not config.data.colours_b, "unsb knows no palette: leave out --colours-b"),
            (inputs == outputs, "unsb mixes pictures of both domains, which need the same channels"),
            (config.training.batch >= 2, "unsb compares pictures of a batch with each other: give --batch 2 or more"),
            (config.data.crop // 2**config.discriminator.layers >= 3,
             f"crop {config.data.crop} px is too small for {config.discriminator.layers} layers: lower "
             "--discriminator.layers"),
        ]  # fmt: skip
        require(rules)
        contrast.check(config)

    @classmethod
    def translator(cls, config: Config, direction: Direction) -> Generator:
        return BridgeGenerator(config.channels(direction)[0], config.generator, config.bridge.steps)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.config, self.nce = config.bridge, config.nce
        self.generator = BridgeGenerator(config.data.channels_a, config.generator, config.bridge.steps)
        self.way = OneWay(config, self.generator)
        self.projector = contrast.projector(self.generator, config.nce)
        # Two pairs of state and end, and the step as one more channel.
        self.energy = PatchDiscriminator(4 * config.data.channels_b + 1, config.discriminator)
        self.draw_weights(config)

    def generators(self) -> dict[str, nn.Module]:
        return {**self.way.generators(), "projector": self.projector}

    def discriminators(self) -> dict[str, nn.Module]:
        return {**super().discriminators(), "energy": self.energy}

    def adversaries(self) -> dict[Domain, Adversary]:
        return self.way.adversaries()

    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """Adversarial loss of the end that is guessed at a random step, the bridge's cost (eq. 12), and contrast."""
        c, nce, generator = self.config, self.nce, self.generator
        k = int(torch.randint(c.steps, ()))
        state = generator.state(real_a, k, c.tau)
        fake = generator.guess(state, k, generator.drawn(state))
        asked = [("nce_a", nce.weight / (1 + nce.identity), self._contrast(real_a, fake))]
        if nce.identity:
            of_b = generator.state(real_b, k, c.tau)
            own = generator.guess(of_b, k, generator.drawn(of_b))
            asked.append(("nce_b", nce.weight * nce.identity / (1 + nce.identity), self._contrast(real_b, own)))
        asked += self.way.adversary_b.asks(fake)
        asked.append(("distance_b", c.weight * c.tau, (state.float() - fake.float()).square().mean()))
        with frozen(self.energy):
            spread = entropy(*self._energies(state, fake, k))
        asked.append(("entropy_b", -c.weight * c.tau * (c.steps - k) / c.steps, spread))
        fakes = {"fake_b": fake.detach(), "state_b": state, "step_b": torch.tensor(k, device=fake.device)}
        yield Step.of(asked, fakes, {"a": fake})

    def discriminator_step(self, real_a: Tensor, real_b: Tensor, fakes: dict[str, Tensor], step: int) -> Iterator[Step]:
        """Tell B from ends that are guessed, and sharpen the estimate of the entropy."""
        yield from super().discriminator_step(real_a, real_b, fakes, step)
        loss = energy_loss(*self._energies(fakes["state_b"], fakes["fake_b"], int(fakes["step_b"])))
        yield Step(loss, {"energy_b": loss})

    def _energies(self, state: Tensor, fake: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Logits (N, 1, h, w) of each pair of state and end beside itself, and beside that of another picture."""
        pair = torch.cat([state, fake], dim=1)
        when = pair.new_full((len(pair), 1, *pair.shape[2:]), k / self.config.steps)
        beside = [torch.cat([pair, other, when], dim=1) for other in (pair, pair.roll(1, dims=0))]
        own, other = self.energy(torch.cat(beside))[0].chunk(2)
        return own, other

    def _contrast(self, source: Tensor, made: Tensor) -> Tensor:
        """PatchNCE of an end with the picture that its path began with."""
        with torch.no_grad():
            keys = self.generator.stages(source, self.nce.layers)
        queries = self.generator.stages(made, self.nce.layers)
        return contrast.contrast(queries, keys, self.projector, self.projector, self.nce)
