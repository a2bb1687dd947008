"""What can be said about a painting, in Python and on the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from unpaired.errors import UserError
from unpaired.text import counted, perhaps

Colours = Literal["style", "luminance", "histogram"]

SMALLEST = 32
"""Pixels of the shorter side: below, the deepest maps have no places left to compare."""


@dataclass(frozen=True, kw_only=True)
class StyleOptions:
    """How `stylise` paints, and with what."""

    size: int = 512
    """Pixels of the result's longer side, at most; a smaller content is not enlarged."""
    begin_size: int = 96
    """About how many pixels of the longer side painting begins at; it goes on at twice the size, and again. Strokes
    grow no longer than what the network sees there, so the larger it is, the more of the content stays."""
    steps: int = 200
    """Steps of the optimisation, over all sizes from coarse to fine."""
    style_weight: float = 10.0
    """How much the style counts beside the content."""
    smoothness: float = 0.1
    """How much neighbouring pixels should agree."""
    shares: tuple[float, ...] = ()
    """How much each style counts; equally if not given."""
    scale: float = 1.0
    """Size of the styles as a share of the result's: above 1 strokes get larger, below finer."""
    colours: Colours = "style"
    """The style's; or the content's, by painting its luminance only, or by bringing the style to its colours first."""
    eyes: str = "lite1"
    """The network that compares: lite0, lite1, lite2, vgg19, or a file of torchvision's VGG-16 or VGG-19."""
    download: bool = False
    """Fetch the weights of vgg19 (548 MB) where they are not here yet. Nothing else is ever fetched."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""

    def check(self, height: int, width: int, styles: int) -> None:
        """Raise `UserError` where so many styles on a content of that size can't be painted."""
        colours = get_args(Colours)
        rules = [
            (styles > 0, "name at least one style picture"),
            (len(self.shares) in (0, styles),
             f"{len(self.shares)} shares do not belong to {counted(styles, 'style picture')}"),
            (not self.shares or (all(0 <= share < math.inf for share in self.shares) and sum(self.shares) > 0),
             "shares must be numbers that are not negative, nor all 0"),
            (self.steps >= 1, f"steps {self.steps} is not at least 1"),
            (0 <= self.style_weight < math.inf and 0 <= self.smoothness < math.inf,
             "style-weight and smoothness must be numbers that are not negative"),
            (self.begin_size >= 1, f"begin-size {self.begin_size} is not at least 1"),
            (0.1 <= self.scale <= 10, f"scale {self.scale} is not from 0.1 to 10"),
            (self.colours in colours,
             f"colours {self.colours!r} are none of {', '.join(colours)}{perhaps(self.colours, colours)}"),
            (min(self.rounds(height, width)[-1][:2]) >= SMALLEST,
             f"a picture of {width}×{height} px at size {self.size} is smaller than {SMALLEST} px"),
        ]  # fmt: skip
        for holds, sentence in rules:
            if not holds:
                raise UserError(f"Unusable for style transfer: {sentence}.")

    def rounds(self, height: int, width: int) -> list[tuple[int, int, int]]:
        """Height, width and steps of each round over a content of that size, from coarse to fine: each twice the size
        of the one before, and all of as many steps; the first has those that are left over.
        """
        longer, shorter = max(height, width), min(height, width)
        sizes = [min(1.0, self.size / longer)]
        nearest = self.begin_size / math.sqrt(2)  # half or twice of anything below is farther from where to begin
        while longer * sizes[0] / 2 >= nearest and shorter * sizes[0] / 2 >= SMALLEST:
            sizes.insert(0, sizes[0] / 2)
        each, left = divmod(self.steps, len(sizes))
        steps = [each + left] + [each] * (len(sizes) - 1)
        return [(max(1, round(height * of)), max(1, round(width * of)), n) for of, n in zip(sizes, steps, strict=True)]

    def weights(self, styles: int) -> list[float]:
        """The shares of so many styles, of which the sum is 1."""
        shares = self.shares or (1.0,) * styles
        return [share / sum(shares) for share in shares]
