"""What methods that contrast patches have in common (Park et al. 2020, CUT, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unpaired.config import Config, NceConfig
from unpaired.losses.contrastive import patch_nce
from unpaired.networks import build_generator
from unpaired.networks.generator import Generator
from unpaired.networks.projector import PatchProjector
from unpaired.validation import require

READS = (
    "nce.weight", "nce.identity", "nce.layers", "nce.patches", "nce.temperature", "nce.dimension", "nce.across",
)  # fmt: skip
"""Options of `NceConfig` that all of them read; CUT reads every one."""


def projector(generator: Generator, config: NceConfig) -> PatchProjector:
    """Heads for the stages of `generator` that are contrasted."""
    return PatchProjector([generator.widths[stage] for stage in config.layers], config.dimension)


def contrast(
    queries: Sequence[Tensor], keys: Sequence[Tensor], of_queries: PatchProjector, of_keys: PatchProjector,
    config: NceConfig,
) -> Tensor:  # fmt: skip
    """PatchNCE between the stages of translations and of their sources, the mean over the stages (eq. 4): a scalar.

    At each stage the same random places of both are compared; with those of the same picture, or of all pictures.
    """
    places = [torch.randperm(q.shape[2] * q.shape[3], device=q.device)[: config.patches] for q in queries]
    with torch.no_grad():
        theirs = of_keys(keys, places)
    ours = of_queries(queries, places)
    if config.across:
        theirs, ours = ([x.flatten(0, 1)[None] for x in side] for side in (theirs, ours))
    losses = [patch_nce(q, k, config.temperature) for q, k in zip(ours, theirs, strict=True)]
    return torch.stack(losses).mean()


def check(config: Config) -> None:
    """Raise `UserError` where `config.nce` can't be used with the generator."""
    nce, gen = config.nce, config.generator
    with torch.device("meta"):
        last = len(build_generator(*config.channels("a2b"), gen).widths) - 1
    rules = [
        (len(nce.layers) > 0 and len({*nce.layers}) == len(nce.layers) and all(0 <= s <= last for s in nce.layers),
         f"nce.layers {nce.layers} are not different stages from 0 to {last}, which this {gen.kind} has: give "
         f"--nce.layers {' '.join(str(s) for s in sorted({min(max(s, 0), last) for s in nce.layers})) or 0}"),
        ((config.training.batch if nce.across else 1) * nce.patches >= 2,
         f"{nce.patches} places of a picture leave nothing to contrast: raise --nce.patches, or --batch with "
         "--nce.across"),
        (nce.identity == nce.l1 == 0 or config.data.channels_a == config.data.channels_b,
         "nce.identity and nce.l1 need domains with the same channels: give --nce.identity 0 and --nce.l1 0"),
    ]  # fmt: skip
    require(rules)
