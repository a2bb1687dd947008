"""Losses of style transfer, on the maps of a frozen network (Gatys, Ecker, Bethge, CVPR 2016, section 2).

Each is relative to the energy of what is aimed at, so that one weight means the same at every layer of every network.
The paper's own normalisation, by numbers of channels and places, leaves that to the weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

GREY_VALUE = 2 / 255


def gram(maps: Tensor) -> Tensor:
    """(N, C, H, W) → (N, C, C): how often features come together, wherever (eq. 3), a mean over the places."""
    flat = maps.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def content_loss(maps: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """‖F − P‖² / ‖P‖², the mean over layers (eq. 1): a scalar."""
    return _relative(maps, wanted)


def style_loss(grams: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """‖G − A‖² / ‖A‖², the mean over layers (eq. 4 and 5): a scalar. `wanted` may be (1, C, C) for all pictures."""
    return _relative(grams, wanted)


def total_variation(x: Tensor) -> Tensor:
    """Mean |difference| of neighbours in (N, C, H, W), along both axes (Johnson et al. 2016, section 3.2): a scalar."""
    return (x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()


def diversity_loss(drawn: Tensor) -> Tensor:
    """−ln of how far each of (K, N, C, H, W), K draws of each of N pictures, is from the nearest other draw of the same
    picture (root mean square), the mean: a scalar. Up to a constant the negative of an estimate of the draws' entropy
    (Kozachenko and Leonenko 1987; Ulyanov et al. 2017, arXiv:1701.02096, section 3).

    Within a grey value of each other, draws look the same, and are pushed apart no further.
    """
    apart = (drawn.float()[:, None] - drawn.float()).square().mean((3, 4, 5))  # (K, K, N)
    itself = torch.eye(len(drawn), device=drawn.device, dtype=torch.bool)[..., None]
    nearest = apart.masked_fill(itself, torch.inf).amin(1)
    return -(nearest + GREY_VALUE**2).log().mean() / 2


def _relative(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    shares = [
        ((f.float() - w.float()).square().flatten(1).sum(1) / w.float().square().flatten(1).sum(1).clamp(min=1e-12))
        for f, w in zip(found, wanted, strict=True)
    ]
    return torch.stack([share.mean() for share in shares]).mean()
