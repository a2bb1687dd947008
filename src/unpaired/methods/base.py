"""What the loop, checkpoints, translation, export and evaluation may ask of any method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

from torch import Tensor, nn

from unpaired.config import Config, Direction, Domain
from unpaired.methods.adversary import Adversary
from unpaired.methods.pool import HistoryPool
from unpaired.methods.step import Step
from unpaired.networks import build_translator, eyes_of
from unpaired.networks.generator import Generator
from unpaired.networks.layers import initialise

ADVERSARIAL = ("discriminator", "loss.adversarial", "loss.gan_weight", "loss.pool")
"""What every method with discriminators reads."""


class Method(nn.Module, ABC):
    """Owns its networks. Adding one: docs/how-to-add-a-method.md."""

    translators: ClassVar[Mapping[Direction, str]]
    """Which generator translates in which direction; one direction is enough. Known without building the method."""
    paired: ClassVar[bool] = False
    """Whether the pictures of a step belong together: `real_b[i]` is what `real_a[i]` should become."""

    reads: ClassVar[tuple[str, ...]] = ADVERSARIAL
    """Which options that not all methods have it reads: groups of the configuration, or a field as "loss.lambda_a". A
    field of a network named by itself is read whatever the network's kind."""

    progress: float = 0.0
    """How far the training is, from 0 to 1. The engine keeps it, for weights that change."""

    @classmethod
    def check(cls, config: Config) -> None:
        """Raise `UserError` for a configuration that any method could have, but this one can't."""

    @classmethod
    def translator(cls, config: Config, direction: Direction) -> Generator:
        """The generator that translates, with freshly drawn weights, without the rest of the method."""
        return build_translator(config, direction)

    @classmethod
    def networks_seen(cls, config: Config) -> set[str]:
        """Identities of the frozen networks that its losses look through: what no distance may be measured with."""
        return eyes_of(config.discriminator)

    def __init__(self, config: Config) -> None:
        super().__init__()

    def draw_weights(self, config: Config) -> None:
        """New weights for all that is trained: what a method begins with, once it has its networks."""
        for network in self.networks().values():
            initialise(network, config.optimizer.init_gain, config.optimizer.init)

    @abstractmethod
    def generators(self) -> dict[str, nn.Module]:
        """What `generator_step` trains, by the names under which it is saved."""

    @abstractmethod
    def adversaries(self) -> dict[Domain, Adversary]:
        """The game over each domain that something is translated to."""

    @abstractmethod
    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """Loss of the generators on (N, C, H, W) pictures in [-1, 1]; `step` counts from 0.

        Parts that share no activations are yielded one by one: each is differentiated before the next is computed,
        so that memory holds one of them only. Its fakes are what the adversaries see: `fake_a`, `fake_b`.
        """

    def discriminator_step(self, real_a: Tensor, real_b: Tensor, fakes: dict[str, Tensor], step: int) -> Iterator[Step]:
        """Loss of the discriminators on the same pictures and the fakes of the generator step, in parts likewise."""
        for domain, adversary in self.adversaries().items():
            if adversary.weight:
                yield adversary.judge(real_a if domain == "a" else real_b, fakes[f"fake_{domain}"], step)

    def discriminators(self) -> dict[str, nn.Module]:
        """What `discriminator_step` trains, by the names under which it is saved."""
        return {f"discriminator_{domain}": game.discriminator for domain, game in self.adversaries().items()}

    def pools(self) -> dict[str, HistoryPool]:
        """History pools, by the names under which they are saved."""
        return {f"pool_{domain}": game.pool for domain, game in self.adversaries().items()}

    def networks(self) -> dict[str, nn.Module]:
        """All that is trained and saved."""
        return {**self.generators(), **self.discriminators()}
