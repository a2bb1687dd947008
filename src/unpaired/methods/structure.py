"""What a translation is asked to keep of its source: where things are, where it is light. The same for every method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from torch import Tensor

from unpaired.config import Domain, LossConfig
from unpaired.losses.structure import STRUCTURE, inversion
from unpaired.methods.step import Step
from unpaired.networks.precision import exactly


def kept_structure(parts: Iterator[Step], reals: Mapping[Domain, Tensor], config: LossConfig) -> Iterator[Step]:
    """The parts of a step of the generators, with what translations lose of the structure of their sources, and how far
    they swap light and dark; each where `config` gives it a weight. In float32, whatever the precision of the rest.
    """
    compare = None if config.structure == "none" else STRUCTURE[config.structure]
    for part in parts:
        loss, terms = part.loss, dict(part.terms)
        for domain, made in part.made.items():
            with exactly(made.device):
                if compare:
                    terms[f"structure_{domain}"] = compare(reals[domain], made)
                    loss = loss + config.structure_weight * terms[f"structure_{domain}"]
                if config.inversion:
                    terms[f"inversion_{domain}"] = inversion(reals[domain], made)
                    loss = loss + config.inversion * terms[f"inversion_{domain}"]
        yield replace(part, loss=loss, terms=terms)
