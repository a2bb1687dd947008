"""Networks by the names that a configuration gives them. They know tensors only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from unpaired.config import Config, Direction, DiscriminatorConfig, GeneratorConfig
from unpaired.networks import efficientnet
from unpaired.networks.attention import AttentiveGenerator
from unpaired.networks.colour import LabGenerator
from unpaired.networks.convnext import ConvNeXtGenerator
from unpaired.networks.efficientnet import EfficientNetLite
from unpaired.networks.generator import Backbone, Generator
from unpaired.networks.noise import Noise, NoiseBeside
from unpaired.networks.palette import PaletteGenerator
from unpaired.networks.patchgan import MultiScaleDiscriminator, PatchDiscriminator, PixelDiscriminator
from unpaired.networks.projected import ProjectedDiscriminator
from unpaired.networks.pyramid import PyramidGenerator
from unpaired.networks.resnet import ResNetGenerator
from unpaired.networks.unet import UNetGenerator
from unpaired.networks.warp import STEP, WarpingGenerator

GENERATORS: dict[str, type[Backbone]] = {
    "resnet": ResNetGenerator,
    "unet": UNetGenerator,
    "convnext": ConvNeXtGenerator,
    "pyramid": PyramidGenerator,
}
Part = PatchDiscriminator | MultiScaleDiscriminator | PixelDiscriminator | ProjectedDiscriminator
DISCRIMINATORS: dict[str, tuple[type[Part], ...]] = {
    "patchgan": (PatchDiscriminator,),
    "multiscale": (MultiScaleDiscriminator,),
    "pixel": (PixelDiscriminator,),
    "projected": (ProjectedDiscriminator,),
    "projected+patchgan": (ProjectedDiscriminator, PatchDiscriminator),
}


def build_generator(inputs: int, outputs: int, config: GeneratorConfig) -> Generator:
    """(N, inputs, H, W) → (N, outputs, H, W), both in [-1, 1], with freshly drawn weights."""
    if config.warp:
        return WarpingGenerator(build_generator(inputs, outputs, replace(config, warp=0)), inputs, config)
    build = GENERATORS[config.kind]
    if config.attention:
        return AttentiveGenerator(build(inputs, outputs + 1, replace(config, residual=False)), residual=config.residual)
    colours = config.lab and (inputs, outputs) == (1, 3)
    return LabGenerator(build(1, 2, config)) if colours else build(inputs, outputs, config)


def build_translator(config: Config, direction: Direction) -> Generator:
    """The generator of a direction: for the channels of both domains, and the few colours of the one it leads to."""
    network = build_generator(*config.channels(direction), config.generator)
    colours = config.data.colours_b if direction == "a2b" else config.data.colours_a
    return PaletteGenerator(network, colours) if colours else network


def multiple_of(config: GeneratorConfig) -> int:
    """Height and width that a generator takes are multiples of it; known before it is built."""
    multiple = GENERATORS[config.kind].multiple_of(config)
    return max(multiple, STEP) if config.warp else multiple


def noisy(config: GeneratorConfig) -> bool:
    """Whether a generator translates with noise."""
    with torch.device("meta"):  # without weights
        layers = build_generator(3, 3, config).modules()
    return any(isinstance(layer, Noise | NoiseBeside) for layer in layers)


class Discriminator(nn.Module):
    """One or several discriminators of one domain behind one call.

    (N, condition + C, H, W) in [-1, 1] → a list of logits; `weights` says what each of them counts. The first
    `condition` channels are a picture that the other is judged beside (pix2pix); heads on a frozen network, which
    knows pictures and no pairs, judge the other alone.
    """

    def __init__(
        self, channels: int, config: DiscriminatorConfig, eyes: Iterable[EfficientNetLite] = (), *, condition: int = 0
    ) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        self.weights: list[float] = []
        self.condition = condition
        for part in DISCRIMINATORS[config.kind]:
            if issubclass(part, ProjectedDiscriminator):
                if channels not in (1, 3):  # the frozen networks know grey and colours only
                    continue
                # Each pair of eyes counts the same, and all together as one.
                self.parts.extend(part(config, each) for each in eyes)
                heads = len(config.stages) * len(config.eyes)
                self.weights += [1 / heads] * heads
            else:
                self.parts.append(part(condition + channels, config))
                heads = config.scales if part is MultiScaleDiscriminator else 1
                self.weights += [config.patch_weight / heads] * heads

    def forward(self, x: Tensor) -> list[Tensor]:
        picture = x[:, self.condition :] if self.condition else x
        return [
            logits for part in self.parts for logits in part(picture if isinstance(part, ProjectedDiscriminator) else x)
        ]

    def features(self, x: Tensor) -> list[Tensor]:
        """What the logits of (N, C, H, W) are read from; frozen networks say what they see."""
        return [maps for part in cast(Iterable[Part], self.parts) for maps in part.features(x)]

    def from_pixels(self, x: Tensor) -> list[Tensor]:
        """The logits of those parts that learn from pixels, not through a frozen network."""
        parts = [part for part in self.parts if not isinstance(part, ProjectedDiscriminator)]
        return [logits for part in parts for logits in part(x)]


def needs_eyes(config: DiscriminatorConfig) -> bool:
    """Whether a discriminator looks through frozen ImageNet networks."""
    return ProjectedDiscriminator in DISCRIMINATORS[config.kind]


def eyes_of(config: DiscriminatorConfig) -> set[str]:
    """Identities of the frozen networks that discriminators look through."""
    return {efficientnet.identity(variant) for variant in config.eyes} if needs_eyes(config) else set()


class FrozenEyes(nn.ModuleList):
    """Frozen networks, to be shared by all discriminators of a method; empty where they need none."""

    def __iter__(self) -> Iterator[EfficientNetLite]:
        return cast(Iterator[EfficientNetLite], super().__iter__())


def load_eyes(config: DiscriminatorConfig) -> FrozenEyes:
    """The frozen networks that a configuration asks for. Raises `UserError` where their weights are not installed."""
    return FrozenEyes(efficientnet.load(variant) for variant in config.eyes if needs_eyes(config))
