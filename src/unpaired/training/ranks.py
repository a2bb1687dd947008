"""One process among several, started by `torchrun`; alone without it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process's place: `rank` of `world`."""

    rank: int = 0
    world: int = 1

    @staticmethod
    def join(device: torch.device) -> Ranks:
        """Meet the other processes that torchrun started (gloo on CPU, nccl on GPU)."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return Ranks()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return Ranks(dist.get_rank(), dist.get_world_size())

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def barrier(self) -> None:
        if self.world > 1:
            dist.barrier()

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

    def agree(self, values: list[float], device: torch.device) -> list[float]:
        """The maximum over the ranks of each value, so that all of them decide alike."""
        if self.world == 1:
            return values
        told = torch.tensor(values, dtype=torch.float64, device="cpu" if dist.get_backend() == "gloo" else device)
        dist.all_reduce(told, op=dist.ReduceOp.MAX)
        return told.tolist()

    def leave(self) -> None:
        """Say goodbye, so that no process waits for this one."""
        if self.world > 1 and dist.is_initialized():
            dist.destroy_process_group()
