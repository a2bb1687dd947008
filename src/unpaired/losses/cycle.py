"""Losses that compare a picture with another of the same scene."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def l1(x: Tensor, y: Tensor) -> Tensor:
    """‖x − y‖₁ per element, in units of [-1, 1]: cycle consistency (eq. 2) and identity (section 5.2)."""
    return (x.float() - y.float()).abs().mean()


def outside(made: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """The L1 distance of a translation (N, C, H, W) to its source where nothing is to be translated: where a mask
    (N, 1, H, W) is 0. Where it is 1, any distance counts as none.
    """
    return ((1 - mask) * (made.float() - source.float())).abs().mean()


def coarse(x: Tensor, factor: int) -> Tensor:
    """(N, C, H, W) → (N, C, H / factor, W / factor), each px the mean of factor × factor."""
    return F.avg_pool2d(x.float(), factor) if factor > 1 else x
