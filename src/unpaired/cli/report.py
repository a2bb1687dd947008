"""`unpaired report`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from unpaired.report.page import write_report


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a run's report, RUN/report.html: one file with pictures, curves and numbers."""

    run: Annotated[Path, tyro.conf.Positional]
    """A run, finished or not."""


def main(arguments: list[str]) -> None:
    print(write_report(tyro.cli(Arguments, args=arguments, prog="unpaired report").run))
