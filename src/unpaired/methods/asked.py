"""What the generators are asked, all of it: by their method, and of their translations whatever the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from unpaired.config import Domain, LossConfig
from unpaired.losses.cycle import outside
from unpaired.losses.structure import STRUCTURE, inversion
from unpaired.methods.base import Method
from unpaired.methods.step import Asked, Step
from unpaired.networks.precision import exactly

Pictures = Mapping[Domain, Tensor]


def generator_parts(method: Method, reals: Pictures, masks: Pictures, config: LossConfig, step: int) -> Iterator[Step]:
    """The parts of a step of the generators on (N, C, H, W) pictures in [-1, 1] and (N, 1, H, W) masks in [0, 1]."""
    for part in method.generator_step(reals["a"], reals["b"], step):
        yield part.asked(kept(part.made, reals, masks, config))


def kept(made: Pictures, reals: Pictures, masks: Pictures, config: LossConfig) -> Iterator[Asked]:
    """What translations, by the domain of their sources, are asked to keep of these: structure, light and dark where
    `config` gives them a weight, in float32 whatever the precision of the rest; and what lies outside of masks, of
    domains that have some.
    """
    for domain, translation in made.items():
        source = reals[domain]
        if config.structure != "none":
            with exactly(source.device):
                lost = STRUCTURE[config.structure](source, translation)
            yield f"structure_{domain}", config.structure_weight, lost
        if config.inversion:
            with exactly(source.device):
                swapped = inversion(source, translation)
            yield f"inversion_{domain}", config.inversion, swapped
        if domain in masks:
            yield f"outside_{domain}", config.outside_mask, outside(translation, source, masks[domain])
