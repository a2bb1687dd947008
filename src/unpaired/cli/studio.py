"""`unpaired studio`: watch trainings, use them, judge them, in a browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from unpaired.cli.options import parsed
from unpaired.cli.serve import require_web
from unpaired.web.settings import Settings, checked


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Open the studio, a web app on this machine: start trainings and watch them learn, translate pictures, hold
    studies of which translations pass for real.

    unpaired studio

    unpaired studio runs --port 8080
    """

    runs: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUNS_DIR")] = Path("runs")
    """The folder of runs; it is made where it is missing."""
    pictures: tuple[Path, ...] = (Path("."),)
    """Folders below which pictures may be chosen to train on."""
    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "studio")
    settings = checked(told.settings)
    require_web()
    from unpaired.web.app import application
    from unpaired.web.folders import Folders
    from unpaired.web.runs import Runs
    from unpaired.web.server import serve

    app, service = application(Runs.below(told.runs), settings, Folders(told.pictures))
    serve(app, service, settings, "The studio is at {address} (Ctrl-C stops it; trainings go on).")
