"""What a distance between collections of pictures looks through.

A feature extractor is anything with a name, an identity, a dimension and a call. The default,
EfficientNet-Lite0, works offline: its weights are a dependency. Its distances are not those of the published
Inception network, so they are always called by its name: "KID (EfficientNet-Lite0)".
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unpaired.errors import UserError
from unpaired.evaluation.pictures import Picture, Pictures, Values, stack
from unpaired.networks import efficientnet

Features = NDArray[np.float32]
"""(N, D)."""
INCEPTION = "inception-2015-12-05"
"""Identity of the network of the published FID (`inception.py`)."""


@runtime_checkable
class FeatureExtractor(Protocol):
    """Pictures in, one row of features each out, which does not depend on the other pictures."""

    @property
    def name(self) -> str:
        """What tables call it, such as "EfficientNet-Lite0"."""
        ...

    @property
    def network(self) -> str:
        """Which network's weights it looks through, such as "efficientnet-lite0"."""
        ...

    @property
    def dimension(self) -> int:
        """D, features of one picture."""
        ...

    def __call__(self, pictures: Pictures) -> Features: ...


@runtime_checkable
class Comparing(Protocol):
    """An extractor that can also say how different two pictures look, place by place."""

    def compare(self, x: Pictures, y: Pictures) -> Values:
        """(N,): 0 where the pictures of a pair are equal; `UserError` where they are not pairs of one size."""
        ...


@runtime_checkable
class Keyed(Protocol):
    """An extractor whose features may be kept on disk."""

    @property
    def key(self) -> str:
        """All that its features depend on beside the pictures, as a part of a file's name."""
        ...


class LiteExtractor:
    """Pooled features (N, 1280) of EfficientNet-Lite, after a bicubic resize to side × side.

    The resize is antialiased (Pillow's filter, a = −1/2), without rounding, clipped to the range of pixels.
    `batch` pictures are looked at together: few, because a CPU's cache likes it.
    """

    def __init__(
        self,
        variant: Literal["lite0", "lite1"] = "lite0",
        side: int = 224,
        batch: int = 4,
        device: str | torch.device = "cpu",
    ) -> None:
        self.name = efficientnet.display_name(variant)
        self.network = efficientnet.identity(variant)
        self.key = f"{self.network}-{side}"
        self.dimension = 1280
        self.side, self.batch, self.device = side, batch, torch.device(device)
        self._model = efficientnet.load(variant).to(self.device)

    def __call__(self, pictures: Pictures) -> Features:
        rows = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(pictures), self.batch):
            x = self._view(pictures[start : start + self.batch])
            with torch.inference_mode():
                rows.append(self._model.features(x).float().cpu().numpy())
        return np.concatenate(rows)

    def compare(self, x: Pictures, y: Pictures) -> Values:
        """Perceptual distance (N,) of pairs: 1 − cosine of the two feature vectors at a place, the mean over places
        and the five stages. 0 is equal, 1 unrelated.

        As LPIPS (Zhang et al. 2018, eq. 1) without its learned weights, which belong to other networks.
        """
        found = [np.empty(0)]
        for start in range(0, len(x), self.batch):
            a, b = (self._view(z[start : start + self.batch]) for z in (x, y))
            with torch.inference_mode():
                maps = zip(self._model.stages(a), self._model.stages(b), strict=True)
                stages = [(1 - F.cosine_similarity(p, q, dim=1)).mean(dim=(1, 2)) for p, q in maps]
                found.append(torch.stack(stages).mean(dim=0).double().cpu().numpy())
        return np.concatenate(found)

    def _view(self, pictures: Pictures) -> Tensor:
        """(N, 3, side, side) in [-1, 1]."""
        x = to_tensor(stack(pictures)).to(self.device)
        if x.shape[-2:] != (self.side, self.side):
            x = F.interpolate(x, (self.side, self.side), mode="bicubic", antialias=True, align_corners=False)
        return x.clamp(-1, 1)


def to_tensor(pictures: Picture) -> Tensor:
    """uint8 (N, H, W, 3) → float32 (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def refuse_flattered(extractor: FeatureExtractor, networks_seen: Collection[str]) -> None:
    """Raise `UserError` where a discriminator looked through the extractor's own network.

    A generator trained to please a network scores well in that network's eyes, whatever the pictures look
    like.
    """
    if extractor.network in networks_seen:
        raise UserError(
            f"KID or FID through {extractor.name} would be flattered: the discriminator of this run looked "
            f"through the same network, so measure with another one."
        )
