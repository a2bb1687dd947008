"""Losses that compare what two pictures show, not their colours: light, edges, textures in the same places.

Each takes a picture and its translation, (N, C, H, W) of any channels, and gives a scalar from 0 to 1: 0 for equal
pictures, and for y = g·x + c with any g ≠ 0, so a negative is as good as the picture. They look at the luminance,
brought to mean 0 and variance 1: their constants are in these units. They are symmetric, so what a translation makes up
costs as much as what it loses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from unpaired.data.tensors import luminance

FAINT = 1e-6
"""Variance, of pictures in [-1, 1], below which a picture counts as plain."""
MIND_REACH = 2
"""Px to the farthest neighbours, in each direction, that a place is compared with."""
MIND_QUIET = 1e-3
"""Share of the mean variance that a place has at least."""
LNCC_WINDOW = 9
"""Side in px."""
LNCC_QUIET = 1e-4
"""Variance of a window below which nothing is seen in it."""
NGF_EDGE = 0.1
"""η: slope in a px below which there is no edge."""


def mind(x: Tensor, y: Tensor) -> Tensor:
    """Mean distance |MIND(x) − MIND(y)| of the modality independent neighbourhood descriptors (Heinrich et al. 2012,
    Medical Image Analysis 16, eq. 4), as Yang et al. 2018 ("Unpaired brain MR-to-CT synthesis using a
    structure-constrained CycleGAN", arXiv:1809.04536) train with.
    """
    return (_descriptors(_standardised(x)) - _descriptors(_standardised(y))).abs().mean()


def lncc(x: Tensor, y: Tensor) -> Tensor:
    """1 − r², r being the correlation of luminance inside windows of 9 px (local normalised cross-correlation, as
    registration uses it, Avants et al. 2008), weighted by the structure that either picture has there.
    """
    a, b = _standardised(x), _standardised(y)
    mean_a, mean_b = _windows(a), _windows(b)
    var_a, var_b = (_windows(a * a) - mean_a**2).clamp(min=0), (_windows(b * b) - mean_b**2).clamp(min=0)
    covariance = _windows(a * b) - mean_a * mean_b
    agreement = covariance**2 / (var_a * var_b).clamp(min=LNCC_QUIET**2)
    weights = var_a + var_b
    return (weights * (1 - agreement).clamp(min=0)).sum() / weights.sum().clamp(min=FAINT)


def ngf(x: Tensor, y: Tensor) -> Tensor:
    """1 − cos² of the angle between the slopes of both (normalised gradient fields, Haber and Modersitzki 2006,
    MICCAI), the mean over all places; η² on both sides of the fraction makes two flat places agree (König and Rühaak
    2014, ISBI).
    """
    a, b = _slopes(_standardised(x)), _slopes(_standardised(y))
    size_a, size_b = ((s * s).sum(1) + NGF_EDGE**2 for s in (a, b))
    along = (a * b).sum(1).abs() + NGF_EDGE**2
    return (1 - along**2 / (size_a * size_b)).mean()


def inversion(x: Tensor, y: Tensor) -> Tensor:
    """How far light and dark are swapped: −r of the luminance of each picture and its translation at 8×8 px, 0 where r
    is above 0; the mean over the pictures. (No paper's.)

    The hinge leaves a translation free to be darker or lighter where it should: 1 − r, tried as well, brings a swapped
    start back in as many steps, but then holds r at 0.98.
    """
    a, b = (_standardised(F.adaptive_avg_pool2d(grey_of(z), 8)) for z in (x, y))
    return F.relu(-(a * b).mean((1, 2, 3))).mean()


STRUCTURE: dict[Literal["mind", "lncc", "ngf"], Callable[[Tensor, Tensor], Tensor]] = {
    "mind": mind, "lncc": lncc, "ngf": ngf,
}  # fmt: skip


def grey_of(x: Tensor) -> Tensor:
    """(N, 3, H, W) → (N, 1, H, W); of other numbers of channels their mean. At least float32."""
    x = x if x.dtype == torch.float64 else x.float()
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    return luminance(x)


def _standardised(x: Tensor) -> Tensor:
    """(N, C, H, W) → (N, 1, H, W): luminance with mean 0 and variance 1; a plain picture becomes 0."""
    grey = grey_of(x)
    grey = grey - grey.mean((2, 3), keepdim=True)
    return grey / (grey.square().mean((2, 3), keepdim=True) + FAINT).sqrt()


def _descriptors(grey: Tensor) -> Tensor:
    """(N, 1, H, W) → (N, R, H, W) in (0, 1]: how alike the patch around a place is to that around each of its R
    neighbours, beside how alike it is to those next to it; 1 is the likest.
    """
    r = MIND_REACH
    height, width = grey.shape[2:]
    padded = F.pad(grey, (r, r, r, r), mode="replicate")
    near = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    others = [(i, j) for i in range(-r, r + 1) for j in range(-r, r + 1) if (i, j) not in [(0, 0), *near]]
    shifted = torch.cat([padded[:, :, r + i : r + i + height, r + j : r + j + width] for i, j in near + others], dim=1)
    distances = _patches((grey - shifted).square())
    variance = distances[:, : len(near)].mean(1, keepdim=True)
    least = MIND_QUIET * variance.mean((2, 3), keepdim=True) + FAINT
    likeness = torch.exp(-distances / torch.maximum(variance, least))
    return likeness / likeness.amax(1, keepdim=True)


def _patches(x: Tensor) -> Tensor:
    """Sums over the 3×3 px around each place, with binomial weights: a Gaussian of σ 0.7. Sums of slices, since torch
    convolves many channels apart from each other slowly.
    """
    rows = F.pad(x, (1, 1, 1, 1), mode="replicate")
    rows = (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4
    return (rows[..., :-2, :] + 2 * rows[..., 1:-1, :] + rows[..., 2:, :]) / 4


def _windows(x: Tensor) -> Tensor:
    """Means of all windows that lie inside the picture."""
    side = min(LNCC_WINDOW, *x.shape[2:])
    return F.avg_pool2d(x, side, stride=1)


def _slopes(grey: Tensor) -> Tensor:
    """(N, 1, H, W) → (N, 2, H, W), by Sobel's filters."""
    smooth, step = grey.new_tensor([1.0, 2.0, 1.0]) / 4, grey.new_tensor([-1.0, 0.0, 1.0]) / 2
    kernels = torch.stack([smooth[:, None] * step, step[:, None] * smooth])[:, None]
    return F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
