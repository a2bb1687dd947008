"""`unpaired compare`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from unpaired.cli.options import parsed
from unpaired.compare.side_by_side import compare


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Put runs side by side: what they cost, how good they are, and what they make of the same pictures.

    unpaired compare runs/zebra runs/zebra-2
    """

    runs: Annotated[
        tuple[Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="RUN RUN [RUN …]", help_behavior_hint="(required)"),
    ]
    """Two runs or more."""
    out: Path = Path("compare.html")
    """The page, one file that needs nothing else."""
    test_a: Path | None = None
    """Measure all runs anew on these pictures of A; else what each training measured of its best checkpoint counts."""
    test_b: Path | None = None
    """The same for B."""
    paired: bool = False
    """Files of one name in both test folders show the same: compare them too."""
    json: bool = False
    """Print JSON in place of the table."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "compare")
    progress = Console(stderr=True, highlight=False)
    result = compare(
        told.runs, out=told.out, test_a=told.test_a, test_b=told.test_b, paired=told.paired, device=told.device,
        tell=lambda sentence: progress.print(f"{sentence} …", soft_wrap=True),
    )  # fmt: skip
    if told.json:
        print(json.dumps(result.to_dict(), indent=1))
    else:
        Console(highlight=False).print(result.tables())
        print(f"Page: {told.out}")
