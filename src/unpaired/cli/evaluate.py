"""`unpaired evaluate`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from unpaired.cli import fcn
from unpaired.cli.options import parsed
from unpaired.compute.device import choose_device
from unpaired.config import Domain
from unpaired.errors import UserError
from unpaired.evaluation.fcn import Judge
from unpaired.evaluation.inception import InceptionExtractor
from unpaired.evaluation.labels import CITYSCAPES, VOID, read_palette
from unpaired.evaluation.measures import MEASURES
from unpaired.evaluation.run import evaluate
from unpaired.text import counted


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure a run on pictures that it was not trained on.

    unpaired evaluate runs/zebra test/horses test/zebras

    unpaired evaluate fcn train --help is about the network of the FCN score.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run, or one of its checkpoints."""
    dir_a: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR_A")]
    """Held-out pictures of domain A."""
    dir_b: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[DIR_B]")] = None
    """Held-out pictures of domain B. Without it the first folder holds testA and testB, or both domains in one as
    the training folder did (--layout)."""
    measures: Annotated[tuple[str, ...], tyro.conf.arg(metavar=f"{{{','.join(MEASURES)}}} …")] = ()
    """Which measures; all that the pictures allow if not given."""
    paired: bool = False
    """Files of the same name show the same: compare translations with them, too."""
    labels: Domain | None = None
    """Domain that is colour label maps: score the classes of translations into it (with --paired)."""
    palette: Path | None = None
    """JSON file with the colours of the label maps, {"road": [128, 64, 128], …, "void": [0, 0, 0]}; those of
    Cityscapes if not given."""
    fcn: Path | None = None
    """File of an FCN, as unpaired evaluate fcn train makes it: score translations of the label maps into photos."""
    inception: Path | None = None
    """File of the published Inception network (pt_inception-2015-12-05-6726825d.pth, or a TorchScript): distances look
    through it, and FID is FID."""
    limit: int | None = None
    """At most so many pictures of each folder, the first by name."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    json: bool = False
    """Print JSON in place of a table."""


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["fcn"]:
        fcn.main(arguments[1:])
        return
    told = parsed(arguments, Arguments, "evaluate")
    if told.limit is not None and told.limit < 1:
        raise UserError(f"limit {told.limit} is not at least 1.")
    if told.palette is not None and told.labels is None:
        raise UserError("A palette is for label maps: say with --labels which domain they are.")
    device = choose_device(told.device)
    eyes = InceptionExtractor.load(told.inception, device) if told.inception else None
    judge = Judge.load(told.fcn, device) if told.fcn else None
    console = Console(stderr=True, highlight=False)
    with console.status("") as status:
        result = evaluate(
            told.run, told.dir_a, told.dir_b, paired=told.paired, measures=told.measures or None, labels=told.labels,
            palette=read_palette(told.palette) if told.palette else (CITYSCAPES, VOID),
            segmenter=judge, extractor=eyes, limit=told.limit, device=told.device, tell=status.update,
        )  # fmt: skip
    if told.json:
        print(json.dumps(result.to_dict(), indent=1))
    else:
        out = Console(highlight=False)
        out.print(result.table())
        if (classes := result.class_table()) is not None:
            out.print(classes)
    for path, why in result.unreadable:
        console.print(f"Left out {path}: {why}", soft_wrap=True, markup=False)
    if result.unreadable:
        console.print(
            f"{counted(len(result.unreadable), 'picture')} could not be measured; the others were.", soft_wrap=True
        )
        sys.exit(1)
