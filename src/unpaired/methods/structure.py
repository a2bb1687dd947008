"""What a translation is asked to keep of its source: where things are, where it is light. The same for every method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from unpaired.config import Domain, LossConfig
from unpaired.losses.structure import STRUCTURE, inversion
from unpaired.methods.step import Step
from unpaired.networks.precision import exactly


def kept_structure(parts: Iterator[Step], reals: Mapping[Domain, Tensor], config: LossConfig) -> Iterator[Step]:
    """The parts of a step of the generators, with what translations lose of the structure of their sources, and how far
    they swap light and dark; each where `config` gives it a weight. In float32, whatever the precision of the rest.
    """
    for part in parts:
        yield part.asked(_lost(part.made, reals, config))


def _lost(
    translations: Mapping[Domain, Tensor], reals: Mapping[Domain, Tensor], config: LossConfig
) -> Iterator[tuple[str, float, Tensor]]:
    compare = None if config.structure == "none" else STRUCTURE[config.structure]
    for domain, made in translations.items():
        with exactly(made.device):
            lost = compare(reals[domain], made) if compare else None
            swapped = inversion(reals[domain], made) if config.inversion else None
        if lost is not None:
            yield f"structure_{domain}", config.structure_weight, lost
        if swapped is not None:
            yield f"inversion_{domain}", config.inversion, swapped
