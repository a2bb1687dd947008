"""What the generators are asked, all of it: by their method, and by what every method shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from unpaired.config import Domain, LossConfig
from unpaired.methods.base import Method
from unpaired.methods.outside import kept_outside
from unpaired.methods.step import Step
from unpaired.methods.structure import kept_structure


def generator_parts(
    method: Method, reals: Mapping[Domain, Tensor], masks: Mapping[Domain, Tensor], config: LossConfig, step: int
) -> Iterator[Step]:
    """The parts of a step of the generators on (N, C, H, W) pictures in [-1, 1] and (N, 1, H, W) masks in [0, 1]."""
    parts = method.generator_step(reals["a"], reals["b"], step)
    if config.structure != "none" or config.inversion:
        parts = kept_structure(parts, reals, config)
    return kept_outside(parts, reals, masks, config.outside_mask) if masks else parts
