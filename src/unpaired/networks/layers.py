"""The few layers that every network here is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from unpaired.config import GeneratorConfig, Norm, Padding
from unpaired.networks.instance import InstanceNorm2d
from unpaired.networks.noise import Noise
from unpaired.networks.precision import Conv2d, padded
from unpaired.networks.winograd import WinogradConv2d


def norm_layer(kind: Norm, channels: int) -> nn.Module:
    """Normalise (N, C, H, W); instance norm keeps no running statistics, and learns nothing, as in the paper, unless it
    is `instance-affine`.
    """
    layers: dict[Norm, Callable[[], nn.Module]] = {
        "instance": lambda: InstanceNorm2d(channels),
        "instance-affine": lambda: InstanceNorm2d(channels, affine=True),
        "batch": lambda: nn.BatchNorm2d(channels),
        "group": lambda: nn.GroupNorm(_groups(channels), channels),
        "none": nn.Identity,
    }
    return layers[kind]()


def _groups(channels: int) -> int:
    """The largest number of equal groups of 16 channels or more."""
    return max(g for g in range(1, max(1, channels // 16) + 1) if channels % g == 0)


def conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: Padding = "reflect", norm: Norm
) -> nn.Conv2d:
    """Convolution that keeps H and W at stride 1; without a bias where batch or group norm brings one."""
    bias = norm in ("instance", "none")
    if kernel == 3 and stride == 1:
        return WinogradConv2d(inputs, outputs, bias=bias, padding_mode=padding)
    return Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, padding_mode=padding, bias=bias)


def dropout(config: GeneratorConfig) -> list[nn.Module]:
    """The layer that a configuration asks for: one or none."""
    if not config.dropout:
        return []
    return [Noise(config.dropout) if config.noise else nn.Dropout(config.dropout)]


class Blur(nn.Module):
    """Halve (N, C, H, W) without aliases: binomial weights 1 2 1 along each axis, then every second place (Zhang 2019,
    "Making convolutional networks shift-invariant again").
    """

    def forward(self, x: Tensor) -> Tensor:
        line = x.new_tensor([0.25, 0.5, 0.25])
        weight = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(padded(x, 1, "reflect"), weight, stride=2, groups=x.shape[1])


def downsampling(inputs: int, outputs: int, config: GeneratorConfig) -> list[nn.Module]:
    """(N, inputs, H, W) → (N, outputs, H/2, W/2), normalised and rectified; its convolution comes first."""
    strided = config.downsample == "strided"
    layers = [
        conv(inputs, outputs, 3, stride=2 if strided else 1, norm=config.norm,
             padding=_scaling_padding(config, "zeros" if strided else config.padding)),
        norm_layer(config.norm, outputs),
        nn.ReLU(inplace=True),
    ]  # fmt: skip
    return layers if strided else [*layers, Blur()]


def _scaling_padding(config: GeneratorConfig, auto: Padding) -> Padding:
    return auto if config.scaling_padding == "auto" else config.scaling_padding


class ResizeConv(nn.Conv2d):
    """Nearest-neighbour doubling and a 3×3 convolution: upsampling without a checkerboard (Odena et al. 2016).

    (N, C, H, W) → (N, K, 2H, 2W). Of the 3×3 pixels under the kernel in the doubled picture only 2×2 differ, so each
    of the four output phases is a 2×2 convolution of the small picture: the same result in 4/9 of the arithmetic.
    """

    def __init__(self, inputs: int, outputs: int, *, padding: Padding, bias: bool) -> None:
        super().__init__(inputs, outputs, 3, bias=bias)
        # Reflecting the doubled picture repeats the border pixel of the small one.
        self.border: Literal["replicate", "constant"] = "replicate" if padding == "reflect" else "constant"

    def forward(self, input: Tensor) -> Tensor:
        n, _, h, w = input.shape
        k = self.out_channels
        # Rows (and columns) of the kernel that fall on the same small pixel add up: phase 0 sees it as [0 | 1+2],
        # phase 1 as [0+1 | 2].
        rows = self.weight.new_tensor([[[1.0, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])
        weight = torch.einsum("prx,qsy,kcxy->pqkcrs", rows, rows, self.weight).reshape(4 * k, -1, 2, 2)
        bias = None if self.bias is None else self.bias.repeat(4)
        windows = F.conv2d(padded(input, 1, self.border), weight, bias).view(n, 2, 2, k, h + 1, w + 1)
        # Phase p of row i looks at small rows i-1+p and i+p, which is window i+p.
        phases = [torch.stack([windows[:, p, q, :, p : p + h, q : q + w] for q in (0, 1)], dim=-1) for p in (0, 1)]
        return torch.stack(phases, dim=3).view(n, k, 2 * h, 2 * w)


def upsampling(inputs: int, outputs: int, config: GeneratorConfig) -> nn.Module:
    """(N, inputs, H, W) → (N, outputs, 2H, 2W), not yet normalised."""
    bias = config.norm in ("instance", "none")
    padding = _scaling_padding(config, config.padding)
    if config.upsample == "resize":
        return ResizeConv(inputs, outputs, padding=padding, bias=bias)
    if config.upsample == "blur":
        # Bilinear doubling is Zhang's filter 1 3 3 1.
        smooth = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        return nn.Sequential(smooth, conv(inputs, outputs, 3, padding=padding, norm=config.norm))
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=bias)


EDGE = 0.98
"""By what a residual generator shrinks a picture, so that atanh stays finite."""


def residual_output(change: Tensor, x: Tensor) -> Tensor:
    """tanh(change + atanh(x)): `x` where nothing is to be changed, any colour where something is.

    `x` in [-1, 1] is shrunk before and the result enlarged after, so that atanh stays finite, its slope passes
    gradients, and no change leaves white white; results lie in ±1/0.98. So do the fakes that come back through the
    cycle: without the clamp a saturated one would be atanh(1), which is infinite.
    """
    return torch.tanh(change + torch.atanh(EDGE * x.clamp(-1, 1))) / EDGE


def initialise(network: nn.Module, gain: float, kind: Literal["normal", "xavier"] = "normal") -> None:
    """Weights from N(0, gain²), or `xavier`, biases 0; norm scales from N(1, gain²) (section 7.2 of the paper's
    appendix).
    """
    for module in network.modules():
        frozen = not any(p.requires_grad for p in module.parameters(recurse=False))
        if frozen or parametrize.is_parametrized(module):
            continue  # fixed random features; and spectral norm, which undoes any gain
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            if kind == "normal":
                nn.init.normal_(module.weight, 0.0, gain)
            else:
                nn.init.xavier_normal_(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d):
            nn.init.normal_(module.weight, 1.0, gain)
            nn.init.zeros_(module.bias)
