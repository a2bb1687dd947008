"""Discriminators that judge patches and pixels (section 4; Isola et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import Tensor, nn

from unpaired.config import DiscriminatorConfig
from unpaired.networks.layers import Blur, norm_layer


def _spectral(layer: nn.Conv2d, config: DiscriminatorConfig) -> nn.Module:
    return nn.utils.parametrizations.spectral_norm(layer) if config.spectral else layer


class PatchDiscriminator(nn.Module):
    """C64-C128-C256-C512 and a last 1-channel convolution: (N, C, H, W) → [(N, 1, h, w)] logits.

    With `layers` = 3 each logit sees 70×70 pixels.
    """

    reads = ("width", "layers", "downsample", "norm", "spectral")

    def __init__(self, channels: int, config: DiscriminatorConfig) -> None:
        super().__init__()
        norm = "none" if config.spectral else config.norm
        bias = norm in ("instance", "none")
        widths = [config.width * min(8, 2**level) for level in range(config.layers + 1)]
        blur = [Blur()] if config.downsample == "blur" else []
        halving = 1 if blur else 2
        layers: list[nn.Module] = [
            _spectral(nn.Conv2d(channels, widths[0], 4, stride=halving, padding=1), config),
            nn.LeakyReLU(0.2, inplace=True),
            *blur,
        ]
        for level in range(1, config.layers + 1):
            stride = halving if level < config.layers else 1
            layers += [
                _spectral(
                    nn.Conv2d(widths[level - 1], widths[level], 4, stride=stride, padding=1, bias=bias),
                    config,
                ),
                norm_layer(norm, widths[level]),
                nn.LeakyReLU(0.2, inplace=True),
                *(blur if level < config.layers else []),
            ]
        layers.append(_spectral(nn.Conv2d(widths[-1], 1, 4, padding=1), config))
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.body(x)]

    def features(self, x: Tensor) -> list[Tensor]:
        """What the logits are read from."""
        return [self.body[:-1](x)]


class MultiScaleDiscriminator(nn.Module):
    """PatchGANs that see the picture at full, half, quarter … resolution (Wang et al. 2018, pix2pixHD, section 3.2):
    (N, C, H, W) → [(N, 1, h, w), …] logits, one for each scale.
    """

    reads = (*PatchDiscriminator.reads, "scales")

    def __init__(self, channels: int, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(channels, config) for _ in range(config.scales))
        self.halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [logits for scale, view in self._views(x) for logits in scale(view)]

    def features(self, x: Tensor) -> list[Tensor]:
        """What the logits are read from."""
        return [maps for scale, view in self._views(x) for maps in scale.features(view)]

    def _views(self, x: Tensor) -> Iterator[tuple[PatchDiscriminator, Tensor]]:
        """Each PatchGAN, and the picture as it sees it."""
        for index, scale in enumerate(self.scales):
            x = self.halve(x) if index else x
            yield cast(PatchDiscriminator, scale), x


class PixelDiscriminator(nn.Module):
    """1×1 convolutions only, so that colour alone is judged: (N, C, H, W) → [(N, 1, H, W)] logits."""

    reads = ("width", "norm")

    def __init__(self, channels: int, config: DiscriminatorConfig) -> None:
        super().__init__()
        w = config.width
        self.body = nn.Sequential(
            nn.Conv2d(channels, w, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(w, 2 * w, 1, bias=config.norm in ("instance", "none")),
            norm_layer(config.norm, 2 * w),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * w, 1, 1),
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.body(x)]

    def features(self, x: Tensor) -> list[Tensor]:
        """What the logits are read from."""
        return [self.body[:-1](x)]
