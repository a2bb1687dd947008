"""Generators learn what pictures look like before they learn to translate: they fill in what is masked (Torbunov et al.
2023, UVCGAN, arXiv:2203.02557, section 3.3). The same for every method.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from unpaired.losses.cycle import l1
from unpaired.methods.base import Method
from unpaired.methods.step import Step

PATCHES = 8
"""Masked squares along each side of a picture."""


def warm_up_step(method: Method, real_a: Tensor, real_b: Tensor, mask: float) -> Iterator[Step]:
    """The loss of each generator that translates: the L1 distance of what it makes of a masked picture of the domain
    that it will translate from, to the whole one. `mask` is the share that is masked; at 0 it learns to change nothing.
    """
    for direction, name in method.translators.items():
        whole = real_a if direction == "a2b" else real_b
        term = l1(method.networks()[name](masked(whole, mask)), whole)
        yield Step(term, {f"warm_up_{direction}": term})


def masked(x: Tensor, share: float) -> Tensor:
    """(N, C, H, W) with a random `share` of 8 × 8 squares grey (0), other ones in each picture."""
    kept = torch.rand(len(x), 1, PATCHES, PATCHES, device=x.device) >= share
    return x * F.interpolate(kept.to(x.dtype), x.shape[-2:], mode="nearest")
