"""`unpaired demo`: the built-in pair, from nothing to a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from rich.console import Console

from unpaired.cli import speaks
from unpaired.cli.display import Display
from unpaired.cli.options import parsed
from unpaired.cli.train import rank_console
from unpaired.compute.ranks import Ranks, joined
from unpaired.config import DIRECTIONS
from unpaired.data import demo as pictures
from unpaired.data.files import default_cache_dir
from unpaired.data.grid import BACKGROUND
from unpaired.errors import Interrupted, UserError
from unpaired.evaluation.measures import STANDARD
from unpaired.evaluation.run import evaluate
from unpaired.presets import demo as preset
from unpaired.report.page import write_report
from unpaired.run import checkpoint, checkpoints
from unpaired.run.record import Folders, RunRecord
from unpaired.text import duration
from unpaired.training import events, loop
from unpaired.training.run import find_folders
from unpaired.training.session import Session
from unpaired.training.start import begin, resume
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
    seed: int | None = None
    """Seed of everything random, in a new run; 0 if not given."""


def main(arguments: list[str]) -> None:
    told, console = parsed(arguments, Arguments, "demo"), rank_console()
    if told.minutes is not None and not told.minutes > 0:
        raise UserError(f"minutes {told.minutes:g} is not above 0.")
    record = _recorded(told)
    newest = _newest(told.out) if record else None
    minutes = told.minutes or (record and record.config.training.minutes) or MINUTES
    folders = find_folders(pictures.unpack(default_cache_dir() / "demo"), None)
    if newest is None or newest.seconds < 60 * minutes:
        _train(told, minutes, folders, console, new=record is None)
    elif _is_measured(told.out, newest.images):
        _say_what_is_there(told.out, newest.seconds, console)
        return
    if speaks():
        _finish(told.out, folders, console)


def _recorded(told: Arguments) -> RunRecord | None:
    """What run.json says of a demo that is there. Raises `UserError` where it is something else."""
    if not (told.out / "run.json").exists():
        return None
    record = RunRecord.read(told.out)
    if record.preset != "demo":
        raise UserError(f"{told.out} holds another training than the demo: name another --out.")
    if told.seed not in (None, record.config.training.seed):
        raise UserError(f"{told.out} was begun with --seed {record.config.training.seed}: name another --out.")
    return record


def _train(told: Arguments, minutes: float, folders: Folders, console: Console, *, new: bool) -> None:
    with joined() as ranks, Display(told.out, console) as display:
        session = _begin(told, minutes, folders, ranks, display) if new else _resume(told, minutes, ranks, display)
        ending = loop.train(session)
    if ending == "interrupted" and speaks():
        write_report(told.out)
        raise Interrupted(
            f"Stopped at {session.clock.images:,} images; nothing is lost. Go on with: {_again(told.out)}"
        )  # fmt: skip


def _begin(told: Arguments, minutes: float, folders: Folders, ranks: Ranks, display: Display) -> Session:
    display.console.print("Flat emoji (A) ↔ 3D emoji (B). " + pictures.CREDITS)
    config = preset()
    config = replace(config, training=replace(config.training, minutes=minutes, seed=told.seed or 0))
    return begin(
        config, folders, told.out, ranks=ranks, listeners=[display],
        preset="demo", title="Flat ↔ 3D emoji", credits=pictures.CREDITS,
    )  # fmt: skip


def _resume(told: Arguments, minutes: float, ranks: Ranks, display: Display) -> Session:
    return resume(
        told.out, ranks=ranks, listeners=[display],
        change=lambda config: replace(config, training=replace(config.training, minutes=minutes)),
    )  # fmt: skip


def _finish(run: Path, folders: Folders, console: Console) -> None:
    """Translate the test pictures both ways, measure, and leave what a person wants to see."""
    newest, test_a, test_b = _newest(run), folders.test_a, folders.test_b
    assert newest is not None
    assert test_a is not None
    assert test_b is not None
    translator = Translator.load(run)
    for direction, folder in zip(DIRECTIONS, (test_a, test_b), strict=True):
        console.print(f"Translating the test pictures, {direction} …")
        translate_files(translator, folder, run / "translations" / direction, direction, overwrite=True)
    console.print("Measuring …")
    result = evaluate(run, test_a, test_b, paired=True, measures=STANDARD)
    _preview(run, newest.images).save(run / "preview.png")
    events.Events(run).tell("evaluation", newest.images, newest.seconds, result=result.to_dict())
    page = write_report(run)
    console.print(result.table())
    console.print(f"Pictures: {run / 'preview.png'}\nReport:   {page}\nAll test pictures: {run / 'translations'}")
    console.print(f"Go on with: {_again(run, max(30, round(6 * newest.seconds / 60)))}")


def _is_measured(run: Path, images: int) -> bool:
    """Whether all that follows the training was done: a person may have stopped it."""
    measured = any(e["kind"] == "evaluation" and e["images"] == images for e in events.read(run))
    return measured and (run / "report.html").exists() and (run / "preview.png").exists()


def _say_what_is_there(run: Path, trained: float, console: Console) -> None:
    console.print(f"{run} holds a demo that was trained for {duration(trained)}: {run / 'report.html'}")
    console.print(
        f"Go on with: {_again(run, max(30, round(2 * trained / 60)))}\n"
        f"Translate:  unpaired translate {run} PICTURES --out OUT --direction a2b\n"
        "Start anew: unpaired demo --out runs/another"
    )


def _newest(run: Path) -> checkpoint.Manifest | None:
    """What the newest checkpoint says of itself."""
    folder = checkpoints.latest(run)
    return checkpoint.read(folder).manifest if folder else None


def _again(run: Path, minutes: int | None = None) -> str:
    """The command that goes on with this demo."""
    out = "" if run == Arguments().out else f" --out {run}"
    return "unpaired demo" + (f" --minutes {minutes}" if minutes else "") + out


def _preview(run: Path, images: int) -> Image.Image:
    """The last preview grids of both directions, side by side."""
    grids = [Image.open(run / "previews" / f"{images:09d}-{d}.png") for d in DIRECTIONS]
    sheet = Image.new("RGB", (sum(g.width for g in grids), max(g.height for g in grids)), BACKGROUND)
    left = 0
    for grid in grids:
        sheet.paste(grid, (left, 0))
        left += grid.width
    return sheet
