"""Differentiable augmentation of what discriminators see.

Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training", NeurIPS, arXiv:2006.10738,
section 3. Real and fake pictures go through the same random family of changes, through which gradients flow
back to the generator; so the discriminator cannot learn small training sets by heart, and the changes do not
leak into the fakes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from unpaired.data.tensors import to_float, to_uint8

__all__ = ["differentiable_augment", "to_float", "to_uint8"]

_SHIFT = 1 / 8
_CUT = 1 / 2


def differentiable_augment(
    x: Tensor, generator: Generator | None = None, policy: str = "color,translation,cutout"
) -> Tensor:
    """Augment (N, C, H, W) in [-1, 1], each picture in its own way; same shape and type, differentiable.

    Random numbers come from `generator`, or from PyTorch's global one. Colours may leave [-1, 1], as in the
    paper's code. Raises `ValueError` for an unknown policy.
    """
    for name in filter(None, policy.split(",")):
        if name not in _POLICIES:
            raise ValueError(f"{name!r} is not an augmentation: {', '.join(_POLICIES)}")
        x = _POLICIES[name](x, generator)
    return x


def _uniform(x: Tensor, generator: Generator | None) -> Tensor:
    """One number in [0, 1) for each picture: (N, 1, 1, 1), float32."""
    device = x.device if generator is None else generator.device
    return torch.rand(x.shape[0], 1, 1, 1, generator=generator, device=device).to(x.device)


def _integer(x: Tensor, generator: Generator | None, low: int, high: int) -> Tensor:
    """One integer in [low, high] for each picture: (N, 1), int64."""
    device = x.device if generator is None else generator.device
    return torch.randint(low, high + 1, (x.shape[0], 1), generator=generator, device=device).to(x.device)


def _colour(x: Tensor, generator: Generator | None) -> Tensor:
    """Brightness ± 0.5, saturation × [0, 2), contrast × [0.5, 1.5)."""
    x = x + (_uniform(x, generator) - 0.5).to(x.dtype)
    grey = x.mean(dim=1, keepdim=True)
    x = (x - grey) * (2 * _uniform(x, generator)).to(x.dtype) + grey
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return (x - mean) * (_uniform(x, generator) + 0.5).to(x.dtype) + mean


def _translation(x: Tensor, generator: Generator | None) -> Tensor:
    """Shift by up to 1/8 of each side; mid-grey (0) comes in."""
    n, _, height, width = x.shape
    for dim, side in ((2, height), (3, width)):
        reach = int(side * _SHIFT + 0.5)
        source = torch.arange(side, device=x.device) - _integer(x, generator, -reach, reach)  # (N, side)
        inside = (source >= 0) & (source < side)
        shape = [n, 1, 1, 1]
        shape[dim] = side
        # Wrapping makes a permutation, whose backward writes each place once: the same bits on every run.
        index = (source % side).view(shape).expand_as(x)
        x = x.gather(dim, index) * inside.view(shape).to(x.dtype)
    return x


def _cutout(x: Tensor, generator: Generator | None) -> Tensor:
    """A rectangle of half of each side becomes mid-grey (0); its centre lies anywhere in the picture."""
    outside: list[Tensor] = []
    for side in x.shape[2:]:
        cut = int(side * _CUT + 0.5)
        start = _integer(x, generator, 0, side - cut % 2) - cut // 2  # (N, 1)
        place = torch.arange(side, device=x.device)
        outside.append((place < start) | (place >= start + cut))  # (N, side)
    keep = outside[0][:, None, :, None] | outside[1][:, None, None, :]
    return x * keep.to(x.dtype)


_POLICIES: dict[str, Callable[[Tensor, Generator | None], Tensor]] = {
    "color": _colour,
    "translation": _translation,
    "cutout": _cutout,
}
