"""One process among several, started by `torchrun`; alone without it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from unpaired.errors import UserError

T = TypeVar("T")

PATIENCE = timedelta(days=7)
"""How long ranks wait for the slowest one; one that died is noticed at once."""


@contextmanager
def joined() -> Generator[Ranks]:
    """This process's place among those that torchrun started; whatever happens, it leaves politely at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks()
        return
    # Adam imports it. Imported after the group is there, it keeps that, and gloo's threads, alive beyond Python's end.
    import_module("torch._dynamo")
    # What ranks tell each other travels by gloo, gradients on a GPU by nccl.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


@dataclass(frozen=True, slots=True)
class Ranks:
    """A process's place: `rank` of `world`."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    @contextmanager
    def together(self) -> Generator[None]:
        """What follows succeeds on every rank, or ends on every rank with the `UserError` of the lowest that failed.

        All ranks come here at the same time and wait for each other at the end; inside they don't talk.
        """
        failed = None
        try:
            yield
        except UserError as e:
            failed = e
        if any(self.agree([float(failed is not None)])) and self.world > 1:
            told = self.gather(None if failed is None else str(failed))
            failed = failed or UserError(next(sentence for sentence in told if sentence))
        if failed:
            raise failed

    def agree(self, values: list[float]) -> list[float]:
        """The maximum over the ranks of each value, so that all of them decide alike."""
        if self.world == 1:
            return values
        told = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(told, op=dist.ReduceOp.MAX)
        return told.tolist()

    def gather(self, value: T) -> list[T]:
        """The value of every rank, in the order of the ranks, for all of them."""
        if self.world == 1:
            return [value]
        told: list[Any] = [None] * self.world
        dist.all_gather_object(told, value)
        return told

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the ranks, in one message.

        GAN steps call a network several times and freeze others, which DistributedDataParallel's hooks have to be
        talked into; one flat all-reduce after the backward pass has no such cases.
        """
        if self.world == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        flat /= self.world
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))
