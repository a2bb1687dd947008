"""`unpaired translate`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from unpaired.cli import speaks
from unpaired.cli.doubts import warn_of_unusual, write_changes
from unpaired.cli.options import parsed
from unpaired.config import Direction
from unpaired.data.pixels import let_in
from unpaired.errors import UserError
from unpaired.training.ranks import joined
from unpaired.translation.batch import BatchReport, translate_files
from unpaired.translation.manifest import Status
from unpaired.translation.translator import Translator
from unpaired.translation.video import is_film, translate_film

NAMED = 20  # files named one by one; all are in the manifest


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Translate pictures, folders of pictures, and films, with a trained run.

    unpaired translate runs/zebra horses/*.jpg --out zebras --direction a2b

    unpaired translate runs/zebra horses.mp4 --out zebras.mp4 --direction a2b
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run, or one of its checkpoints."""
    inputs: Annotated[
        tuple[Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="INPUT [INPUT …]", help_behavior_hint="(required)"),
    ]
    """Pictures, and folders of which everything below is translated; or one film."""
    out: Path
    """Folder for the translations, which keep their names, formats and sizes. What is done there is not done again:
    after an interruption, the same command goes on. Of a film: the film to write, or pictures such as
    frames/%05d.png."""
    direction: Direction | None = None
    """a2b or b2a; need not be named where the run translates in one direction only."""
    checkpoint: Literal["best", "latest"] | None = None
    """Which checkpoint of a run: the best where one was marked, else the latest."""
    batch: int | None = None
    """Pictures of one size that go through the network together; chosen by their size if not given."""
    overwrite: bool = False
    """Replace what is there already and is not this command's own finished work. An input is never replaced."""
    trust: bool = True
    """Say which inputs are unlike the training pictures, so that their translations may mean nothing. The first time
    for a run, some hundreds of its training pictures are looked at; what is found is kept beside the run."""
    changes: Path | None = None
    """Folder for a map of each translation: dark where nothing was changed, bright where much was."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    max_memory: str | None = None
    """Memory to take, such as 3GB: a picture that needs more is translated a band of rows at a time, with the same
    result; most of what is free if not given."""
    max_megapixels: float | None = None
    """Pictures with more million pixels are refused, as made to harm: 178 if not given. Streamed TIFFs may have any."""
    fps: float | None = None
    """Make a film of a folder of pictures, in the order of their names: so many in a second."""
    smooth: float = 0.0
    """Of a film: how strongly what stands still in it is held still in its translation, from 0 (not at all) to below 1.
    It lowers flicker; 0.8 is a good beginning."""


def main(arguments: list[str]) -> None:
    with joined() as ranks:
        with ranks.together():
            told = parsed(arguments, Arguments, "translate", speak=ranks.first)
            if not told.inputs:
                raise UserError("Name pictures or folders to translate.")
            if told.max_megapixels is not None:
                let_in(told.max_megapixels)
            translator = Translator.load(
                told.run, direction=told.direction, checkpoint=told.checkpoint, device=told.device,
                max_memory=told.max_memory,
            )  # fmt: skip
        console = Console(stderr=True, highlight=False, quiet=not speaks())
        if is_film(told.inputs, told.out):
            if ranks.world > 1:
                raise UserError("A film is translated by one process: leave torchrun out.")
            film(told, translator, console)
            return
        if told.fps or told.smooth:
            raise UserError("--fps and --smooth are for films: name a film to write, such as --out film.mp4.")
        columns = (TextColumn("translating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=None)
            report = translate_files(
                translator, told.inputs, told.out, batch=told.batch, overwrite=told.overwrite, ranks=ranks,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )  # fmt: skip
        if ranks.first:
            tell(report, console)
            if told.changes is not None:
                write_changes(report, told.changes, console)
            if told.trust and report.translated:
                warn_of_unusual(report, told.run, translator.direction(told.direction), console)
    if report.failures:
        sys.exit(1)


def film(told: Arguments, translator: Translator, console: Console) -> None:
    """Translate the one film among the inputs."""
    source, *others = told.inputs
    if others:
        raise UserError("Films are translated one by one: name one film, or one folder of its frames.")
    columns = (
        TextColumn("translating"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        report = translate_film(
            translator, source, told.out, fps=told.fps, smooth=told.smooth, overwrite=told.overwrite,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    for note in report.notes:
        console.print(f"Of {source}, {note}.", soft_wrap=True, markup=False)
    print(f"{report.frames:,} frames translated into {report.out}.")
    if report.cut:
        console.print(f"{source} {report.cut}: what there is was translated.", soft_wrap=True, markup=False)
        sys.exit(1)


def tell(report: BatchReport, console: Console) -> None:
    """The files that were not translated, and a sentence on all of them."""
    counts: dict[Status, int] = {"skipped": report.passed_over, "failed": report.failures}
    for status, count in counts.items():
        for told in islice(report.outcomes(status), min(count, NAMED)):
            console.print(f"{status.capitalize()} {told.input}: {told.reason}", soft_wrap=True, markup=False)
        if count > NAMED:
            more = f"{status.capitalize()} {count - NAMED:,} more: {report.manifest} says why."
            console.print(more, soft_wrap=True, markup=False)
    for note, count in report.notes.items():
        console.print(f"Of {count:,} files, {note}.", soft_wrap=True, markup=False)
    if report.unrecorded:
        lost = f"{report.manifest} had no space for {len(report.unrecorded):,} of these lines."
        console.print(lost, soft_wrap=True, markup=False)
    kept = f"{report.kept:,} were done before, " if report.kept else ""
    print(
        f"{report.translated:,} translated into {report.manifest.parent}, {kept}"
        f"{report.passed_over:,} skipped, {report.failures:,} failed."
    )
