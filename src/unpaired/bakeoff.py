"""Several methods on the same pictures for the same time, measured by the same ruler, side by side."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unpaired.compute.ranks import joined
from unpaired.config import DIRECTIONS, Config, Direction, MethodName
from unpaired.data import split
from unpaired.data.discover import discover
from unpaired.data.files import write_json
from unpaired.data.grid import preview_grid
from unpaired.data.layout import pairs_by_name
from unpaired.errors import Interrupted, UserError
from unpaired.evaluation.measures import STANDARD
from unpaired.evaluation.result import Evaluation, Score
from unpaired.evaluation.run import evaluate, read
from unpaired.methods import METHODS
from unpaired.run import checkpoint, checkpoints
from unpaired.run.record import Folders, RunRecord
from unpaired.text import counted, number
from unpaired.training import loop, start
from unpaired.training.events import Listener
from unpaired.training.preview import ROWS, spread
from unpaired.training.run import find_folders
from unpaired.translation.translator import Translator
from unpaired.validation import validate

if TYPE_CHECKING:
    from rich.table import Table

HELD_OUT = 0.1
"""Share of each folder that is kept for measuring where there are no test folders."""
MOST_HELD_OUT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Contestant:
    """What one method reached."""

    method: str
    run: Path
    images: int
    """Images of each domain seen."""
    minutes: float
    result: Evaluation

    @property
    def kid(self) -> float:
        """KID from A to B, which every method can; lower is better."""
        return self._kid().translator

    @property
    def spread(self) -> float:
        """Standard deviation of `kid`."""
        return self._kid().spread or 0.0

    def scores(self, direction: Direction) -> dict[str, Score]:
        """Measures by name; none in a direction that the method does not know."""
        found = self.result.directions.get(direction)
        return found.measures if found else {}

    def _kid(self) -> Score:
        return next(score for name, score in self.scores("a2b").items() if name.startswith("KID"))


@dataclass(frozen=True, slots=True)
class Bakeoff:
    """The contestants, best first."""

    contestants: list[Contestant]

    def table(self) -> Table:
        """For a terminal: a column for each method, a row for each measure and direction."""
        from rich.table import Table

        table = Table(title="The same pictures, the same time")
        table.add_column("")
        for c in self.contestants:
            table.add_column(c.method, justify="right")
        table.add_column("do nothing", justify="right")
        table.add_row("minutes", *(f"{c.minutes:.1f}" for c in self.contestants))
        table.add_row("images", *(f"{c.images:,}" for c in self.contestants))
        rows: dict[tuple[Direction, str], None] = {}
        for c in self.contestants:
            rows |= dict.fromkeys((d, m) for d in DIRECTIONS for m in c.scores(d))
        for direction, measure in sorted(rows, key=lambda row: DIRECTIONS.index(row[0])):
            found = [c.scores(direction).get(measure) for c in self.contestants]
            known = next(score for score in found if score is not None)
            cells = [number(score.translator) if score else "–" for score in found]
            arrow = "↓" if known.better == "lower" else "↑"
            table.add_row(f"{direction} {measure} {arrow}", *cells, number(known.do_nothing))
        return table

    def advice(self) -> str:
        """Which to go on with, why, and how."""
        best, *others = self.contestants
        close = [c.method for c in others if c.kid - best.kid <= best.spread + c.spread]
        why = f"its translations of A are nearest to B (KID {best.kid:.3f} ± {best.spread:.3f})"
        if close:
            why += f"; too near to call: {', '.join(close)}, so let your eyes decide"
        return (
            f"Go on with {best.method}: {why}.\n"
            f"unpaired train --resume {best.run} --minutes {max(10, round(6 * best.minutes))}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            c.method: {"run": str(c.run), "images": c.images, "minutes": c.minutes, "result": c.result.to_dict()}
            for c in self.contestants
        }


def bakeoff(
    dir_a: Path, dir_b: Path | None, *, out: Path, methods: Sequence[MethodName], minutes: float, config: Config,
    listen: Callable[[Path], Iterable[Listener]] = lambda _: (), tell: Callable[[str], None] = lambda _: None,
) -> Bakeoff:  # fmt: skip
    """Train each of `methods` for an equal share of `minutes`, one after another, and measure them on other pictures.

    They are measured on testA and testB where these are there; else on a tenth of each folder, which is not trained
    on. Called again it goes on: what has had its share is not trained again. Leaves OUT/METHOD (the runs),
    OUT/bakeoff.png and OUT/bakeoff.json.

    Args:
        config: what all of them share.
        listen: listeners for the training of a run.

    Raises:
        UserError: fewer than two methods, one that needs pairs where there are none, too few pictures; `Interrupted`
            when stopped.
    """
    if len({*methods}) < 2 or len({*methods}) < len(methods):
        raise UserError("A bake-off compares methods: name two or more different ones with --methods.")
    share = minutes / len(methods)
    configs = [
        replace(config, method=m, training=replace(config.training, minutes=share, images=None)) for m in methods
    ]
    found = find_folders(dir_a, dir_b, config.data.layout)
    for wanted in configs:  # before the first is trained
        _check(wanted, found)
    folders = held_out(found, out / "pictures", config)
    paired = any(METHODS[m].paired for m in methods)
    contestants: list[Contestant] = []
    for wanted in configs:
        run = out / wanted.method
        tell(f"{wanted.method}: training for {share:.1f} minutes")
        _train(wanted, run, folders, listen(run))
        tell(f"{wanted.method}: measuring")
        contestants.append(_measured(wanted.method, run, folders, paired))
    contestants.sort(key=lambda c: c.kid)
    result = Bakeoff(contestants)
    _grid(result, folders, out / "bakeoff.png")
    write_json(out / "bakeoff.json", result.to_dict())
    return result


def _check(config: Config, folders: Folders) -> None:
    validate(config)
    METHODS[config.method].check(config)
    if METHODS[config.method].paired:
        a, b = discover(folders.a), discover(folders.b)
        if not pairs_by_name(a.folder, a.files, b.folder, b.files):
            raise UserError(
                f"{config.method} learns from pairs, but no file in {folders.a} has the name of one in {folders.b}: "
                "leave it out of --methods, or name pairs alike."
            )


def held_out(folders: Folders, home: Path, config: Config) -> Folders:
    """The same folders where they have test folders; else folders of links in `home` to a part to train on and a
    part to measure with.
    """
    if folders.test_a and folders.test_b:
        return folders
    if config.data.layout != "folders":
        raise UserError(
            f"A bake-off with --layout {config.data.layout} needs the folders train and test in {folders.a}."
        )
    files = {folder: discover(folder).files for folder in (folders.a, folders.b)}
    for folder, found in files.items():
        if len(found) < 2 * split.MINIMUM:
            raise UserError(
                f"{folder} holds {counted(len(found), 'picture')}: a bake-off needs at least {2 * split.MINIMUM} in "
                f"each, of which {split.MINIMUM} are kept for measuring; or give test folders."
            )
    (folder_a, files_a), (folder_b, files_b) = files.items()
    count = min(MOST_HELD_OUT, max(split.MINIMUM, round(HELD_OUT * min(len(files_a), len(files_b)))))
    chosen = split.held_out(folder_a, files_a, folder_b, files_b, count)
    for domain, (folder, found), tests in zip("AB", files.items(), chosen, strict=True):
        for index, path in enumerate(found):
            _link(path, home / f"{'test' if index in tests else 'train'}{domain}" / path.relative_to(folder))
    return find_folders(home, None)


def _link(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        return
    try:
        os.symlink(path.resolve(), place)
    except OSError:  # where links need a permission
        shutil.copyfile(path, place)


def _train(config: Config, run: Path, folders: Folders, listeners: Iterable[Listener]) -> None:
    with joined() as ranks:
        if (run / "run.json").exists():
            session = start.resume(run, ranks=ranks, change=lambda _: config, listeners=listeners)
        else:
            session = start.begin(config, folders, run, ranks=ranks, listeners=listeners)
        ending = loop.train(session)
    if ending == "interrupted":
        raise Interrupted(f"Stopped while {config.method} trained; nothing is lost. The same command goes on.")


def _measured(method: str, run: Path, folders: Folders, paired: bool) -> Contestant:
    assert folders.test_a is not None
    newest = checkpoints.latest(run)
    assert newest is not None
    manifest = checkpoint.read(newest).manifest
    test_b = folders.test_b if folders.test_b != folders.test_a else None  # one folder may hold both domains
    result = evaluate(run, folders.test_a, test_b, paired=paired, measures=STANDARD)
    return Contestant(method=method, run=run, images=manifest.images, minutes=manifest.seconds / 60, result=result)


def _grid(result: Bakeoff, folders: Folders, path: Path) -> None:
    """A column for each method, A to B."""
    assert folders.test_a is not None
    config = RunRecord.read(result.contestants[0].run).config
    inputs = [read(p, config, config.data.channels_a) for p in spread(discover(folders.test_a).files, ROWS)]
    columns = {"input": inputs}
    for c in result.contestants:
        columns[c.method] = Translator.load(c.run, direction="a2b").translate_arrays(inputs)
    preview_grid(list(columns.values()), list(columns)).save(path)
