"""What the loop, checkpoints, translation, export and evaluation may ask of any method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor, nn

from unpaired.config import Direction
from unpaired.training.pool import HistoryPool


@dataclass(frozen=True, slots=True)
class Step:
    """What a step, or a part of one, is worth."""

    loss: Tensor
    """Scalar to differentiate."""
    terms: dict[str, Tensor]
    """Its unweighted parts by name, scalars, for people to read."""
    fakes: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    """Translations made on the way, (N, C, H, W) in [-1, 1], without gradients."""


class Method(nn.Module, ABC):
    """Owns its networks. Adding one: docs/how-to-add-a-method.md."""

    @abstractmethod
    def generators(self) -> dict[str, nn.Module]:
        """What `generator_step` trains, by the names under which it is saved."""

    @abstractmethod
    def discriminators(self) -> dict[str, nn.Module]:
        """What `discriminator_step` trains, by the names under which it is saved."""

    @abstractmethod
    def translators(self) -> dict[Direction, str]:
        """Which generator translates in which direction."""

    @abstractmethod
    def pools(self) -> dict[str, HistoryPool]:
        """History pools, by the names under which they are saved."""

    @abstractmethod
    def generator_step(self, real_a: Tensor, real_b: Tensor, step: int) -> Iterator[Step]:
        """Loss of the generators on (N, C, H, W) pictures in [-1, 1]; `step` counts from 0.

        Parts that share no activations are yielded one by one: each is differentiated before the next is computed,
        so that memory holds one of them only.
        """

    @abstractmethod
    def discriminator_step(self, real_a: Tensor, real_b: Tensor, fakes: dict[str, Tensor]) -> Iterator[Step]:
        """Loss of the discriminators on the same pictures and the fakes of the generator step, in parts likewise."""

    def networks(self) -> dict[str, nn.Module]:
        """All that is trained and saved."""
        return {**self.generators(), **self.discriminators()}


@contextmanager
def frozen(*modules: nn.Module) -> Generator[None]:
    """Let gradients flow through `modules` but not into their weights, which halves their backward pass."""
    trainable = [p for m in modules for p in m.parameters() if p.requires_grad]
    for p in trainable:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in trainable:
            p.requires_grad_(True)
