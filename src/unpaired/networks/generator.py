"""What methods and translation may ask of any generator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn


class Generator(nn.Module):
    """(N, in, H, W) → (N, out, H, W), both in [-1, 1]."""

    multiple: int
    """H and W are multiples of it."""
    widths: list[int]
    """Channels of each stage of the encoder; stage 0 is the picture itself."""

    @abstractmethod
    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """What the encoder makes of (N, in, H, W) at the stages `wanted`; it stops after the last of them."""
