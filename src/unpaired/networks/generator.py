"""What methods and translation may ask of any generator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.networks.layers import residual_output


class Generator(nn.Module):
    """(N, in, H, W) → (N, out, H, W), both in [-1, 1]."""

    multiple: int
    """H and W are multiples of it."""
    widths: list[int]
    """Channels of each stage of the encoder; stage 0 is the picture itself."""

    @abstractmethod
    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """What the encoder makes of (N, in, H, W) at the stages `wanted`; it stops after the last of them."""


class Backbone(Generator):
    """A generator that a configuration names by its `kind`. Others are put around one."""

    reads: ClassVar[tuple[str, ...]]
    """Which fields of `GeneratorConfig` it is built from."""

    @staticmethod
    @abstractmethod
    def multiple_of(config: GeneratorConfig) -> int:
        """The `multiple` of one with that configuration, known before it is built."""

    def __init__(self, inputs: int, outputs: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.multiple = self.multiple_of(config)
        self.residual = config.residual

    def painted(self, change: Tensor, x: Tensor) -> Tensor:
        """The picture in [-1, 1] that the last layer's numbers (N, out, H, W) stand for: by themselves, or as a change
        of the input `x`.
        """
        change = change.to(x.dtype)  # bfloat16 has too few steps near ±1
        return residual_output(change, x) if self.residual else change.tanh()
