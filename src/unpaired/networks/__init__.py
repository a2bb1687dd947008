"""Networks by the names that a configuration gives them. They know tensors only."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from unpaired.config import DiscriminatorConfig, GeneratorConfig
from unpaired.networks import efficientnet
from unpaired.networks.efficientnet import EfficientNetLite
from unpaired.networks.patchgan import PatchDiscriminator, PixelDiscriminator
from unpaired.networks.projected import ProjectedDiscriminator
from unpaired.networks.resnet import ResNetGenerator
from unpaired.networks.unet import UNetGenerator

GENERATORS: dict[str, Callable[[int, int, GeneratorConfig], nn.Module]] = {
    "resnet": ResNetGenerator,
    "unet": UNetGenerator,
}


def build_generator(inputs: int, outputs: int, config: GeneratorConfig) -> nn.Module:
    """(N, inputs, H, W) → (N, outputs, H, W), both in [-1, 1], with freshly drawn weights."""
    return GENERATORS[config.kind](inputs, outputs, config)


class Discriminator(nn.Module):
    """One or several discriminators of one domain behind one call.

    (N, C, H, W) in [-1, 1] → a list of logits; `weights` says what each of them counts.
    """

    def __init__(self, channels: int, config: DiscriminatorConfig, eyes: EfficientNetLite | None) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        self.weights: list[float] = []
        for kind in config.kind.split("+"):
            if kind == "projected":
                assert eyes is not None
                self.parts.append(ProjectedDiscriminator(config, eyes))
                heads = len(config.stages)
                self.weights += [1 / heads] * heads
            else:
                part = PatchDiscriminator if kind == "patchgan" else PixelDiscriminator
                self.parts.append(part(channels, config))
                self.weights.append(config.patch_weight)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [logits for part in self.parts for logits in part(x)]


def needs_eyes(config: DiscriminatorConfig) -> bool:
    """Whether a discriminator looks through the frozen ImageNet network."""
    return "projected" in config.kind


def load_eyes(config: DiscriminatorConfig) -> EfficientNetLite | None:
    """The frozen network, to be shared by all discriminators of a method; None where they need none."""
    return efficientnet.load("lite1") if needs_eyes(config) else None
