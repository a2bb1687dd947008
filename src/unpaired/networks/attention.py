"""Generators that learn where to translate: a picture and an attention map, and the input where that map is dark.

Mejjati et al. 2018 ("Unsupervised attention-guided image-to-image translation", arXiv:1806.02311, eq. 1) give the map
by a network of its own; here, as in Tang et al. 2019 (AttentionGAN, arXiv:1903.12296, section 3.1), the generator that
paints the picture gives it as one more channel. No labels are needed: what the discriminator does not ask for is
cheapest left to the input, which comes back through the cycle as it was. A tanh never says exactly 0, and a little
paint on everything is what remains: so small shares are none. Mejjati et al. cut the maps that discriminators see; here
all maps are cut, from the beginning and without a jump, so that generators learn with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from unpaired.networks.generator import Generator
from unpaired.networks.layers import EDGE

KEPT, PAINTED = 0.3, 0.9
"""Shares of the body's map up to which the input is kept as it is, and from which nothing of it is left."""


class AttentiveGenerator(Generator):
    """attention · picture + (1 − attention) · input: (N, C, H, W) → (N, C, H, W), both in [-1, 1].

    `body` maps the input to (N, C + 1, H, W) in [-1, 1]: picture and map, before `attention` cuts it. With `residual`
    the picture is the input with a change, as in `residual_output`.
    """

    def __init__(self, body: Generator, *, residual: bool) -> None:
        super().__init__()
        self.body, self.residual = body, residual
        self.multiple, self.widths = body.multiple, body.widths

    def forward(self, x: Tensor) -> Tensor:
        return attended(self.body(x), x, self.residual)

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        return self.body.stages(x, wanted)


class AttentionMap(Generator):
    """Where an `AttentiveGenerator` translates: (N, C, H, W) → (N, 1, H, W), from -1 (nothing) to 1 (all)."""

    def __init__(self, generator: AttentiveGenerator) -> None:
        super().__init__()
        self.body = generator.body
        self.multiple, self.widths = generator.multiple, generator.widths
        self.train(generator.training)

    def forward(self, x: Tensor) -> Tensor:
        return attention(self.body(x))

    def stages(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        return self.body.stages(x, wanted)


def attended(made: Tensor, x: Tensor, residual: bool) -> Tensor:
    """(N, C + 1, H, W) picture and map, both in [-1, 1], over the input (N, C, H, W)."""
    picture, share = made[:, :-1], (1 + attention(made)) / 2
    if residual:
        # tanh(c + atanh(y)) = (tanh c + y) / (1 + y tanh c): the body's tanh is that of the change.
        inside = EDGE * x.clamp(-1, 1)
        picture = (picture + inside) / (1 + picture * inside) / EDGE
    return x + share * (picture - x)


def attention(made: Tensor) -> Tensor:
    """The map (N, 1, H, W) of what a body made, in [-1, 1], both ends reached."""
    raw = made[:, -1:]
    cut = 2 * (((1 + raw) / 2 - KEPT) / (PAINTED - KEPT)).clamp(0, 1) - 1
    # Gradients pass as if nothing were cut: a map that is black everywhere would learn nothing any more.
    return cut.detach() + (raw - raw.detach()) if raw.requires_grad else cut
