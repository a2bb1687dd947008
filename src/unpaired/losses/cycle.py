"""Losses that compare a picture with another of the same scene."""

from __future__ import annotations

import torch
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


def quantised(x: Tensor, bits: int) -> Tensor:
    """[-1, 1] rounded to 2^bits evenly spaced values, the ends among them; gradients pass as if it were not
    (straight-through, Bengio et al. 2013, arXiv:1308.3432).
    """
    half = (2**bits - 1) / 2
    with torch.no_grad():
        error = ((x.clamp(-1, 1) + 1) * half).round() / half - 1 - x
    return x + error
