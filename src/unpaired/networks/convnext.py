"""A U-Net of ConvNeXt blocks with attention at its lowest resolution.

Blocks: Liu et al. 2022, "A ConvNet for the 2020s" (arXiv:2201.03545), section 2. Attention where it is cheap and sees
the whole picture: as UVCGAN (Torbunov et al. 2023) puts a transformer at the bottom of a U-Net. No positions are
encoded: the depthwise convolutions of the blocks tell them, so that any size can be translated.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.networks.generator import Backbone
from unpaired.networks.layers import dropout, norm_layer
from unpaired.networks.precision import Conv2d

HEAD = 32
"""Channels of an attention head, at most."""
PAIRS = 1 << 22
"""Of places, that attention looks at together, for each head."""


class Block(nn.Module):
    """x + γ · W₂ gelu(W₁ norm(depthwise 7×7 (x))), the inner width twice the outer."""

    def __init__(self, channels: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            norm_layer(config.norm, channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.GELU(),
            *dropout(config),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Attention(nn.Module):
    """x + W softmax(q kᵀ / √d) v over all places of (N, C, H, W), then a `Block`.

    Queries and keys have length 1 before a learnt scale (Henry et al. 2020), so that logits can't grow.
    """

    def __init__(self, channels: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.heads = max(h for h in range(1, max(1, channels // HEAD) + 1) if channels % h == 0)
        self.norm = norm_layer(config.norm, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        self.scale = nn.Parameter(torch.full((self.heads, 1, 1), 10.0))
        self.block = Block(channels, config)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x)).view(n, 3, self.heads, c // self.heads, h * w).transpose(3, 4).unbind(1)
        q = F.normalize(q, dim=-1) * self.scale.to(q.dtype)
        k, v = F.normalize(k, dim=-1).to(q.dtype), v.to(q.dtype)
        # Of a large picture, some queries at a time: not every kernel avoids holding all pairs of places.
        parts = [q] if torch.compiler.is_compiling() else q.split(max(1, PAIRS // (h * w)), 2)
        mixed = torch.cat([F.scaled_dot_product_attention(part, k, v, scale=1.0) for part in parts], 2)
        return self.block(x + self.out(mixed.transpose(2, 3).reshape(n, c, h, w)))


class ConvNeXtGenerator(Backbone):
    """Three halvings, `blocks` attention blocks, three doublings with skips.

    Full resolution has `width` channels and no blocks, where they would cost most; half and quarter have two each.
    """

    reads = ("width", "blocks", "kernel", "norm", "dropout", "noise", "padding", "residual")

    @staticmethod
    def multiple_of(config: GeneratorConfig) -> int:
        return 16  # of a lowest map of 1×1, instance norm would leave nothing

    def __init__(self, inputs: int, outputs: int, config: GeneratorConfig) -> None:
        super().__init__(inputs, outputs, config)
        w = config.width
        widths = [w, 2 * w, 4 * w, 4 * w]
        self.widths = [inputs, *widths, *[4 * w] * config.blocks]
        self.down = nn.ModuleList([_conv(inputs, w, config)])
        self.up = nn.ModuleList()
        for level in range(3):
            above, below = widths[level], widths[level + 1]
            # The innermost map belongs to the attention blocks.
            blocks = [Block(below, config) for _ in range(2 if level < 2 else 0)]
            self.down.append(nn.Sequential(norm_layer(config.norm, above), nn.Conv2d(above, below, 2, 2), *blocks))
            blocks = [Block(above, config) for _ in range(2 if level else 0)]
            self.up.append(nn.Sequential(nn.Conv2d(above + below, above, 1), *blocks))
        self.inner = nn.ModuleList(Attention(4 * w, config) for _ in range(config.blocks))
        self.last = nn.Sequential(norm_layer(config.norm, w), nn.GELU(), _conv(w, outputs, config))

    def forward(self, x: Tensor) -> Tensor:
        *skips, h = self.stages(x, range(1, len(self.down) + 1))
        for block in self.inner:
            h = block(h)
        for level in reversed(range(3)):
            larger = F.interpolate(h, scale_factor=2.0, mode="bilinear", align_corners=False)
            h = self.up[level](torch.cat([skips[level], larger], dim=1))
        return self.painted(self.last(h), x)

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """Stage 0 is the picture, 1 its first convolution, 2 to 4 the halvings, 4 + k the k-th attention block."""
        found = [x]
        for layer in (*self.down, *self.inner)[: max(wanted)]:
            found.append(layer(found[-1]))
        return [found[i] for i in wanted]


def _conv(inputs: int, outputs: int, config: GeneratorConfig) -> nn.Conv2d:
    return Conv2d(inputs, outputs, config.kernel, padding=config.kernel // 2, padding_mode=config.padding)
