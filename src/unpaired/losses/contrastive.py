"""Contrast between the places of a picture and of its translation (Park et al. 2020, CUT)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from unpaired.networks.precision import exactly


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """−log softmax of each query against its own key, the other keys of its picture being the negatives (eq. 1 and 3).

    Both are (N, S, D) of length 1; a scalar, the mean over N·S. Keys are taken as they are: gradients would let them
    come to the queries, where the queries are to come to them.
    """
    with exactly(queries.device):  # similarities / τ need more than bfloat16's 8 bits
        logits = queries.float() @ keys.detach().float().transpose(1, 2) / temperature
    own = torch.arange(logits.shape[1], device=logits.device).expand(logits.shape[:2])
    return F.cross_entropy(logits.flatten(0, 1), own.flatten())
