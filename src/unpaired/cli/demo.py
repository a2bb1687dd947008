"""`unpaired demo`: the built-in pair, from nothing to a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import tyro
from PIL import Image
from rich.console import Console

from unpaired.cli.train import rank_console
from unpaired.config import DIRECTIONS
from unpaired.data import demo as pictures
from unpaired.data.cache import default_cache_dir
from unpaired.display import Display, duration
from unpaired.errors import Interrupted
from unpaired.evaluation.run import evaluate
from unpaired.presets import demo as preset
from unpaired.report.grid import BACKGROUND
from unpaired.report.page import write_report
from unpaired.training import checkpoint
from unpaired.training.loop import Ending
from unpaired.training.record import RunRecord
from unpaired.training.run import find_folders, run_session
from unpaired.training.session import Session, begin, resume
from unpaired.translation.batch import translate_files
from unpaired.translation.translator import Translator

MINUTES = 5.0


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train a translator between flat and 3D emoji, measure it, and look at it.

    unpaired demo

    unpaired demo --minutes 30 goes on from where it was.
    """

    minutes: float | None = None
    """Minutes of training in all; 5 at first, and later runs go on."""
    out: Path = Path("runs/demo")
    """Folder of the run."""
    seed: int = 0
    """Of everything random."""


def main(arguments: list[str]) -> None:
    told = tyro.cli(Arguments, args=arguments, prog="unpaired demo")
    console = rank_console()
    if not (told.out / "run.json").exists():
        session = _begin(told, console)
    else:
        trained = _trained(told.out)
        planned = RunRecord.read(told.out).config.training.minutes or MINUTES
        wanted = told.minutes if told.minutes is not None else planned
        if trained >= 60 * wanted:
            _say_what_is_there(told.out, trained, console)
            return
        session = _resume(told.out, wanted, console)
    _finish(session, console)


def _begin(told: Arguments, console: Console) -> Session:
    console.print("Flat emoji (A) ↔ 3D emoji (B). " + pictures.CREDITS)
    folders = find_folders(pictures.unpack(default_cache_dir() / "demo"), None)
    config = preset()
    config = replace(config, training=replace(config.training, minutes=told.minutes or MINUTES, seed=told.seed))
    with Display(told.out, console) as display:
        session = begin(
            config,
            folders,
            told.out,
            listeners=[display],
            preset="demo",
            title="Flat ↔ 3D emoji",
            credits=pictures.CREDITS,
        )
        ending = run_session(session)
    return _unless_stopped(session, ending)


def _resume(run: Path, minutes: float, console: Console) -> Session:
    pictures.unpack(default_cache_dir() / "demo")
    with Display(run, console) as display:
        session = resume(
            run,
            change=lambda c: replace(c, training=replace(c.training, minutes=minutes)),
            listeners=[display],
        )
        ending = run_session(session)
    return _unless_stopped(session, ending)


def _unless_stopped(session: Session, ending: Ending) -> Session:
    if ending != "interrupted":
        return session
    write_report(session.run)
    raise Interrupted(f"Stopped at {session.clock.images:,} images; nothing is lost. Go on with: unpaired demo")


def _finish(session: Session, console: Console) -> None:
    """Translate the test pictures both ways, measure, and leave what a person wants to see."""
    run, folders = session.run, RunRecord.read(session.run).folders
    assert folders.test_a is not None
    assert folders.test_b is not None
    translator = Translator.load(run)
    for direction, folder in zip(DIRECTIONS, (folders.test_a, folders.test_b), strict=True):
        console.print(f"Translating the test pictures, {direction} …")
        translate_files(translator, [folder], run / "translations" / direction, direction, overwrite=True)
    console.print("Measuring …")
    result = evaluate(run, folders.test_a, folders.test_b, paired=True)
    session.events.tell("evaluation", session.clock.images, session.clock.seconds, result=result.to_dict())
    _preview(session).save(run / "preview.png")
    page = write_report(run)
    console.print(result.table())
    console.print(f"Pictures: {run / 'preview.png'}\nReport:   {page}\nAll test pictures: {run / 'translations'}")
    console.print(f"Go on with: unpaired demo --minutes {max(30, round(6 * session.clock.seconds / 60))}")


def _say_what_is_there(run: Path, trained: float, console: Console) -> None:
    console.print(f"{run} holds a demo that was trained for {duration(trained)}: {run / 'report.html'}")
    console.print(
        f"Go on with: unpaired demo --minutes {max(30, round(2 * trained / 60))}\n"
        f"Translate:  unpaired translate {run} PICTURES --out OUT --direction a2b\n"
        "Start anew: unpaired demo --out runs/another"
    )


def _trained(run: Path) -> float:
    """Seconds that the newest checkpoint was trained."""
    newest = checkpoint.latest(run)
    return checkpoint.read(newest).manifest.seconds if newest else 0.0


def _preview(session: Session) -> Image.Image:
    """The last preview grids of both directions, side by side."""
    grids = [Image.open(session.run / "previews" / f"{session.clock.images:09d}-{d}.png") for d in DIRECTIONS]
    sheet = Image.new("RGB", (sum(g.width for g in grids), max(g.height for g in grids)), BACKGROUND)
    left = 0
    for grid in grids:
        sheet.paste(grid, (left, 0))
        left += grid.width
    return sheet
