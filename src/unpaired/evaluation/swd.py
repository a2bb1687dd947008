"""Sliced Wasserstein distance of patches on a Laplacian pyramid (Karras et al. 2018, section 5).

No trained network looks at the pictures, so no training against a network can flatter it. As in the paper,
patches are 7×7 in each level of the pyramid from the full size down to 16 px, each colour channel of each
collection is normalised to mean 0 and deviation 1 over its patches, and the distance between two clouds of
patches is the mean over random directions of the 1-D Wasserstein-1 distance, times 1000. Structure counts,
a uniform change of colour or contrast does not.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unpaired.errors import UserError
from unpaired.evaluation.pictures import Pictures, shape_of, stack

PATCH, SMALLEST = 7, 16
_BATCH = 32


def levels(height: int, width: int) -> list[int]:
    """Shorter sides of the pyramid's levels, from the full size down to at least 16 px."""
    side = min(height, width)
    found = [side]
    while height % 2 == 0 and width % 2 == 0 and side // 2 >= SMALLEST:
        height, width, side = height // 2, width // 2, side // 2
        found.append(side)
    return found


def swd(
    x: Pictures,
    y: Pictures,
    *,
    patches: int = 8192,
    directions: int = 128,
    seed: int = 0,
) -> dict[int, float]:
    """Distance × 1000 for each level, keyed by the level's side in px.

    `patches` of each collection, spread evenly over its pictures, are compared along `directions` (the
    paper's 16384 pictures × 128 patches and 512 directions change the third digit). One seed, one result.
    """
    if not len(x) or not len(y):
        raise UserError("The sliced Wasserstein distance needs at least one picture on each side.")
    a, b = shape_of(x), shape_of(y)
    if a != b:
        raise UserError(
            "The sliced Wasserstein distance compares pictures of one size, "
            f"not {a[1]}×{a[0]} px with {b[1]}×{b[0]} px."
        )
    if min(a[:2]) < PATCH:
        raise UserError(f"The sliced Wasserstein distance needs sides of at least {PATCH} px, not {a[:2]}.")
    rng = torch.Generator().manual_seed(seed)
    clouds_x, clouds_y = _clouds(x, patches, rng), _clouds(y, patches, rng)
    return {side: _sliced(p, q, directions, rng) for side, p, q in zip(levels(*a[:2]), clouds_x, clouds_y, strict=True)}


def _sliced(p: Tensor, q: Tensor, directions: int, rng: torch.Generator) -> float:
    """Mean |sorted projections' difference| × 1000 of two clouds (P, 147)."""
    axes = torch.randn(p.shape[1], directions, generator=rng)
    axes /= axes.norm(dim=0)
    # NumPy sorts with vector instructions, ten times as fast as torch on a CPU.
    x, y = (np.sort((axes.T @ cloud.T).numpy(), axis=1) for cloud in (p, q))
    return float(np.abs(x - y).mean()) * 1e3


def _clouds(pictures: Pictures, patches: int, rng: torch.Generator) -> list[Tensor]:
    """For each level `patches` normalised patches, (P, 3·7·7)."""
    count = len(pictures)
    of_picture = torch.arange(patches) * count // patches  # each picture gives patches/count, or one more
    collected: list[list[Tensor]] = [[] for _ in levels(*shape_of(pictures)[:2])]
    for start in range(0, count, _BATCH):
        chosen = of_picture[(of_picture >= start) & (of_picture < start + _BATCH)] - start
        pixels = torch.from_numpy(np.array(stack(pictures[start : start + _BATCH]))).permute(0, 3, 1, 2).float()
        for cloud, level in zip(collected, laplacian_pyramid(pixels), strict=True):
            cloud.append(_cut(level, chosen, rng))
    return [_normalise(torch.cat(cloud)) for cloud in collected]


def _cut(level: Tensor, chosen: Tensor, rng: torch.Generator) -> Tensor:
    """One patch at a random place of each chosen picture: (N, 3, H, W), (P,) → (P, 3, 7, 7)."""
    count = len(chosen)
    y, x = (torch.randint(0, s - PATCH + 1, (count, 1, 1, 1), generator=rng) for s in level.shape[-2:])
    span = torch.arange(PATCH)
    channel = torch.arange(3).view(1, 3, 1, 1)
    return level[chosen.view(-1, 1, 1, 1), channel, y + span.view(1, 1, -1, 1), x + span]


def _normalise(patches: Tensor) -> Tensor:
    deviation, mean = torch.std_mean(patches, dim=(0, 2, 3), keepdim=True, correction=0)
    # A channel without any structure stays 0 rather than becoming 0/0.
    return ((patches - mean) / deviation.clamp(min=1e-6)).flatten(1)


def laplacian_pyramid(pixels: Tensor) -> list[Tensor]:
    """(N, 3, H, W) → details lost by each halving, and last what is left (Burt and Adelson 1983)."""
    pyramid = [pixels]
    for _ in levels(*pixels.shape[-2:])[1:]:
        small = _smooth(pyramid[-1])[:, :, ::2, ::2]
        pyramid[-1] = pyramid[-1] - _enlarge(small)
        pyramid.append(small)
    return pyramid


def _enlarge(small: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, smoothed with four times the weight."""
    n, c, h, w = small.shape
    large = small.new_zeros(n, c, 2 * h, 2 * w)
    large[:, :, ::2, ::2] = small
    return 4 * _smooth(large)


def _smooth(x: Tensor) -> Tensor:
    """Binomial 5×5 filter, mirrored at the border."""
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    kernel = (kernel[:, None] * kernel).expand(x.shape[1], 1, 5, 5)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=x.shape[1])
