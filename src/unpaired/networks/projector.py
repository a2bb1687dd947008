"""Heads that map places of feature maps to vectors that can be compared (Park et al. 2020, CUT, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class PatchProjector(nn.Module):
    """A perceptron of two layers for each feature map; its vectors have length 1.

    Args:
        widths: channels of each map.
        dimension: of the vectors.
    """

    def __init__(self, widths: Sequence[int], dimension: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, dimension), nn.ReLU(), nn.Linear(dimension, dimension)) for width in widths
        )

    def forward(self, maps: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Maps (N, C, H, W) and for each the places, int64 (S,) in 0 … H·W − 1 → a (N, S, dimension) for each."""
        return [
            F.normalize(head(x.flatten(2).index_select(2, at).transpose(1, 2)).float(), dim=-1)
            for head, x, at in zip(self.heads, maps, places, strict=True)
        ]
