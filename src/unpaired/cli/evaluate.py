"""`unpaired evaluate`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from unpaired.evaluation.run import evaluate


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure a run on pictures that it was not trained on.

    unpaired evaluate runs/zebra test/horses test/zebras
    """

    run: Annotated[Path, tyro.conf.Positional]
    """A run, or one of its checkpoints."""
    dir_a: Annotated[Path, tyro.conf.Positional]
    """Held-out pictures of domain A."""
    dir_b: Annotated[Path | None, tyro.conf.Positional] = None
    """Held-out pictures of domain B. Without it the first folder holds testA and testB, or both domains in one as
    the training folder did (--layout)."""
    paired: bool = False
    """Files of the same name show the same: compare translations with them, too."""
    json: bool = False
    """Print JSON in place of a table."""


def main(arguments: list[str]) -> None:
    told = tyro.cli(Arguments, args=arguments, prog="unpaired evaluate")
    result = evaluate(told.run, told.dir_a, told.dir_b, paired=told.paired)
    if told.json:
        print(json.dumps(result.to_dict(), indent=1))
        return
    console = Console(highlight=False)
    console.print(result.table())
    for direction, scores in result.directions.items():
        for reason in scores.left_out:
            console.print(f"{direction}: left out: {reason}", style="bright_black")
