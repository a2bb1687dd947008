"""Losses that compare a picture with another of the same scene."""

from __future__ import annotations

from torch import Tensor


def l1(x: Tensor, y: Tensor) -> Tensor:
    """‖x − y‖₁ per element, in units of [-1, 1]: cycle consistency (eq. 2) and identity (section 5.2)."""
    return (x.float() - y.float()).abs().mean()


def outside(made: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """The L1 distance of a translation (N, C, H, W) to its source where nothing is to be translated: where a mask
    (N, 1, H, W) is 0. Where it is 1, any distance counts as none.
    """
    return ((1 - mask) * (made.float() - source.float())).abs().mean()
