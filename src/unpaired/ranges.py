"""From where to where each number of a configuration may go.

The upper ends are far beyond what makes sense: they keep out slips, such as 50 for 0.5, that would train for hours and
come to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

from unpaired.config import Config, option


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`; without either end where it says so."""

    low: float
    high: float = math.inf
    above: bool = False
    """`low` itself is too little."""
    below: bool = False
    """`high` itself is too much."""

    def __contains__(self, value: float) -> bool:
        over = value > self.low if self.above else value >= self.low
        under = value < self.high if self.below or math.isinf(self.high) else value <= self.high
        return over and under  # which NaN and infinity never are

    def __str__(self) -> str:
        low = f"{'above' if self.above else 'from'} {_number(self.low)}"
        if math.isinf(self.high):
            return f"a number {low}{'' if self.above else ' on'}"
        return f"{low}{',' * self.above} {'up ' * self.above}to {'below ' * self.below}{_number(self.high)}"


WEIGHT = Range(0, 10_000)
"""Of a loss. Those of the papers go up to 100."""
WIDTH = Range(1, 4096)
EVERY = Range(1, 1000)
"""Steps between losses that are computed now and then, with as many times their weight."""
SIDE = Range(1, 65_536)
SHARE = Range(0, 1)
MINUTES = Range(0, 10_000_000, above=True)
"""19 years."""
COUNT = Range(1)
ANY = Range(0)
RATE = Range(0, above=True)
"""One that is too high is noticed as soon as a loss or a weight explodes, by a sentence that names it."""

RANGES: dict[str, Range] = {
    "--size": SIDE, "--crop": SIDE, "--zoom": Range(1, 100), "--channels-a": WIDTH, "--channels-b": WIDTH,
    "--colours-a": Range(0, 256), "--colours-b": Range(0, 256), "--axis": Range(0, 2),
    "--generator.width": WIDTH, "--generator.blocks": Range(0, 1000), "--generator.kernel": SIDE,
    "--generator.depth": Range(2, 16), "--generator.dropout": Range(0, 1, below=True),
    "--generator.warp": Range(0, 65_536),
    "--discriminator.width": WIDTH, "--discriminator.layers": Range(1, 16), "--discriminator.scales": Range(1, 16),
    "--discriminator.view": Range(32, 4096), "--discriminator.patch-weight": Range(0, 10_000, above=True),
    "--discriminator.r1": WEIGHT, "--discriminator.r1-every": EVERY,
    "--gan-weight": WEIGHT, "--lambda-a": WEIGHT, "--lambda-b": WEIGHT, "--identity": WEIGHT,
    "--identity-every": EVERY, "--structure-weight": WEIGHT, "--inversion": WEIGHT,
    "--cycle-noise": SHARE,  # pictures go from -1 to 1: what is noisier is noise
    "--cycle-coarse": SIDE, "--cycle-floor": SHARE, "--cycle-features": SHARE, "--outside-mask": WEIGHT,
    "--warm-up-images": ANY, "--warm-up-mask": Range(0, 1, below=True), "--pool": Range(0, 100_000),
    "--nce.weight": WEIGHT, "--nce.identity": WEIGHT, "--nce.l1": WEIGHT, "--nce.patches": Range(1, 1_000_000),
    "--nce.temperature": Range(0.001, 100), "--nce.dimension": WIDTH,
    "--pix2pix.l1": WEIGHT,
    "--perceptual.content": WEIGHT, "--perceptual.style": WEIGHT, "--perceptual.smoothness": WEIGHT,
    "--perceptual.diversity": WEIGHT,
    "--bridge.steps": EVERY, "--bridge.tau": Range(0, 1, above=True), "--bridge.weight": WEIGHT,
    "--learning-rate": RATE, "--discriminator-learning-rate": RATE,
    "--beta1": Range(0, 1, below=True), "--beta2": Range(0, 1, below=True),
    "--warmup": ANY, "--decay-from": SHARE, "--clip": ANY,
    "--ema-images": ANY,  # a twentieth of what was seen at most
    "--init-gain": Range(0, 10, above=True),
    "--images": COUNT, "--minutes": MINUTES, "--passes": Range(0, 1_000_000, above=True), "--batch": SIDE,
    "--seed": Range(0, 2**63, below=True),
    "--checkpoint-minutes": MINUTES, "--checkpoint-images": COUNT, "--keep": COUNT, "--held-out": ANY,
    "--evaluate-every": COUNT, "--preview-minutes": Range(0, 10_000_000),
}  # fmt: skip
"""By option; every number has one."""


def outside(config: Config) -> Iterator[str]:
    """A sentence for each number that is out of its range."""
    for group in fields(Config):
        values = getattr(config, group.name)
        for field in fields(values) if group.name != "method" else ():
            typed, value = option(field.name, group.name), getattr(values, field.name)
            if typed in RANGES and value is not None and value not in RANGES[typed]:
                yield f"{typed} {value if isinstance(value, int) else f'{value:g}'} is not {RANGES[typed]}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
