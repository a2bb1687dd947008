"""Bytes to the numbers that networks see, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from unpaired.data.decode import LUMINANCE


def to_float(batch: Tensor) -> Tensor:
    """uint8 0 … 255 of any shape → float32 -1 … 1. What is floating was brought there already (`data.scale`)."""
    if batch.is_floating_point():
        return batch.to(torch.float32)
    return batch.to(torch.float32).div_(127.5).sub_(1.0)


def to_uint8(x: Tensor) -> Tensor:
    """Float -1 … 1 of any shape → uint8 0 … 255, rounded and clamped. Undoes `to_float` exactly."""
    return x.detach().to(torch.float32).add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def luminance(x: Tensor) -> Tensor:
    """(N, 3, H, W) RGB → (N, 1, H, W) of the same type and range."""
    return (x * x.new_tensor(LUMINANCE).view(1, 3, 1, 1)).sum(1, keepdim=True)
