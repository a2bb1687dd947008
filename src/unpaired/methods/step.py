"""What the steps of methods are made of."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from unpaired.config import Domain

Asked = tuple[str, float, Tensor]
"""One thing that is asked: its name, its weight, and how far it is from being so, a scalar."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step, or a part of one, is worth."""

    loss: Tensor
    """Scalar to differentiate."""
    terms: dict[str, Tensor]
    """Its unweighted parts by name, scalars, for people to read."""
    fakes: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    """Translations made on the way, (N, C, H, W) in [-1, 1], without gradients."""
    made: dict[Domain, Tensor] = field(default_factory=dict[Domain, Tensor])
    """By the domain of their sources, translations with gradients, place by place where their sources lie: for what is
    asked of every method alike."""

    @staticmethod
    def of(
        asked: Iterable[Asked], fakes: dict[str, Tensor] | None = None, made: dict[Domain, Tensor] | None = None
    ) -> Step:
        """The weighted sum of all that is asked."""
        return Step(torch.zeros(()), {}, fakes or {}, made or {}).asked(asked)

    def asked(self, more: Iterable[Asked]) -> Step:
        """The same, and more."""
        loss, terms = self.loss, dict(self.terms)
        for name, weight, term in more:
            terms[name] = term
            loss = loss + weight * term
        return replace(self, loss=loss, terms=terms)


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


def passes(network: nn.Module, *inputs: Tensor) -> list[Tensor]:
    """A pass over each of several batches; one over all of them, the same in less time, unless there is a batch norm,
    whose statistics would tell the difference.
    """
    if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        return [network(x) for x in inputs]
    return list(network(torch.cat(inputs)).split([len(x) for x in inputs]))
