"""Generators that move what they paint: shifts of places, the input bent by them, and the picture painted over that.

A generator that paints each place where it stands finds any colour sooner than another outline. WarpGAN (Shi, Deb and
Jain 2019, arXiv:1811.10100, section 3.1) bends faces into caricatures by control points and their displacements; here,
as in spatial transformers (Jaderberg et al. 2015, arXiv:1506.02025), a network that sees much of the picture at once
gives a coarse field of shifts. No labels are needed: the adversary asks for outlines as it does for colours, and the
cycle for shifts that can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.networks.generator import Generator
from unpaired.networks.precision import exactly

HALVINGS = 3
STEP = 2**HALVINGS
"""Shifts are found for places that lie so many px apart, and follow between them."""


class WarpingGenerator(Generator):
    """(N, in, H, W) → (N, out, H, W), both in [-1, 1]: `body` of the input, bent by up to `config.warp` px."""

    def __init__(self, body: Generator, channels: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.body = body
        self.shifts, self.bend = shifts(channels, config.width), Bend(config.warp)
        self.multiple, self.widths = max(body.multiple, STEP), body.widths

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.bend(x, self.shifts(x)))

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        return self.body.stages(x, wanted)


def shifts(channels: int, width: int) -> nn.Sequential:
    """(N, channels, H, W) → (N, 2, H, W) in [-1, 1]: to the right and down.

    Nothing is normalised: divided by what few places differ by, small shifts became large, and pictures crumpled.
    """
    layers: list[nn.Module] = []
    before = channels
    for level in range(HALVINGS):
        after = width << level
        # Zeros beyond the border tell how far away it is.
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.ReLU()]
        before = after
    for _ in range(2):
        layers += [nn.Conv2d(before, before, 5, padding=2), nn.ReLU()]
    doubled = [nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False) for _ in range(HALVINGS)]
    return nn.Sequential(*layers, nn.Conv2d(before, 2, 5, padding=2), nn.Tanh(), *doubled)


class Bend(nn.Module):
    """A picture (N, C, H, W), each place taken from where its shift (N, 2, H, W), in units of `far` px, points:
    bilinear between places, and beyond the border what is at the border.
    """

    def __init__(self, far: int) -> None:
        super().__init__()
        self.far = far

    def forward(self, x: Tensor, shift: Tensor) -> Tensor:
        with exactly(x.device):  # bfloat16 can't count to the end of a row
            height, width = x.shape[2:]
            wide = torch.promote_types(x.dtype, torch.float32)
            down, right = (torch.arange(n, device=x.device, dtype=wide) for n in (height, width))
            px = self.far * shift.to(wide)
            places = torch.stack(
                [(2 * (right + px[:, 0]) + 1) / width - 1, (2 * (down[:, None] + px[:, 1]) + 1) / height - 1], dim=-1
            )
            return F.grid_sample(x.to(wide), places, padding_mode="border", align_corners=False).to(x.dtype)
