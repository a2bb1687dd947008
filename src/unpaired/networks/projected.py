"""Projected discriminator: small heads on a frozen ImageNet network (Sauer et al. 2021, "Projected GANs
Converge Faster", NeurIPS). The network knows what pictures are made of, so the heads have little left to learn.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from unpaired.config import DiscriminatorConfig
from unpaired.networks.efficientnet import EfficientNetLite

MIXED = 64  # channels of every stage after mixing; Sauer et al. double them stage by stage from this number


class ProjectedDiscriminator(nn.Module):
    """(N, 1 or 3, H, W) in [-1, 1] → a list of (N, 1, h, w) logits, one for each of `config.stages`.

    `eyes` is shared by both discriminators and belongs to the method: it is neither trained nor saved.
    """

    reads = ("eyes", "stages", "mixing", "view")

    def __init__(self, config: DiscriminatorConfig, eyes: EfficientNetLite) -> None:
        super().__init__()
        self.view = config.view
        self.stages = sorted(config.stages)
        self._eyes = (eyes,)  # a tuple hides it from `parameters()` and `state_dict()`
        widths = [eyes.channels[s] for s in self.stages]
        self.mixing = FeatureMixing(widths) if config.mixing else None
        self.heads = nn.ModuleList(_head(MIXED if config.mixing else w) for w in widths)

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.judge(self.look(x))

    def look(self, x: Tensor) -> list[Tensor]:
        """The frozen network's feature maps of a picture, one for each stage."""
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        if x.shape[-2:] != (self.view, self.view):
            x = F.interpolate(x, (self.view, self.view), mode="bilinear", align_corners=False, antialias=False)
        maps = self._eyes[0].stages(x, upto=self.stages[-1])
        return [maps[s] for s in self.stages]

    features = look

    def judge(self, features: list[Tensor]) -> list[Tensor]:
        """Logits of the heads, of what `look` saw."""
        if self.mixing is not None:
            features = self.mixing(features)
        return [head(f) for head, f in zip(self.heads, features, strict=True)]


class FeatureMixing(nn.Module):
    """Random, fixed projections across channels and, from coarse to fine, across scales (section 3.2).

    Without them the heads look at a few telling channels only, and the generator learns to please just those.
    """

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.channels = nn.ModuleList(nn.Conv2d(w, MIXED, 1, bias=False) for w in widths)
        self.scales = nn.ModuleList(nn.Conv2d(MIXED, MIXED, 3, padding=1, bias=False) for _ in widths[:-1])
        for layer in (*self.channels, *self.scales):
            nn.init.kaiming_normal_(cast(nn.Conv2d, layer).weight, nonlinearity="linear")
        self.requires_grad_(False)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        mixed = [layer(f) for layer, f in zip(self.channels, features, strict=True)]
        for coarse, fine in pairwise(reversed(range(len(mixed)))):
            enlarged = F.interpolate(mixed[coarse], size=mixed[fine].shape[-2:], mode="nearest")
            mixed[fine] = self.scales[fine](mixed[fine] + enlarged)
        return mixed


def _head(channels: int) -> nn.Module:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, MIXED, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(MIXED, MIXED, 3, stride=2, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(MIXED, 1, 1)),
    )
