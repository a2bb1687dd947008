"""Signs of the failures that translators are known for: what each is measured by, how much is too much, what to do.

Every sign is a pure function of what an evaluation has at hand. That of light and dark is `evaluation.content`'s, that
of a hidden signal `evaluation.honesty`'s; an exploded loss is noticed elsewhere (`stability`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unpaired.config import Direction
from unpaired.data.decode import LUMINANCE
from unpaired.evaluation.distances import in_blocks
from unpaired.evaluation.pictures import Picture, Pictures, blocks, shape_of
from unpaired.evaluation.shelf import Rows

SignName = Literal["draw", "diversity", "light", "checkerboard", "hidden"]
Signs = dict[Direction, dict[SignName, float]]
"""What was found at one evaluation, by direction."""

DRAWS = {"lsgan": 0.25, "vanilla": math.log(2), "hinge": 1.0}
"""A discriminator's loss (half the sum of both sides') where it can't tell real from fake, by adversarial loss."""
LEAST = 0.04
"""Diversity that any translations should have had, so that those that never had any are found too."""
PERIODS = (2, 4)
"""Pixels between the teeth of checkerboards: what one or two doublings by transposed convolution leave."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that is watched."""

    heading: str
    good: str
    """What good looks like, in a sentence."""
    limit: float
    bad: Literal["below", "above"]
    happened: str
    """In plain words, with {source} and {target} for the domains and {value} for what was found."""
    advice: str

    def fails(self, value: float) -> bool:
        return value < self.limit if self.bad == "below" else value > self.limit


SIGNS: dict[SignName, Sign] = {
    "draw": Sign(
        "Draw of the adversaries",
        "The discriminator's loss as a share of what guessing costs. Good: anywhere well above the limit; below it the "
        "discriminator has won and teaches nothing any more.",
        0.1, "below",
        "The discriminator has won: it tells translations to {target} from real pictures with {value:.0%} of the loss "
        "of guessing, so the generator learns little from it.",
        "Halve --discriminator-learning-rate; or begin anew with --discriminator.augment or --discriminator.r1 1, "
        "which keep it from learning the pictures by heart.",
    ),
    "diversity": Sign(
        "Diversity of translations",
        "How much translations differ from each other, beside real pictures (1). Good: near 1; a fall, or nearly 0 "
        "from the start, means that different pictures become the same one.",
        0.5, "below",
        "Translations to {target} become alike: they differ {value:.0%} as much from each other as they did at their "
        "best, or at least should (collapse).",
        "Go on from an earlier checkpoint (--resume RUN/checkpoints/…) with a lower --learning-rate; or begin anew "
        "with a larger --lambda-a and --lambda-b, or --discriminator.augment.",
    ),
    "light": Sign(
        "Light stays light",
        "Correlation of brightness between a picture and its translation. Good: above 0, unless the domains are "
        "opposites in brightness; far below 0 light and dark are swapped.",
        -0.3, "below",
        "Light and dark are swapped in {source} → {target}: the brightness of a picture and of its translation "
        "correlate by {value:.2f} (colour inversion).",
        "Unless the domains are opposites in brightness, begin anew with --inversion 5, or with --identity 0.5.",
    ),
    "checkerboard": Sign(
        "Checkerboard",
        "How far the frequencies of a checkerboard of 2 or 4 pixels stand out, beside real pictures (1). "
        "Good: near 1, and under the limit.",
        10.0, "above",
        "Translations to {target} have a checkerboard: its frequency stands out {value:.0f} times as much as in real "
        "pictures.",
        "It may fade with more training; else begin anew with --generator.upsample resize.",
    ),
    "hidden": Sign(
        "Hidden signal",
        "How many times the way back enlarges noise too faint to see. Good: about 1; above the limit translations hide "
        "the picture in a faint pattern, so that \"there and back\" looks better than it is.",
        4.0, "above",
        "Translations to {target} hide the picture in a pattern too faint to see (cycle cheating): noise of 3 of 255 "
        "steps costs the way back {value:.0f} times as much as it is.",
        "Begin anew with --cycle-noise 0.2, so that hiding does not pay, or a smaller --lambda-a and --lambda-b; do "
        "not trust \"there and back\" here.",
    ),
}  # fmt: skip


def failing(history: Sequence[Signs]) -> set[tuple[Direction, SignName]]:
    """Which signs are bad at the newest of several evaluations, and were the time before: once may be a fluke."""
    newest = history[-1] if history else Signs()
    return {
        (direction, name) for direction, signs in newest.items() for name in signs if _twice(history, direction, name)
    }


def _twice(history: Sequence[Signs], direction: Direction, name: SignName) -> bool:
    # Between evaluations that lie close together there may be no loss to look at: such have no draw.
    known = [signs for signs in history if name in signs.get(direction, {})]
    looks = [
        _compared(known[:end], direction, name, known[end - 1][direction][name])
        for end in (len(known) - 1, len(known))
        if end
    ]
    return len(looks) == 2 and all(map(SIGNS[name].fails, looks))


def told(history: Sequence[Signs], direction: Direction, name: SignName, source: str, target: str) -> str:
    """What a sign says to people, and what to do."""
    sign, value = SIGNS[name], history[-1][direction][name]
    value = _compared(history, direction, name, value)
    return f"{sign.happened.format(source=source, target=target, value=value)} {sign.advice}"


def _compared(history: Sequence[Signs], direction: Direction, name: SignName, value: float) -> float:
    """Diversity is bad where it falls: untrained generators have little, and some targets have less than others.

    Less than half of `LEAST` is none at all, whatever it was before: some collapse before the first look.
    """
    if name != "diversity":
        return value
    return value / max(LEAST, *(signs[direction][name] for signs in history if name in signs.get(direction, {})))


def draw(losses: Sequence[float], adversarial: str) -> float:
    """Mean loss of a discriminator as a share of what guessing costs: 1 is a draw, 0 a victory."""
    return float(np.mean(losses)) / DRAWS[adversarial]


def diversity(fakes: Rows, reals: Rows) -> float:
    """Variance of the features (N, D) of translations over that of real pictures, summed over the features."""
    return _variance(fakes) / max(_variance(reals), 1e-12)


def _variance(features: Rows) -> float:
    mean = sum(block.sum(axis=0) for block in in_blocks(features)) / len(features)
    return sum(float(np.square(block - mean).sum()) for block in in_blocks(features)) / len(features)


def checkerboard(fakes: Pictures, reals: Pictures) -> float:
    """How far the frequencies of checkerboards stand out of those around them, in translations over in real pictures.

    JPEG's blocks stand out in real pictures too, at the same frequencies: hence the comparison. What is around them is
    that of translations or of real pictures, whichever is more: in translations that are smoother than pictures are,
    teeth of one of 255 steps would stand out a thousand times, and nobody sees them.
    """
    return max(
        peak / max(ring, usual) / max(real / usual, 1.0)
        for (peak, ring), (real, usual) in zip(_peaks(fakes), _peaks(reals), strict=True)
    )


def _luminance(pictures: Picture) -> NDArray[np.float64]:
    """(N, H, W, 3) → (N, H, W)."""
    return (pictures * np.array(LUMINANCE)).sum(axis=3)


def _peaks(pictures: Pictures) -> list[tuple[float, float]]:
    """Power at each of the frequencies of checkerboards, and the median of that around it."""
    height, width = (side // 4 * 4 for side in shape_of(pictures)[:2])
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.zeros((height, width))
    for block in blocks(pictures):
        grey = _luminance(block[:, :height, :width])
        grey = (grey - grey.mean(axis=(1, 2), keepdims=True)) * window
        power += np.square(np.abs(np.fft.fft2(grey))).sum(axis=0)
    power /= len(pictures)
    return [_peak(power, y, x) for y in _teeth(height) for x in _teeth(width) if (y, x) != (0, 0)]


def _teeth(side: int) -> list[int]:
    return [0, *(side // period for period in PERIODS)]


def _peak(power: NDArray[np.float64], y: int, x: int) -> tuple[float, float]:
    """At (y, x), and the median of the ring 3 to 4 bins around it: the window widens a peak to 2 bins."""
    offsets = [(i, j) for i in range(-4, 5) for j in range(-4, 5) if max(abs(i), abs(j)) > 2]
    ring = [power[(y + i) % power.shape[0], (x + j) % power.shape[1]] for i, j in offsets]
    return float(power[y, x]), max(float(np.median(ring)), 1e-12)
