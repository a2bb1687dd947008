"""Entropy by a network that tells what belongs together (Kim et al. 2024, UNSB, section 4.2; Belghazi et al. 2018)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def entropy(own: Tensor, other: Tensor) -> Tensor:
    """The entropy of pictures as their mutual information with themselves: mean of `own` − log mean exp of `other`.

    `own` are a network's logits for each picture beside itself, `other` beside another one, of any shape: a scalar, and
    a lower bound (Donsker and Varadhan) up to a constant.
    """
    return own.float().mean() - _log_mean_exp(other)


def energy_loss(own: Tensor, other: Tensor) -> Tensor:
    """What the network minimises: the negative bound, and the square of the second part, which keeps logits small."""
    return -entropy(own, other) + _log_mean_exp(other).square()


def _log_mean_exp(logits: Tensor) -> Tensor:
    return torch.logsumexp(logits.float().flatten(), dim=0) - math.log(logits.numel())
