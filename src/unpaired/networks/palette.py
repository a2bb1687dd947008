"""Pictures of few flat colours, as drawings and label maps are.

A convolutional network paints gradients, and leaves faint noise where one colour is meant; both look like nothing that
is drawn. So what it paints is gathered around few colours of its own, by k-means, once it is not in training: a network
that was trained through this step learnt its colours worse (docs/recipe.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unpaired.networks.generator import Generator
from unpaired.networks.precision import exactly

SAMPLED = 32
"""Colours are found among 32 × 32 places of a picture, spread evenly."""
STEPS = 2
"""Of k-means."""
SHARPNESS = 60.0
"""How decidedly a place takes its nearest colour; of squared distances in [-1, 1] per channel."""
STRIP = 1 << 18
"""Places that are painted at once, so that large pictures need little memory."""


class PaletteGenerator(Generator):
    """(N, in, H, W) → (N, out, H, W), both in [-1, 1], each picture in `colours` colours, but for soft edges between
    them. In training it is `body`, which makes the picture before.
    """

    def __init__(self, body: Generator, colours: int) -> None:
        super().__init__()
        self.body, self.colours = body, colours
        self.multiple, self.widths = body.multiple, body.widths

    def forward(self, x: Tensor) -> Tensor:
        made = self.body(x)
        return made if self.training else flattened(made, self.colours)

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        return self.body.stages(x, wanted)


def flattened(picture: Tensor, colours: int) -> Tensor:
    """(N, C, H, W) → the same in `colours` colours of its own."""
    with exactly(picture.device):  # bfloat16 can't tell near colours apart
        wide = picture.to(torch.promote_types(picture.dtype, torch.float32))
        rows, columns = (torch.arange(SAMPLED, device=wide.device) * side // SAMPLED for side in wide.shape[2:])
        palette = _palette(_places(wide[:, :, rows][:, :, :, columns]), colours)
        places = _places(wide)
        # A program of dynamic size can't have a number of strips that depends on it.
        strips = (places,) if torch.compiler.is_compiling() else places.split(STRIP, dim=1)
        painted = torch.cat([_nearness(strip, palette) @ palette for strip in strips], dim=1)
        return painted.transpose(1, 2).reshape(wide.shape).to(picture.dtype)


def _places(picture: Tensor) -> Tensor:
    """(N, C, H, W) → (N, H·W, C)."""
    return picture.flatten(2).transpose(1, 2)


def _palette(places: Tensor, colours: int) -> Tensor:
    """The colours that (N, places, C) gather around: (N, colours, C)."""
    palette = _apart(places, colours)
    for _ in range(STEPS):
        near = _nearness(places, palette).transpose(1, 2)
        rest = 1e-3  # a colour that nothing is near stays where it is
        palette = (near @ places + rest * palette) / (near.sum(2, keepdim=True) + rest)
    return palette


def _apart(places: Tensor, colours: int) -> Tensor:
    """`colours` of the places: the one farthest from the mean, then always the one farthest from all chosen before
    (Gonzalez 1985)."""
    distance = (places - places.mean(1, keepdim=True)).square().sum(2)
    nearest = torch.full_like(distance, torch.inf)
    chosen: list[Tensor] = []
    for _ in range(colours):
        index = distance.argmax(1)[:, None, None].expand(-1, 1, places.shape[2])
        chosen.append(places.gather(1, index))
        nearest = torch.minimum(nearest, (places - chosen[-1]).square().sum(2))
        distance = nearest
    return torch.cat(chosen, dim=1)


def _nearness(places: Tensor, palette: Tensor) -> Tensor:
    """What share of each place goes to each colour: (N, places, colours)."""
    # The square of the place itself is the same for all colours.
    closeness = 2 * places @ palette.transpose(1, 2) - palette.square().sum(2)[:, None]
    return (SHARPNESS * closeness).softmax(2)
