"""The verbs: train on two folders, go on with a training. What the command line runs, for Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from unpaired.compute.ranks import joined
from unpaired.config import Config, Layout
from unpaired.data.discover import check_folder
from unpaired.data.layout import find_domains, find_folder, find_test_domains
from unpaired.errors import UserError
from unpaired.presets import fast
from unpaired.run.record import Folders
from unpaired.training import loop, start
from unpaired.training.events import Listener


def train(
    dir_a: str | Path, dir_b: str | Path | None = None, *, out: str | Path, config: Config | None = None,
    test_a: str | Path | None = None, test_b: str | Path | None = None,
    masks_a: str | Path | None = None, masks_b: str | Path | None = None,
    images: int | None = None, minutes: float | None = None, listeners: Iterable[Listener] = (),
    preset: str | None = None, title: str | None = None, credits: str | None = None,
) -> Path:  # fmt: skip
    """Train translators between two unrelated collections of pictures.

    Args:
        dir_a: pictures of domain A, or one picture; or, without `dir_b`, a folder that holds trainA and trainB; or
            the one folder of another `config.data.layout`.
        dir_b: pictures of domain B, or one picture.
        out: the run's folder, which must not hold a training yet.
        config: every knob; the preset `fast` if not given.
        test_a: pictures of domain A to measure with, which are not trained on; testA beside trainA if not given;
            without any a tenth of the pictures is held out of the training (`config.training.held_out`).
        test_b: the same of domain B.
        masks_a: masks of the pictures of A, white where something is to be translated: a folder in which they have the
            pictures' names (or that of the pictures, with masks such as horse-mask.png beside horse.jpg), or one file
            for all. Outside them translations are held to their sources (`config.loss.outside_mask`).
        masks_b: masks of the pictures of B, with methods that also translate from B to A.
        images: how many of each domain to train on, in place of what `config` says.
        minutes: how long to train, in place of what `config` says.
        listeners: are called with each event of the training, a dict that says its `kind`.
        preset: the name of the preset that `config` came from, for the report.
        title: of the report.
        credits: whose pictures they are, for the report.

    Returns the run's folder. Raises `UserError` for what the user can mend.
    """
    if config is None:
        config, preset = fast(), preset or "fast"
    training = config.training
    training = replace(training, images=training.images if images is None else images,
                       minutes=training.minutes if minutes is None else minutes)  # fmt: skip
    with joined() as ranks:
        with ranks.together():
            dirs = [None if given is None else Path(given) for given in (dir_b, test_a, test_b, masks_a, masks_b)]
            folders = find_folders(
                Path(dir_a), dirs[0], config.data.layout, test_a=dirs[1], test_b=dirs[2], masks_a=dirs[3],
                masks_b=dirs[4],
            )  # fmt: skip
        session = start.begin(
            replace(config, training=training), folders, Path(out), ranks=ranks, listeners=listeners,
            preset=preset, title=title, credits=credits,
        )  # fmt: skip
        loop.train(session)
    return Path(out)


def resume(
    run: str | Path, *, images: int | None = None, minutes: float | None = None,
    change: Callable[[Config], Config] = lambda config: config, listeners: Iterable[Listener] = (),
) -> Path:  # fmt: skip
    """Go on with a training exactly where its last checkpoint left it, to a longer plan if one is given.

    Args:
        run: the run's folder; or one of its checkpoints', to go on from there (newer ones are set aside).
        images: how many of each domain in all, in place of the plan so far.
        minutes: how long in all, in place of the plan so far.
        change: may change what else is free on resuming: the learning rates, the device, how often what is written.
        listeners: are called with each event of the training, a dict that says its `kind`.

    Returns the run's folder. Raises `UserError` for what the user can mend.
    """

    def changed(config: Config) -> Config:
        config = change(config)
        training = config.training
        if images is not None or minutes is not None:
            # A new plan replaces the old one: the shorter limit of an earlier plan must not end it.
            training = replace(training, images=images, minutes=minutes)
        return replace(config, training=training)

    with joined() as ranks:
        session = start.resume(Path(run), ranks=ranks, change=changed, listeners=listeners)
        loop.train(session)
    return session.run


def find_folders(
    dir_a: Path, dir_b: Path | None, layout: Layout = "folders", *,
    test_a: Path | None = None, test_b: Path | None = None,
    masks_a: Path | None = None, masks_b: Path | None = None,
) -> Folders:  # fmt: skip
    """The training folders that are meant, and the test folders: those that are named, or that lie beside them."""
    if layout != "folders" and (masks_a or masks_b):
        raise UserError(f"With --layout {layout} there are no masks: leave them out, or give two folders of pictures.")
    for masks in filter(None, (masks_a, masks_b)):
        if not masks.is_file():
            check_folder(masks)
    if (test_a is None) != (test_b is None):
        raise UserError("Test folders come in two: name both with --test-a and --test-b.")
    named = None if test_a is None else find_domains(test_a, test_b)
    if layout == "folders":
        a, b = find_domains(dir_a, dir_b)
        test_a, test_b = named or find_test_domains(dir_a, dir_b) or (None, None)
        for test, trained in ((test_a, a), (test_b, b)):
            if test and (test.resolve() == trained.resolve() or trained.resolve() in test.resolve().parents):
                raise UserError(f"{test} is trained on, since {trained} holds it: name other pictures to measure with.")
    elif named:
        raise UserError(f"With --layout {layout} the folder `test` beside `train` is measured: leave out --test-a.")
    elif dir_b is None:
        a, test_a = find_folder(dir_a)
        b, test_b = a, test_a
    else:
        raise UserError(f"With --layout {layout} both domains are in the files of one folder: leave out {dir_b}.")
    # Absolute, so that a run can go on from another working folder.
    return Folders(
        a=a.resolve(), b=b.resolve(), test_a=test_a and test_a.resolve(), test_b=test_b and test_b.resolve(),
        masks_a=masks_a and masks_a.resolve(), masks_b=masks_b and masks_b.resolve(),
    )  # fmt: skip
