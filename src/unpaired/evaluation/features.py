"""What a distance between collections of pictures looks through.

A feature extractor is anything with a name, an identity, a dimension and a call. The default,
EfficientNet-Lite0, works offline: its weights are a dependency. Its distances are not those of the published
Inception network, so they are always called by its name: "KID (EfficientNet-Lite0)".
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unpaired.data.files import replacing
from unpaired.errors import UserError
from unpaired.networks import efficientnet

Picture = NDArray[np.uint8]
"""(H, W, 3), 0…255."""
Pictures = Sequence[Picture] | Picture
"""A list of pictures, or one array (N, H, W, 3)."""
Features = NDArray[np.float32]
"""(N, D)."""
Values = NDArray[np.float64]
"""(N,), one for each picture or pair."""
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
        return finite(np.concatenate(rows), self.name)

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


class Remembering:
    """Another extractor that looks at each picture only once, told apart by content (SHA-256).

    The same pictures come back again and again: the real domain is looked at beside the translations, beside
    the untranslated inputs, for the floor, and as the inputs of the other direction.
    """

    def __init__(self, extractor: FeatureExtractor, home: Path | None = None) -> None:
        """`home` is a folder for features that outlive this process, see `keep`."""
        self.name, self.network, self.dimension = extractor.name, extractor.network, extractor.dimension
        self.extractor = extractor
        self._home = home if isinstance(extractor, Keyed) else None
        self._seen: dict[bytes, Features] = {}

    def __call__(self, pictures: Pictures) -> Features:
        keys = [_digest(picture) for picture in pictures]
        new = {key: index for index, key in enumerate(keys) if key not in self._seen}
        if new:
            rows = self.extractor([pictures[index] for index in new.values()])
            self._seen.update(zip(new, rows, strict=True))
        return np.stack([self._seen[key] for key in keys]) if keys else np.empty((0, self.dimension), np.float32)

    def keep(self, pictures: Pictures) -> Features:
        """The features of a collection that will come again (real pictures): from `home`, or found and kept there."""
        if self._home is None or not isinstance(self.extractor, Keyed):
            return self(pictures)
        keys = [_digest(picture) for picture in pictures]
        path = self._home / f"{self.extractor.key}-{hashlib.sha256(b''.join(keys)).hexdigest()[:32]}.npy"
        with suppress(OSError, ValueError, EOFError):  # not there, or cut off: it is only a cache
            kept: Features = np.load(path, allow_pickle=False)
            if kept.shape == (len(keys), self.dimension) and kept.dtype == np.float32:
                self._seen |= {key: kept[index] for index, key in enumerate(keys)}
                return kept
        rows = self(pictures)
        with suppress(OSError):  # without room it is found again the next time
            self._home.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                np.save(file, rows, allow_pickle=False)
        return rows


def _digest(picture: Picture) -> bytes:
    return hashlib.sha256(repr(picture.shape).encode() + np.ascontiguousarray(picture).tobytes()).digest()


def stack(pictures: Pictures) -> Picture:
    """Pictures of one size as one array (N, H, W, 3); `UserError` where sizes, channels or type differ."""
    if not len(pictures):
        return np.empty((0, 0, 0, 3), np.uint8)
    shape_of(pictures)
    return pictures if isinstance(pictures, np.ndarray) else np.stack(list(pictures))


def shape_of(pictures: Pictures) -> tuple[int, int, int]:
    """(H, W, 3) of all of them; `UserError` where there are none, or sizes, channels or type differ."""
    if not len(pictures):
        raise UserError("There are no pictures to measure.")
    if isinstance(pictures, np.ndarray):
        shapes, kinds = [tuple(int(s) for s in pictures.shape[1:])], [pictures.dtype]
    else:
        shapes = sorted({tuple(int(s) for s in picture.shape) for picture in pictures})
        kinds = [picture.dtype for picture in pictures]
    if len(shapes) > 1:
        a, b = (f"{s[1]}×{s[0]}" for s in shapes[:2])
        raise UserError(f"Pictures of different sizes ({a} and {b} px) cannot be measured together: resize them.")
    shape = shapes[0]
    if len(shape) != 3 or shape[2] != 3 or any(kind != np.uint8 for kind in kinds):
        raise UserError(
            f"Pictures to measure are 8-bit RGB arrays (height, width, 3), but one is {kinds[0]} of shape {shape}."
        )
    return shape[0], shape[1], 3


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
