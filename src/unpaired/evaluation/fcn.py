"""FCN-8s: a fully convolutional network that finds classes in photos (Long, Shelhamer, Darrell 2015, section 4).

It judges translations of label maps into photos: what a network that was trained on real photos recognises in them
(the FCN score of pix2pix and CycleGAN). As in the paper a classifier trained on ImageNet becomes convolutional; its
scores at stride 32 are doubled and added to those of stride 16, doubled and added to those of stride 8, and enlarged.
The classifier is EfficientNet-Lite0 in the place of VGG-16, its last 1×1 convolution in the place of fc7: numbers
compare with each other, not with those of another judge. The row of the real photos says how good this one is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from unpaired.data.files import replacing
from unpaired.errors import UserError
from unpaired.evaluation.features import to_tensor
from unpaired.evaluation.pictures import Pictures, shape_of, stack
from unpaired.networks import efficientnet

FORMAT = "unpaired-fcn-1"
_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a file of weights says of itself."""

    classes: list[str]
    side: int
    """Side in px of the photos that it was trained on, and that it judges."""
    images: int = 0
    """Photos seen in training."""
    held_out: list[float] = field(default_factory=list[float])
    """Per-pixel accuracy, per-class accuracy and class IoU on the pairs that were kept from training."""


class FCN8s(nn.Module):
    """(N, 3, H, W) in [-1, 1], H and W multiples of 32 → (N, classes, H, W) logits."""

    def __init__(self, backbone: efficientnet.EfficientNetLite, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        stride8, stride16, _ = backbone.channels[2:]
        self.dropout = nn.Dropout(0.5)
        self.score32 = nn.Conv2d(backbone.head.out_channels, classes, 1)
        self.score16 = nn.Conv2d(stride16, classes, 1)
        self.score8 = nn.Conv2d(stride8, classes, 1)
        self.double32 = _doubling(classes)
        self.double16 = _doubling(classes)
        for score in (self.score16, self.score8):  # skips begin as nothing, as in the paper
            nn.init.zeros_(score.weight)
            nn.init.zeros_(cast(Tensor, score.bias))

    def forward(self, x: Tensor) -> Tensor:
        stride8, stride16, stride32 = self.backbone.stages(x)[2:]
        top = self.dropout(F.relu6(self.backbone.head(stride32)))
        y = self.double32(self.score32(top)) + self.score16(stride16)
        y = self.double16(y) + self.score8(stride8)
        return F.interpolate(y, scale_factor=8, mode="bilinear", align_corners=False)


def _doubling(channels: int) -> nn.ConvTranspose2d:
    """A learned enlargement that begins as bilinear interpolation, each class by itself."""
    layer = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
    ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[range(channels), range(channels)] = ramp[:, None] * ramp
    return layer


class Judge:
    """An `FCN8s` as a `Segmenter`: photos of the side that it was trained on → the class of each pixel."""

    def __init__(self, network: FCN8s, facts: Facts, device: str | torch.device = "cpu") -> None:
        self.name = "FCN-8s"
        self.facts = facts
        self.device = torch.device(device)
        self.network = network.to(self.device).eval()

    @property
    def classes(self) -> list[str]:
        return self.facts.classes

    def __call__(self, pictures: Pictures) -> NDArray[np.int64]:
        """Raises `UserError` for pictures of another side."""
        found = [np.empty((0, self.facts.side, self.facts.side), np.int64)]
        for start in range(0, len(pictures), _BATCH):
            block = pictures[start : start + _BATCH]
            height, width, _ = shape_of(block)
            if (height, width) != (self.facts.side, self.facts.side):
                raise UserError(
                    f"This {self.name} judges photos of {self.facts.side}×{self.facts.side} px, as it was trained on, "
                    f"not of {width}×{height} px: train one with --size {height}."
                )
            with torch.inference_mode():
                logits = self.logits(to_tensor(stack(block)).to(self.device))
                found.append(logits.argmax(dim=1).cpu().numpy())
        return np.concatenate(found)

    def logits(self, photos: Tensor) -> Tensor:
        """(N, 3, side, side) in [-1, 1] → (N, classes, side, side). It looks at them enlarged, see `view`."""
        side = view(self.facts.side)
        x = F.interpolate(photos, (side, side), mode="bicubic", align_corners=False).clamp(-1, 1)
        y: Tensor = self.network(x)
        return F.interpolate(y, photos.shape[-2:], mode="bilinear", align_corners=False)

    def save(self, path: Path) -> None:
        """Write weights and facts as safetensors, whole or not at all. Raises `UserError` where it can't be."""
        tensors = {name: t.detach().cpu().contiguous() for name, t in self.network.state_dict().items()}
        content = safetensors.torch.save(tensors, {"format": FORMAT, "facts": json.dumps(asdict(self.facts))})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(content)
        except OSError as error:
            raise UserError(f"{path} cannot be written ({error.strerror}): take another --out.") from error

    @staticmethod
    def load(path: Path, device: str | torch.device = "cpu") -> Judge:
        """Raises `UserError` where the file is missing, damaged, or something else."""
        try:
            with safe_open(path, "pt") as file:  # pyright: ignore[reportUnknownVariableType]
                known = cast(dict[str, str], file.metadata() or {})  # pyright: ignore[reportAttributeAccessIssue]
            weights = safetensors.torch.load_file(path)
        except (OSError, SafetensorError) as error:
            raise UserError(
                f"{path} cannot be read as an FCN ({error}): make one with unpaired evaluate fcn train."
            ) from error
        if known.get("format") != FORMAT:
            raise UserError(f"{path} holds no FCN: make one with unpaired evaluate fcn train.")
        try:
            facts = Facts(**cast(dict[str, Any], json.loads(known["facts"])))
            network = FCN8s(efficientnet.EfficientNetLite("lite0"), len(facts.classes))
            network.load_state_dict(weights)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise UserError(f"{path} is damaged: make it anew with unpaired evaluate fcn train.") from error
        return Judge(network.to(memory_format=torch.channels_last), facts, device)  # pyright: ignore


def view(side: int) -> int:
    """Side in px at which photos of `side` px are looked at: twice as large, so that a score of stride 8 is for 4 px.
    A multiple of 32."""
    return max(64, -(-2 * side // 32) * 32)
