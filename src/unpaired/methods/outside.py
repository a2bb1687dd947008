"""What lies outside given masks is to stay as it is. The same for every method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from unpaired.config import Domain
from unpaired.losses.cycle import outside
from unpaired.methods.step import Step


def kept_outside(
    parts: Iterator[Step], reals: Mapping[Domain, Tensor], masks: Mapping[Domain, Tensor], weight: float
) -> Iterator[Step]:
    """The parts of a step of the generators, with the distance of translations to their sources outside the masks,
    (N, 1, H, W) in [0, 1], of domains that have some.
    """
    for part in parts:
        yield part.asked(
            (f"outside_{domain}", weight, outside(made, reals[domain], masks[domain]))
            for domain, made in part.made.items()
            if domain in masks
        )
