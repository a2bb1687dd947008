"""The U-Net generator (Isola et al. 2017, pix2pix, section 6.1.1 of the appendix)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.networks.generator import Backbone
from unpaired.networks.layers import dropout, norm_layer, upsampling


class UNetGenerator(Backbone):
    """`depth` halvings, `depth` doublings, and a skip at every size: (N, in, H, W) → (N, out, H, W) in [-1, 1].

    H and W are multiples of 2^depth.
    """

    reads = ("width", "depth", "norm", "dropout", "noise", "upsample", "padding", "scaling_padding", "residual")

    @staticmethod
    def multiple_of(config: GeneratorConfig) -> int:
        return 2**config.depth

    def __init__(self, inputs: int, outputs: int, config: GeneratorConfig) -> None:
        super().__init__(inputs, outputs, config)
        bias = config.norm in ("instance", "none")
        widths = [config.width * min(8, 2**level) for level in range(config.depth)]
        self.widths = [inputs, *widths]
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for level, width in enumerate(widths):
            outer, inner = level == 0, level == config.depth - 1
            before = inputs if outer else widths[level - 1]
            # Neither the outermost nor the innermost halving is normalised: the innermost may be 1×1,
            # where instance norm leaves nothing.
            down.append(
                nn.Sequential(
                    *([] if outer else [nn.LeakyReLU(0.2)]),
                    nn.Conv2d(before, width, 4, stride=2, padding=1, bias=bias or outer or inner),
                    *([] if outer or inner else [norm_layer(config.norm, width)]),
                )
            )
            above = outputs if outer else before
            entering = width if inner else 2 * width
            doubling: nn.Module
            if config.upsample != "transposed":
                doubling = upsampling(entering, above, config)
            else:
                doubling = nn.ConvTranspose2d(entering, above, 4, stride=2, padding=1, bias=bias or outer)
            # pix2pix puts dropout into the three inner levels at 8w channels that are not the innermost.
            drops = not (outer or inner) and width == before == 8 * config.width
            up.append(
                nn.Sequential(
                    nn.ReLU(),
                    doubling,
                    *([] if outer else [norm_layer(config.norm, above)]),
                    *(dropout(config) if drops else []),
                )
            )
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        h = x
        for halve in self.down:
            h = halve(h)
            skips.append(h)
        for level in reversed(range(len(self.up))):
            h = self.up[level](h)
            if level > 0:
                h = torch.cat([skips[level - 1], h], dim=1)
        return self.painted(h, x)

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """Stage 0 is the picture, k its k-th halving."""
        found = [x]
        for halve in self.down[: max(wanted)]:
            found.append(halve(found[-1]))
        return [found[i] for i in wanted]
