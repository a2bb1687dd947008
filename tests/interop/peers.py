"""Networks as other projects build them, transcribed from the facts of their code: layers, names, order of tensors.

Weights are random but strong, norms with statistics have seen pictures: what differs from ours shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Layers = list[nn.Module]


def norm(kind: str) -> tuple[Callable[[int], nn.Module], bool]:
    """A norm layer, and whether convolutions before it have a bias: in pytorch-CycleGAN-and-pix2pix, only before
    instance norm.
    """
    return {
        "instance": (nn.InstanceNorm2d, True),
        "instance-tracked": (lambda c: nn.InstanceNorm2d(c, track_running_stats=True), True),
        "instance-affine": (lambda c: nn.InstanceNorm2d(c, affine=True), True),
        "batch": (nn.BatchNorm2d, False),
        "none": (lambda c: nn.Identity(), False),
    }[kind]


def line(size: int) -> Tensor:
    weights = {3: [1.0, 2, 1], 4: [1.0, 3, 3, 1]}[size]
    both = torch.outer(torch.tensor(weights), torch.tensor(weights))
    return both / both.sum()


class Downsample(nn.Module):
    """CUT: reflect by 1, filter 1 2 1, every second place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", line(3).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.filt, stride=2, groups=x.shape[1])


class Upsample(nn.Module):
    """CUT: repeat the border, a transposed convolution of stride 2 with 1 3 3 1, and the border off again."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", 4 * line(4).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
        y = F.conv_transpose2d(padded, self.filt, stride=2, padding=2, groups=x.shape[1])
        return y[:, :, 1:-1, 1:-1]


class Block(nn.Module):
    def __init__(self, c: int, kind: str, dropout: bool, name: str = "conv_block") -> None:
        super().__init__()
        layer, bias = norm(kind)
        body: Layers = [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, bias=bias), layer(c), nn.ReLU(True)]
        body += [nn.Dropout(0.5)] if dropout else []
        body += [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, bias=bias), layer(c)]
        self.name = name
        self.add_module(name, nn.Sequential(*body))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.get_submodule(self.name)(x)


class ResnetGenerator(nn.Module):
    """ResnetGenerator of pytorch-CycleGAN-and-pix2pix; of CUT with `blurred` halvings and doublings."""

    def __init__(
        self, inputs: int = 3, outputs: int = 3, w: int = 8, kind: str = "instance", *, dropout: bool = False,
        blocks: int = 6, down: bool = False, up: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        layer, bias = norm(kind)
        model: Layers = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, w, 7, bias=bias), layer(w), nn.ReLU(True)]
        for c in (w, 2 * w):
            model += [
                nn.Conv2d(c, 2 * c, 3, stride=1 if down else 2, padding=1, bias=bias),
                layer(2 * c),
                nn.ReLU(True),
            ]
            model += [Downsample(2 * c)] if down else []
        model += [Block(4 * w, kind, dropout) for _ in range(blocks)]
        for c in (4 * w, 2 * w):
            if up:
                model += [Upsample(c), nn.Conv2d(c, c // 2, 3, padding=1, bias=bias)]
            else:
                model += [nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1, bias=bias)]
            model += [layer(c // 2), nn.ReLU(True)]
        model += [nn.ReflectionPad2d(3), nn.Conv2d(w, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*model)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class UnetBlock(nn.Module):
    """UnetSkipConnectionBlock, activations in place as there: the skip passes on what LeakyReLU made of it."""

    def __init__(
        self, outer: int, inner: int, inputs: int | None, inside: nn.Module | None, kind: str, *,
        outermost: bool = False, dropout: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        layer, bias = norm(kind)
        self.outermost = outermost
        inputs = outer if inputs is None else inputs
        down: Layers = [nn.Conv2d(inputs, inner, 4, stride=2, padding=1, bias=bias)]
        entering = inner if inside is None else 2 * inner
        up: Layers = [
            nn.ReLU(True),
            nn.ConvTranspose2d(entering, outer, 4, stride=2, padding=1, bias=True if outermost else bias),
        ]
        if outermost:
            assert inside is not None
            model = [*down, inside, *up, nn.Tanh()]
        else:
            middle: Layers = [layer(inner), inside] if inside is not None else []
            model = [nn.LeakyReLU(0.2, True), *down, *middle, *up, layer(outer)]
            model += [nn.Dropout(0.5)] if dropout else []
        self.model = nn.Sequential(*model)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


def unet(inputs: int = 3, outputs: int = 3, w: int = 4, kind: str = "batch", *, depth: int = 7) -> nn.Module:
    """UnetGenerator of pytorch-CycleGAN-and-pix2pix with `depth` halvings, under the name `model`."""
    block = UnetBlock(8 * w, 8 * w, None, None, kind)
    for _ in range(depth - 5):
        block = UnetBlock(8 * w, 8 * w, None, block, kind, dropout=True)
    for c in (4, 2, 1):
        block = UnetBlock(c * w, 2 * c * w, None, block, kind)
    whole = nn.Sequential()
    whole.add_module("model", UnetBlock(outputs, w, inputs, block, kind, outermost=True))
    return whole


class PyTorchGAN(nn.Module):
    """GeneratorResNet of PyTorch-GAN: nearest-neighbour doubling, then a convolution that pads with zeros."""

    def __init__(self, w: int = 8, blocks: int = 2) -> None:
        super().__init__()
        model: Layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7), nn.InstanceNorm2d(w), nn.ReLU(True)]
        for c in (w, 2 * w):
            model += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), nn.InstanceNorm2d(2 * c), nn.ReLU(True)]
        model += [Block(4 * w, "instance", False, "block") for _ in range(blocks)]
        for c in (4 * w, 2 * w):
            model += [nn.Upsample(scale_factor=2), nn.Conv2d(c, c // 2, 3, padding=1)]
            model += [nn.InstanceNorm2d(c // 2), nn.ReLU(True)]
        self.model = nn.Sequential(*model, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Convolved(nn.Module):
    """ConvBlock of the Machine-Learning-Collection: convolutions that pad by reflection themselves, the halving too."""

    def __init__(self, a: int, b: int, *, up: bool = False, active: bool = True, **options: Any) -> None:
        super().__init__()
        first = nn.ConvTranspose2d(a, b, **options) if up else nn.Conv2d(a, b, padding_mode="reflect", **options)
        self.conv = nn.Sequential(first, nn.InstanceNorm2d(b), nn.ReLU(True) if active else nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class CollectedBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            Convolved(c, c, kernel_size=3, padding=1), Convolved(c, c, active=False, kernel_size=3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class Collected(nn.Module):
    """Generator of the Machine-Learning-Collection."""

    def __init__(self, w: int = 8, blocks: int = 2) -> None:
        super().__init__()
        ends = {"kernel_size": 7, "padding": 3, "padding_mode": "reflect"}
        self.initial = nn.Sequential(nn.Conv2d(3, w, **ends), nn.InstanceNorm2d(w), nn.ReLU(True))
        halved = {"kernel_size": 3, "stride": 2, "padding": 1}
        self.down_blocks = nn.ModuleList(Convolved(c, 2 * c, **halved) for c in (w, 2 * w))
        self.res_blocks = nn.Sequential(*(CollectedBlock(4 * w) for _ in range(blocks)))
        self.up_blocks = nn.ModuleList(
            Convolved(c, c // 2, up=True, output_padding=1, **halved) for c in (4 * w, 2 * w)
        )
        self.last = nn.Conv2d(w, 3, **ends)

    def forward(self, x: Tensor) -> Tensor:
        x = self.initial(x)
        for layer in (*self.down_blocks, self.res_blocks, *self.up_blocks):
            x = layer(x)
        return self.last(x).tanh()


class PatchGAN(nn.Module):
    """NLayerDiscriminator of pytorch-CycleGAN-and-pix2pix; of CUT where `blurred`."""

    def __init__(
        self, channels: int = 3, w: int = 8, kind: str = "instance", *, layers: int = 3, blurred: bool = False
    ) -> None:
        super().__init__()
        layer, bias = norm(kind)
        stride = 1 if blurred else 2
        model: Layers = [nn.Conv2d(channels, w, 4, stride=stride, padding=1), nn.LeakyReLU(0.2, True)]
        model += [Downsample(w)] if blurred else []
        widths = [w * min(8, 2**n) for n in range(layers + 1)]
        for n in range(1, layers + 1):
            step = stride if n < layers else 1
            model += [nn.Conv2d(widths[n - 1], widths[n], 4, stride=step, padding=1, bias=bias), layer(widths[n])]
            model += [nn.LeakyReLU(0.2, True), *([Downsample(widths[n])] if blurred and n < layers else [])]
        self.model = nn.Sequential(*model, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Pixel(nn.Module):
    """PixelDiscriminator of pytorch-CycleGAN-and-pix2pix."""

    def __init__(self, channels: int = 3, w: int = 8, kind: str = "instance") -> None:
        super().__init__()
        layer, bias = norm(kind)
        self.net = nn.Sequential(
            nn.Conv2d(channels, w, 1), nn.LeakyReLU(0.2, True), nn.Conv2d(w, 2 * w, 1, bias=bias), layer(2 * w),
            nn.LeakyReLU(0.2, True), nn.Conv2d(2 * w, 1, 1, bias=bias),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def strong(network: nn.Module, seed: int = 0, side: int = 32, channels: int = 3) -> nn.Module:
    """`network` with weights that make outputs vary, norms that have learnt and seen something, in evaluation mode."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, a=0.2)
            if module.bias is not None:
                nn.init.normal_(module.bias, 0, 0.2)
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)
    with torch.no_grad():
        for _ in range(3):
            network.train()(pictures(side, channels=channels, count=2))
    return network.eval()


def pictures(height: int, width: int | None = None, *, channels: int = 3, count: int = 1, seed: int = 0) -> Tensor:
    """(count, channels, height, width) noise in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, height, width or height, generator=generator) * 2 - 1
