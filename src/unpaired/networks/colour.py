"""Colouring in CIE Lab: a network gives a and b, the lightness stays that of the grey picture.

As Zhang et al. 2016 ("Colorful image colorization") and Isola et al. 2017 (pix2pix, section 4) colour. White is D65,
primaries and transfer function are those of sRGB (IEC 61966-2-1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unpaired.networks.generator import Generator

REACH = 110.0
"""|a| and |b| of sRGB colours stay below."""

_PRIMARIES = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_TO_XYZ = _PRIMARIES / _PRIMARIES.sum(axis=1, keepdims=True)
"""Light of R, G and B → X, Y and Z relative to the white, which is what RGB (1, 1, 1) gives."""
_TO_RGB = np.linalg.inv(_TO_XYZ)
_EDGE = 6 / 29  # where f leaves the cube root for a line


class LabGenerator(Generator):
    """(N, 1, H, W) grey → (N, 3, H, W) sRGB of the same lightness, both in [-1, 1].

    `body` maps the grey picture to (N, 2, H, W) in [-1, 1]: a and b in units of `REACH`.
    """

    def __init__(self, body: Generator) -> None:
        super().__init__()
        self.body = body
        self.multiple, self.widths = body.multiple, body.widths

    def forward(self, x: Tensor) -> Tensor:
        return coloured(x, REACH * self.body(x).to(x.dtype))  # bfloat16 has too few steps

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        return self.body.stages(x, wanted)


def coloured(grey: Tensor, ab: Tensor) -> Tensor:
    """(N, 1, H, W) grey in [-1, 1] and (N, 2, H, W) a and b → (N, 3, H, W) sRGB in [-1, 1], clipped to its gamut."""
    lightness = _compressed(_linear((grey + 1) / 2))
    a, b = ab[:, :1], ab[:, 1:]
    xyz = torch.cat([_expanded(lightness + a / 500), _expanded(lightness), _expanded(lightness - b / 200)], dim=1)
    return 2 * _encoded(_mixed(_TO_RGB, xyz)) - 1


def to_lab(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) sRGB in [-1, 1] → (N, 3, H, W): lightness in 0…100, a and b."""
    x, y, z = _compressed(_mixed(_TO_XYZ, _linear((rgb + 1) / 2))).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def _mixed(matrix: NDArray[np.float64], x: Tensor) -> Tensor:
    """(N, 3, H, W) → (N, 3, H, W) by a 3×3 matrix. Summed place by place: a product of matrices would be rounded to
    bfloat16 where the network computes in it, which dark and strong colours do not bear."""
    r, g, b = x.unbind(1)
    return torch.stack([float(row[0]) * r + float(row[1]) * g + float(row[2]) * b for row in matrix], dim=1)


def _linear(v: Tensor) -> Tensor:
    """sRGB values in [0, 1] → light."""
    return torch.where(v <= 0.04045, v / 12.92, ((v.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def _encoded(light: Tensor) -> Tensor:
    """The reverse of `_linear`, clipped to [0, 1]."""
    bent = 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, 12.92 * light, bent).clamp(0, 1)


def _compressed(y: Tensor) -> Tensor:
    """f of CIE Lab: (L + 16) / 116."""
    return torch.where(y > _EDGE**3, y.clamp(min=_EDGE**3) ** (1 / 3), y / (3 * _EDGE**2) + 4 / 29)


def _expanded(t: Tensor) -> Tensor:
    """The reverse of f."""
    return torch.where(t > _EDGE, t**3, 3 * _EDGE**2 * (t - 4 / 29))
