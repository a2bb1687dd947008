"""Losses that compare a picture with another of the same scene."""

from __future__ import annotations

from torch import Tensor


def l1(x: Tensor, y: Tensor) -> Tensor:
    """‖x − y‖₁ per element, in units of [-1, 1]: cycle consistency (eq. 2) and identity (section 5.2)."""
    return (x.float() - y.float()).abs().mean()
