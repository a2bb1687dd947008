"""Pictures of any size through a network that takes multiples of some number."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALLEST = 8
"""Pixels: below, a ResNet's innermost 1×1 map has nothing to reflect and no variance to normalise."""

Rows = Callable[[int, int], Tensor]
"""Rows [first, end) of a picture as (1, C, rows, W)."""


def fitted(network: nn.Module, x: Tensor) -> Tensor:
    """(N, C, H, W) → (N, C', H, W): pad on the right and below to what `network` takes, and crop back."""
    height, width = x.shape[-2:]
    multiple = cast(int, network.multiple)
    y = network(pad_to(x, _next(height, multiple), _next(width, multiple)))
    return y[..., :height, :width]


def fitted_rows(read: Rows, height: int, width: int, multiple: int) -> tuple[Rows, int, int]:
    """What `fitted` gives a network, a band at a time: the rows of a (height, width) picture, padded; height; width."""
    full_height, full_width = _next(height, multiple), _next(width, multiple)
    mirror = full_height - height < height

    def rows(first: int, end: int) -> Tensor:
        parts = [read(first, min(end, height))] if first < height else []
        for row in range(max(first, height), end):
            source = 2 * (height - 1) - row if mirror else height - 1
            parts.append(read(source, source + 1))
        return pad_to(torch.cat(parts, dim=2), end - first, full_width)

    return rows, full_height, full_width


def pad_to(x: Tensor, height: int, width: int) -> Tensor:
    """Reflect (N, C, H, W) on the right and below; what is too small to be reflected repeats its edge."""
    right, below = width - x.shape[-1], height - x.shape[-2]
    # One side at a time: each picks its own way, and a picture may be a strip.
    if right:
        x = F.pad(x, (0, right, 0, 0), mode="reflect" if right < x.shape[-1] else "replicate")
    if below:
        x = F.pad(x, (0, 0, 0, below), mode="reflect" if below < x.shape[-2] else "replicate")
    return x


def _next(size: int, multiple: int) -> int:
    return max(SMALLEST, -(-size // multiple) * multiple)
