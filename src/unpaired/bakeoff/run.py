"""The bake-off itself: methods that train one after another, each for its share of the time, and are measured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from unpaired.bakeoff import beginning
from unpaired.bakeoff.result import Bakeoff, Contestant
from unpaired.compare.grid import side_by_side
from unpaired.compute.ranks import joined
from unpaired.config import Config, MethodName
from unpaired.data.discover import discover
from unpaired.data.files import write_json
from unpaired.data.layout import pairs_by_name
from unpaired.errors import Exploded, Interrupted, UserError
from unpaired.evaluation.measures import STANDARD
from unpaired.evaluation.run import evaluate, one_shape
from unpaired.methods import METHODS
from unpaired.run import checkpoint, checkpoints
from unpaired.run.record import Folders, RunRecord
from unpaired.text import counted, duration
from unpaired.training import loop, start
from unpaired.training.events import Listener
from unpaired.training.run import find_folders
from unpaired.validation import validate

Tell = Callable[[str], None]


def bakeoff(
    dir_a: Path, dir_b: Path | None, *, out: Path, methods: Sequence[MethodName], minutes: float, config: Config,
    preset: str | None = None, listen: Callable[[Path], Iterable[Listener]] = lambda _: (),
    tell: Tell = lambda _: None, busy: Tell = lambda _: None,
) -> Bakeoff:  # fmt: skip
    """Train each of `methods` for an equal share of `minutes`, one after another, and measure them on other pictures.

    They are measured on testA and testB where these are there; else on a tenth of each folder, which is not trained
    on. Called again it goes on: what has had its share is not trained again. A method whose training explodes is left
    out, and the others go on. Leaves OUT/METHOD (the runs), OUT/bakeoff.png and OUT/bakeoff.json.

    Args:
        minutes: of training, of all methods together; measuring comes on top.
        config: what all of them share.
        preset: the name of the preset that `config` came from.
        listen: listeners for the training of a run.
        tell: is told what is done and how long it took.
        busy: is told what is being done while a method is measured, for a progress display.

    Raises:
        UserError: fewer than two methods, one that needs pairs where there are none, too few pictures, a bake-off in
            OUT that was begun with something else; `Interrupted` when stopped.
    """
    if len({*methods}) < 2 or len({*methods}) < len(methods):
        raise UserError("A bake-off compares methods: name two or more different ones with --methods.")
    if not (math.isfinite(minutes) and minutes > 0):
        raise UserError(f"A bake-off takes a number of minutes above 0, not {minutes:g}.")
    share = minutes / len(methods)
    configs = [
        replace(config, method=m, training=replace(config.training, minutes=share, images=None)) for m in methods
    ]
    found = find_folders(dir_a, dir_b, config.data.layout)
    for wanted in configs:  # before the first is trained
        _check(wanted, found, preset)
        _check_share(out / wanted.method, share, len(methods))
    beginning.begin(out, found, config, preset)
    folders = beginning.held_out(found, out / "pictures", config)
    paired = _paired(methods, folders)
    tell(f"{counted(len(methods), 'method')}, {share:.3g} minutes of training each; measuring them comes on top.")
    result, measuring = Bakeoff([]), 0.0
    try:
        for left, wanted in zip(range(len(configs))[::-1], configs, strict=True):
            run = out / wanted.method
            try:
                _train(wanted, run, folders, preset, listen, tell)
            except Exploded as error:
                result.exploded[wanted.method] = str(error)
                tell(f"{wanted.method} is left out: {error}")
                continue
            began = time.monotonic()
            result.contestants.append(c := _measured(wanted, run, folders, paired, busy))
            measuring = max(measuring, took := time.monotonic() - began)
            scores = f"KID from A to B {c.kid.translator:.3f}"
            tell(f"{c.method}: {scores}, measured in {duration(took)}.{_left(left, share, measuring)}")
        if not result.contestants:
            raise UserError(
                f"The training of every method exploded: look at the pictures, or take another --preset than {preset}."
            )
        result.contestants.sort(key=lambda c: c.kid.translator)
        busy("translating the same pictures with each")
        _grid(result, folders, out / "bakeoff.png", config.training.device)
    except KeyboardInterrupt as error:  # while a method is measured; a training ends by itself
        raise Interrupted("Stopped; nothing is lost. The same command goes on.") from error
    write_json(out / "bakeoff.json", result.to_dict())
    return result


def _left(methods: int, share: float, measuring: float) -> str:
    """How long the others will take, if measuring takes as long as it took so far."""
    if not methods:
        return ""
    return f" {counted(methods, 'method')} left: about {duration(methods * (60 * share + measuring))}."


def _check(config: Config, folders: Folders, preset: str | None) -> None:
    """Raise `UserError` for a method that can't be trained so, before any is."""
    method = config.method
    try:
        validate(config)
        METHODS[method].check(config)
    except UserError as error:  # it names options, and a bake-off has but a preset
        raise UserError(
            f"{method} can't join a bake-off with --preset {preset} ({str(error).rstrip('.')}): take another --preset, "
            "or leave it out of --methods."
        ) from error
    if METHODS[method].paired and not _pairs(folders.a, folders.b):
        raise UserError(
            f"{method} learns from pairs, but no file in {folders.a} has the name of one in {folders.b}: "
            "leave it out of --methods, or name pairs alike."
        )


def _check_share(run: Path, share: float, methods: int) -> None:
    """Raise `UserError` where a method had more than its share already."""
    if not (run / "run.json").is_file() or (newest := checkpoints.latest(run)) is None:
        return
    planned, had = RunRecord.read(run).config.training.minutes, checkpoint.read(newest).manifest.seconds / 60
    if had > share and planned != share:
        raise UserError(
            f"{run} was trained for {had:.3g} minutes already, more than its share of {share:.3g}: give --minutes "
            f"{math.ceil(10 * had * methods) / 10:g} or more, or name another --out."
        )


def _pairs(dir_a: Path, dir_b: Path) -> list[tuple[Path, Path]]:
    """Files of one name."""
    a, b = discover(dir_a), discover(dir_b)
    return [(a.files[i], b.files[j]) for i, j in pairs_by_name(a.folder, a.files, b.folder, b.files)]


def _paired(methods: Sequence[MethodName], folders: Folders) -> bool:
    """Whether test pictures of one name show the same: they do where a method learns from such pairs."""
    if folders.test_a is None or folders.test_b is None or not any(METHODS[m].paired for m in methods):
        return False
    pairs = _pairs(folders.test_a, folders.test_b)
    one_shape(pairs)
    return bool(pairs)


def _train(
    config: Config, run: Path, folders: Folders, preset: str | None, listen: Callable[[Path], Iterable[Listener]],
    tell: Tell,
) -> None:  # fmt: skip
    begun = (run / "run.json").is_file()
    if begun and RunRecord.read(run).config.training.minutes == config.training.minutes and _ended(run, config):
        tell(f"{config.method}: has had its share.")
        return
    tell(f"{config.method}: training.")
    with joined() as ranks:
        if begun:
            session = start.resume(run, ranks=ranks, change=lambda _: config, listeners=listen(run))
        else:
            session = start.begin(config, folders, run, ranks=ranks, listeners=listen(run), preset=preset)
        ending = loop.train(session)
    if ending == "interrupted":
        raise Interrupted(f"Stopped while {config.method} trained; nothing is lost. The same command goes on.")


def _ended(run: Path, config: Config) -> bool:
    newest, minutes = checkpoints.latest(run), config.training.minutes
    return newest is not None and minutes is not None and checkpoint.read(newest).manifest.seconds >= 60 * minutes


def _measured(config: Config, run: Path, folders: Folders, paired: bool, busy: Tell) -> Contestant:
    assert folders.test_a is not None
    newest = checkpoints.latest(run)
    assert newest is not None
    manifest = checkpoint.read(newest).manifest
    test_b = folders.test_b if folders.test_b != folders.test_a else None  # one folder may hold both domains
    result = evaluate(
        run, folders.test_a, test_b, paired=paired, measures=STANDARD, device=config.training.device,
        tell=lambda text: busy(f"{config.method}: measuring, {text}"),
    )  # fmt: skip
    return Contestant(
        method=config.method, run=run, images=manifest.images, minutes=manifest.seconds / 60, result=result
    )


def _grid(result: Bakeoff, folders: Folders, path: Path, device: str) -> None:
    """A column for each method, A to B."""
    assert folders.test_a is not None
    runs = {c.method: c.run for c in result.contestants}
    grid = side_by_side(runs, discover(folders.test_a).files, "a2b", device)
    assert grid is not None, "every method goes from A to B"
    grid.save(path)
