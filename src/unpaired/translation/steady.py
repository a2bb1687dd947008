"""Less flicker in films: what stands still in the film stands still in its translation.

A network that sees each frame by itself answers sensor noise, and movement elsewhere, with changes everywhere. Where
the film itself did not change, its translation is averaged with the earlier ones; where it did, the new one is taken as
it is, so that nothing that moves leaves a trail.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from unpaired.errors import UserError

NOISE = 6.0
"""Root mean square, in steps of 255 over 5×5 pixels, up to which a difference of frames is rather noise than change."""
CUT = 40.0
"""Mean difference of whole frames from which a new scene begins."""


class Steady:
    """Frame by frame: y'ₜ = yₜ + w (y'ₜ₋₁ − yₜ), with w = strength · exp(−(dₜ / NOISE)²).

    dₜ is the local root mean square of xₜ − x'ₜ₋₁, where x' is the film averaged with the same weights: the film is
    compared with what it was when y'ₜ₋₁ was made, and a slow fade can't lag behind.
    """

    def __init__(self, strength: float) -> None:
        if not 0 <= strength < 1:
            raise UserError(
                f"smooth {strength} is not in [0, 1): 0.8 is a good beginning, 0 leaves frames as they are."
            )
        self.strength = strength
        self._before: tuple[Tensor, Tensor] | None = None

    def __call__(self, frame: NDArray[np.uint8], made: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) of the film and of its translation → the steadied translation."""
        if not self.strength:
            return made
        x, y = _planes(frame), _planes(made)
        if self._before is not None:
            old_x, old_y = self._before
            change = (x - old_x).square().mean(1, keepdim=True)
            if change.mean().sqrt() < CUT:
                local = F.avg_pool2d(F.pad(change, (2, 2, 2, 2), mode="replicate"), 5, 1)
                weight = self.strength * torch.exp(-local / NOISE**2)
                x, y = x + weight * (old_x - x), y + weight * (old_y - y)
        self._before = x, y
        return y[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()


def _planes(frame: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].float()
