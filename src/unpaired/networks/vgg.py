"""VGG's convolutions as frozen eyes for style transfer (Simonyan and Zisserman 2015, arXiv:1409.1556, table 1).

The weights are torchvision's `vgg16` or `vgg19`, from a file. Maximum pooling is average pooling here, which gives
smoother pictures (Gatys et al. 2016, section 2). Inputs are in [-1, 1]: normalised inside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from unpaired.errors import UserError

Depth = Literal["vgg16", "vgg19"]

_CONVOLUTIONS: dict[Depth, tuple[int, ...]] = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)
# Of ImageNet's pixels in 0 … 1.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGG(nn.Module):
    """Rectified maps by the names that papers give them, such as `relu4_2`: block 4, its second convolution."""

    def __init__(self, depth: Depth) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.places: dict[str, int] = {}
        channels = 3
        for block, (count, width) in enumerate(zip(_CONVOLUTIONS[depth], _WIDTHS, strict=True), 1):
            if block > 1:
                layers.append(nn.AvgPool2d(2))
            for index in range(1, count + 1):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                self.places[f"relu{block}_{index}"] = len(layers) - 1
                channels = width
        self.features = nn.Sequential(*layers)  # numbered as torchvision numbers them

    def maps(self, x: Tensor, wanted: tuple[str, ...]) -> list[Tensor]:
        """(N, 3, H, W) in [-1, 1] → the maps `wanted`; what comes after the last is not computed."""
        x = ((x + 1) / 2 - x.new_tensor(_MEAN).view(3, 1, 1)) / x.new_tensor(_DEVIATION).view(3, 1, 1)
        found: dict[int, Tensor] = {}
        last = max(self.places[name] for name in wanted)
        for place, layer in enumerate(list(self.features)[: last + 1]):
            x = layer(x)
            found[place] = x
        return [found[self.places[name]] for name in wanted]


def load(path: Path) -> tuple[VGG, Depth]:
    """The frozen network with the weights of `path`: a .pth state dict of torchvision's, or the same as .safetensors.

    Raises `UserError` where the file is missing, damaged, or holds other weights.
    """
    state = _read(path)
    names = {"features.34.weight": "vgg19", "features.28.weight": "vgg16"}
    depth: Any = next((depth for name, depth in names.items() if name in state), None)
    if depth is None:
        raise UserError(f"{path} holds no VGG-16 or VGG-19: give a file of torchvision's weights, such as "
                        "vgg19-dcbb9e9d.pth.")  # fmt: skip
    with torch.device("meta"):
        network = VGG(depth)
    try:
        network.load_state_dict({k: v.float() for k, v in state.items() if k.startswith("features.")}, assign=True)
    except RuntimeError as e:
        raise UserError(f"{path} is not torchvision's {depth}: its layers have other shapes or names.") from e
    return network.eval().requires_grad_(False), depth


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as e:
        raise UserError(f"{path}, the weights to look through, can't be read: {e.strerror or e}.") from e
    except Exception as e:  # whatever torch and safetensors raise on what is no file of theirs
        raise UserError(f"{path} is damaged or no file of weights: get it again.") from e
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError(f"{path} holds no state dict: give a file of torchvision's weights.")
    return state
