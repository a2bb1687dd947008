"""The history pool (section 4; Shrivastava et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor


class HistoryPool:
    """Up to `capacity` earlier fakes. With capacity 0 it hands through what it gets.

    Random choices come from torch's default CPU generator, which the loop seeds at every step.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.fakes: list[Tensor] = []

    def exchange(self, fakes: Tensor) -> Tensor:
        """Store (N, C, H, W) fakes; return as many, each with equal chance the new one or an earlier one."""
        if self.capacity == 0:
            return fakes
        shown: list[Tensor] = []
        for fake in fakes.detach():
            if len(self.fakes) < self.capacity:
                self.fakes.append(fake.clone())
                shown.append(fake)
            elif torch.rand(()) < 0.5:
                slot = int(torch.randint(self.capacity, ()))
                shown.append(self.fakes[slot].to(fake.device))  # on the CPU after a resume
                self.fakes[slot] = fake.clone()
            else:
                shown.append(fake)
        return torch.stack(shown)

    def state_dict(self) -> dict[str, Tensor]:
        return {"fakes": torch.stack(self.fakes)} if self.fakes else {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.fakes = list(state["fakes"].unbind()) if "fakes" in state else []
