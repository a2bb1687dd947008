"""Keeping the colours of the content (Gatys, Bethge, Hertzmann, Shechtman, "Preserving color in neural artistic style
transfer", 2016, arXiv:1606.05897). Pictures are (1, 3, H, W).
"""

from __future__ import annotations

import torch
from torch import Tensor

from unpaired.data.decode import LUMINANCE
from unpaired.data.tensors import luminance

_YIQ = (LUMINANCE, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
"""RGB to luminance and two axes of colour (NTSC, as in the paper's section 4)."""


def match_colours(style: Tensor, content: Tensor) -> Tensor:
    """`style` moved linearly to the mean and covariance of the colours of `content` (section 3, "image analogies")."""
    s, c = style.flatten(2)[0].double(), content.flatten(2)[0].double()
    from_, to = s.mean(1, keepdim=True), c.mean(1, keepdim=True)
    move = _root(_covariance(c)) @ _root(_covariance(s), inverse=True)
    return (move @ (s - from_) + to).to(style.dtype).view_as(style)


def match_luminance(style: Tensor, content: Tensor) -> Tensor:
    """(1, 1, H, W): the luminance of `style`, with the mean and deviation of that of `content` (section 4)."""
    s, c = luminance(style), luminance(content)
    return (s - s.mean()) * (c.std() / s.std().clamp(min=1e-6)) + c.mean()


def with_luminance(colours: Tensor, y: Tensor) -> Tensor:
    """The colours (I and Q) of (1, 3, H, W) with another luminance (1, 1, H, W)."""
    matrix = colours.new_tensor(_YIQ)
    yiq = torch.einsum("kc,nchw->nkhw", matrix, colours)
    return torch.einsum("kc,nchw->nkhw", torch.linalg.inv(matrix), torch.cat([y, yiq[:, 1:]], dim=1))


def _covariance(x: Tensor) -> Tensor:
    """Of (3, places), with a little on the diagonal: one colour has no inverse."""
    return torch.cov(x) + 1e-6 * torch.eye(3, dtype=x.dtype)


def _root(covariance: Tensor, *, inverse: bool = False) -> Tensor:
    """The symmetric square root of a symmetric positive matrix, or its inverse."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=1e-12) ** (-0.5 if inverse else 0.5) @ vectors.T
