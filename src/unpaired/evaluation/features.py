"""What a distance between collections of pictures looks through.

A feature extractor is anything with a name, an identity, a dimension and a call. The default,
EfficientNet-Lite0, works offline: its weights are a dependency. Its distances are not those of the published
Inception network, so they are always called by its name: "KID (EfficientNet-Lite0)".
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unpaired.errors import UserError
from unpaired.networks import efficientnet

Picture = NDArray[np.uint8]
"""(H, W, 3), 0…255."""
Pictures = Sequence[Picture] | Picture
"""A list of pictures, or one array (N, H, W, 3)."""
Features = NDArray[np.float32]
"""(N, D)."""


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
        self.dimension = 1280
        self.side, self.batch, self.device = side, batch, torch.device(device)
        self._model = efficientnet.load(variant).to(self.device)

    def __call__(self, pictures: Pictures) -> Features:
        rows = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(pictures), self.batch):
            rows.append(self._look(stack(pictures[start : start + self.batch])))
        return finite(np.concatenate(rows), self.name)

    def _look(self, pictures: Picture) -> Features:
        x = to_tensor(pictures).to(self.device)
        with torch.inference_mode():
            if x.shape[-2:] != (self.side, self.side):
                x = F.interpolate(x, (self.side, self.side), mode="bicubic", antialias=True, align_corners=False)
            return self._model.features(x.clamp(-1, 1)).float().cpu().numpy()


class Remembering:
    """Another extractor that looks at each picture only once, told apart by content (SHA-256).

    The same pictures come back again and again: the real domain is looked at beside the translations, beside
    the untranslated inputs, for the floor, and as the inputs of the other direction.
    """

    def __init__(self, extractor: FeatureExtractor) -> None:
        self.name, self.network, self.dimension = extractor.name, extractor.network, extractor.dimension
        self._extractor = extractor
        self._seen: dict[bytes, Features] = {}

    def __call__(self, pictures: Pictures) -> Features:
        keys = [_digest(picture) for picture in pictures]
        new = {key: index for index, key in enumerate(keys) if key not in self._seen}
        if new:
            rows = self._extractor([pictures[index] for index in new.values()])
            self._seen.update(zip(new, rows, strict=True))
        return np.stack([self._seen[key] for key in keys]) if keys else np.empty((0, self.dimension), np.float32)


def _digest(picture: Picture) -> bytes:
    return hashlib.sha256(repr(picture.shape).encode() + np.ascontiguousarray(picture).tobytes()).digest()


def stack(pictures: Pictures) -> Picture:
    """Pictures of one size as one array (N, H, W, 3); `UserError` where sizes, channels or type differ."""
    if not len(pictures):
        return np.empty((0, 0, 0, 3), np.uint8)
    shapes = sorted({tuple(int(s) for s in picture.shape) for picture in pictures})
    if len(shapes) > 1:
        a, b = (f"{s[1]}×{s[0]}" for s in shapes[:2])
        raise UserError(f"Pictures of different sizes ({a} and {b} px) cannot be measured together: resize them.")
    if len(shapes[0]) != 3 or shapes[0][2] != 3 or any(picture.dtype != np.uint8 for picture in pictures):
        raise UserError(
            f"Pictures to measure are 8-bit RGB arrays (height, width, 3), but one is {pictures[0].dtype} "
            f"of shape {shapes[0]}."
        )
    return pictures if isinstance(pictures, np.ndarray) else np.stack(list(pictures))


def to_tensor(pictures: Picture) -> Tensor:
    """uint8 (N, H, W, 3) → float32 (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def finite(features: Features, name: str) -> Features:
    """The same features, or `UserError` naming the first picture whose features are not finite numbers."""
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise UserError(
            f"{name} gave features that are not finite numbers for {len(bad)} of {len(features)} pictures "
            f"(the first is picture {bad[0] + 1}): no distance can be measured with it."
        )
    return features


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
