"""Noise that goes on when translating, and is the same again.

What a place gets follows in whole numbers from its channel, row and column, so that every device, every runtime and
every band of rows of a picture finds the same. In training it is drawn anew each time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DRAWS = 1000
"""How many noises there are to choose from."""


def redraw(network: nn.Module, draw: int) -> None:
    """Let a network translate with another of its noises: 0 (the one at first) to below `DRAWS`."""
    for module in network.modules():
        if isinstance(module, Noise | NoiseBeside):
            module.draw = draw


class Noise(nn.Dropout):
    """Dropout that goes on when translating: then the same places of every picture drop out, again and again."""

    draw = 0

    def forward(self, input: Tensor, first: int = 0) -> Tensor:
        """`first` is the row of the whole map that (N, C, H, W) begins with."""
        if self.training:
            return super().forward(input)
        drawn = _drawn(input.shape[1], first, input, self.draw)
        return input * ((drawn >= int(self.p * _PRIME)) / (1 - self.p)).to(input.dtype)


class NoiseBeside(nn.Module):
    """(N, C, H, W) → (N, C + channels, H, W): uniform noise in [-1, 1] beside it; another for each `seed`."""

    draw = 0

    def __init__(self, channels: int, seed: int) -> None:
        super().__init__()
        self.channels, self.seed = channels, seed

    def forward(self, input: Tensor, first: int = 0) -> Tensor:
        """`first` is the row of the whole map that (N, C, H, W) begins with."""
        n, _, height, width = input.shape
        if self.training:
            noise = 2 * torch.rand(n, self.channels, height, width, device=input.device) - 1
        else:
            # 24 bits of each number: float32 holds them exactly.
            bits = _drawn(self.channels, first, input, self.draw, self.seed) // 2**7
            noise = (bits.float() * 2**-23 - 1).expand(n, -1, -1, -1)
        return torch.cat([input, noise.to(input.dtype)], 1)


_PRIME = 2**31 - 1


def _drawn(channels: int, first: int, like: Tensor, draw: int, seed: int = 0) -> Tensor:
    """(channels, H, W) whole numbers from 0 to below the prime, for the places of (N, C, H, W) from row `first` on."""
    channel, row, column = (torch.arange(n, device=like.device) for n in (channels, *like.shape[2:]))
    apart = 2**20 * draw  # no network has so many channels
    drawn = _scrambled(_scrambled(channel + seed + apart)[:, None] + first + row)
    return _scrambled(drawn[..., None] + column)


def _scrambled(n: Tensor) -> Tensor:
    """Whole numbers to others below the prime, far from each other where these are near: (n + k)⁵, which gives each
    number once.
    """
    n = (n + 1_234_567_891) % _PRIME
    square = n * n % _PRIME  # below 2⁶²: nothing overflows
    return square * square % _PRIME * n % _PRIME
