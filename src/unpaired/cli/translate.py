"""`unpaired translate`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from unpaired.cli.options import parsed
from unpaired.config import Direction
from unpaired.errors import UserError
from unpaired.translation.batch import translate_files
from unpaired.translation.translator import Translator


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Translate pictures, and folders of pictures, with a trained run.

    unpaired translate runs/zebra horses/*.jpg --out zebras --direction a2b
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run, or one of its checkpoints."""
    inputs: Annotated[
        tuple[Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="INPUT [INPUT …]", help_behavior_hint="(required)"),
    ]
    """Pictures, and folders of which everything below is translated."""
    out: Path
    """Folder for the translations, which keep their names, formats and sizes."""
    direction: Direction | None = None
    """a2b or b2a; need not be named where the run translates in one direction only."""
    checkpoint: Literal["best", "latest"] | None = None
    """Which checkpoint of a run: the best where one was marked, else the latest."""
    batch: int | None = None
    """Pictures of one size that go through the network together; chosen by their size if not given."""
    overwrite: bool = False
    """Replace translations that are there already. An input is never replaced."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def _by_note(notes: list[tuple[Path, str]]) -> dict[str, list[Path]]:
    grouped: dict[str, list[Path]] = {}
    for path, note in notes:
        grouped.setdefault(note, []).append(path)
    return grouped


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "translate")
    if not told.inputs:
        raise UserError("Name pictures or folders to translate.")
    translator = Translator.load(told.run, direction=told.direction, checkpoint=told.checkpoint, device=told.device)
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("translating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        report = translate_files(
            translator, told.inputs, told.out, batch=told.batch, overwrite=told.overwrite,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    for note, files in _by_note(report.notes).items():
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        console.print(f"Note for {files[0]}{more}: {note}.", soft_wrap=True, markup=False)
    for path, reason in report.skipped:
        console.print(f"Skipped {path}: {reason}", soft_wrap=True, markup=False)
    for path, reason in report.failed:
        console.print(f"Failed {path}: {reason}", soft_wrap=True, markup=False)
    print(
        f"{len(report.written)} translated into {told.out}, {len(report.skipped)} skipped, {len(report.failed)} failed."
    )
    if report.failed:
        sys.exit(1)
