"""The generator of the paper (section 4 and appendix 7.2; after Johnson et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.networks.generator import Backbone
from unpaired.networks.layers import conv, downsampling, dropout, norm_layer, upsampling


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), both convolutions 3×3."""

    def __init__(self, channels: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(channels, channels, 3, padding=config.padding, norm=config.norm),
            norm_layer(config.norm, channels),
            nn.ReLU(inplace=True),
            *dropout(config),
            conv(channels, channels, 3, padding=config.padding, norm=config.norm),
            norm_layer(config.norm, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class ResNetGenerator(Backbone):
    """c7s1-w, d2w, d4w, R4w × blocks, u2w, uw, c7s1-out: (N, in, H, W) → (N, out, H, W), both in [-1, 1].

    H and W are multiples of 4.
    """

    reads = ("width", "blocks", "kernel", "norm", "dropout", "noise", "downsample", "upsample", "padding",
             "scaling_padding", "residual")  # fmt: skip

    @staticmethod
    def multiple_of(config: GeneratorConfig) -> int:
        return 4

    def __init__(self, inputs: int, outputs: int, config: GeneratorConfig) -> None:
        super().__init__(inputs, outputs, config)
        w, norm = config.width, config.norm
        self.encoder = nn.Sequential(
            conv(inputs, w, config.kernel, padding=config.padding, norm=norm), norm_layer(norm, w),
            nn.ReLU(inplace=True),
            *downsampling(w, 2 * w, config), *downsampling(2 * w, 4 * w, config),
        )  # fmt: skip
        self.widths = [inputs, 2 * w, 4 * w, *[4 * w] * config.blocks]
        self.blocks = nn.Sequential(*(ResidualBlock(4 * w, config) for _ in range(config.blocks)))
        self.decoder = nn.Sequential(
            upsampling(4 * w, 2 * w, config), norm_layer(norm, 2 * w), nn.ReLU(inplace=True),
            upsampling(2 * w, w, config), norm_layer(norm, w), nn.ReLU(inplace=True),
            conv(w, outputs, config.kernel, padding=config.padding, norm="none"),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.finished(self.blocks(self.encoder(x)), x)

    def finished(self, h: Tensor, x: Tensor) -> Tensor:
        """The picture that the decoder makes of what the blocks made of `x`."""
        return self.painted(self.decoder(h), x)

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """Stage 0 is the picture, 1 and 2 are the convolutions that halve it, 2 + k is the k-th residual block."""
        convolutions = [i for i, layer in enumerate(self.encoder) if isinstance(layer, nn.Conv2d)]
        last_of = {*convolutions[1:], *range(len(self.encoder), len(self.encoder) + len(self.blocks))}
        found = [x]
        for index, layer in enumerate((*self.encoder, *self.blocks)):
            if len(found) > max(wanted):
                break
            x = layer(x)
            if index in last_of:
                found.append(x)
        return [found[i] for i in wanted]
