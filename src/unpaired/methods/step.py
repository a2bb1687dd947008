"""What the steps of methods are made of."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from unpaired.config import Domain


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

    def asked(self, more: Iterable[tuple[str, float, Tensor]]) -> Step:
        """The same with more terms: the name, the weight and the scalar of each."""
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


def passes(network: nn.Module, *inputs: Tensor, joined: bool) -> list[Tensor]:
    """A pass over each of several batches. Where nothing but batch statistics could tell the difference, they may be
    `joined` into one: the same numbers in less time.
    """
    if not joined:
        return [network(x) for x in inputs]
    return list(network(torch.cat(inputs)).split([len(x) for x in inputs]))
