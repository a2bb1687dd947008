"""`unpaired report`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from unpaired.cli.options import parsed
from unpaired.report.page import write_report


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a run's report, RUN/report.html: one file with pictures, curves and numbers."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run, finished or not."""


def main(arguments: list[str]) -> None:
    print(write_report(parsed(arguments, Arguments, "report").run))
