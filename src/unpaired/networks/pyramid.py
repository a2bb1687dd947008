"""The texture network (Ulyanov, Lebedev, Vedaldi, Lempitsky, "Texture networks: feed-forward synthesis of textures and
stylized images", ICML 2016, arXiv:1603.03417, section 3).

The picture enters at several scales, noise beside it at each. From the smallest scale to the largest, what was made is
doubled, joined with what enters there, and convolved. Instance norm in place of batch norm is Ulyanov et al. 2017
(arXiv:1701.02096, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.networks.generator import Backbone
from unpaired.networks.layers import conv, dropout, norm_layer
from unpaired.networks.noise import NoiseBeside

NOISE = 3
"""Channels of noise at each scale, as many as a colour picture has."""


def _block(inputs: int, outputs: int, config: GeneratorConfig) -> list[nn.Module]:
    """Convolutions 3×3, 3×3 and 1×1, each normalised and rectified."""
    layers: list[nn.Module] = []
    for before, kernel in ((inputs, 3), (outputs, 3), (outputs, 1)):
        padding = config.padding if kernel > 1 else "zeros"  # of none
        layers += [conv(before, outputs, kernel, padding=padding, norm=config.norm),
                   norm_layer(config.norm, outputs), nn.ReLU(inplace=True)]  # fmt: skip
    return layers


class PyramidGenerator(Backbone):
    """`depth` + 1 scales, each of which adds `width` channels: (N, in, H, W) → (N, out, H, W), both in [-1, 1].

    H and W are multiples of 2^(depth + 1).
    """

    reads = ("width", "depth", "norm", "dropout", "noise", "padding", "residual")

    @staticmethod
    def multiple_of(config: GeneratorConfig) -> int:
        return 2 ** (config.depth + 1)  # of a lowest map of 1×1, instance norm would leave nothing

    def __init__(self, inputs: int, outputs: int, config: GeneratorConfig) -> None:
        super().__init__(inputs, outputs, config)
        w, scales = config.width, config.depth + 1
        self.widths = [inputs, *[w] * scales]
        self.shrink, self.enlarge = nn.AvgPool2d(2), nn.Upsample(scale_factor=2)
        # What is joined is normalised first, or one scale would drown the other.
        self.enter = nn.ModuleList(
            nn.Sequential(NoiseBeside(NOISE, seed=scale * NOISE), *_block(inputs + NOISE, w, config),
                          norm_layer(config.norm, w))
            for scale in range(scales)
        )  # fmt: skip
        self.mix = nn.ModuleList()
        for scale in range(scales - 1):
            joined = w * (scales - scale)
            joins = [norm_layer(config.norm, joined)] if scale else []
            self.mix.append(nn.Sequential(*_block(joined, joined, config), *dropout(config), *joins))
        self.last = conv(w * scales, outputs, 1, padding="zeros", norm="none")

    def forward(self, x: Tensor) -> Tensor:
        *larger, h = self.stages(x, range(1, len(self.enter) + 1))
        for scale in reversed(range(len(larger))):
            h = self.mix[scale](torch.cat([self.enlarge(h), larger[scale]], dim=1))
        return self.painted(self.last(h), x)

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """Stage 0 is the picture, 1 + k what enters at the scale that was halved k times."""
        found, smaller = [x], x
        for scale, enter in zip(range(max(wanted)), self.enter, strict=False):
            smaller = self.shrink(smaller) if scale else smaller
            found.append(enter(smaller))
        return [found[i] for i in wanted]
