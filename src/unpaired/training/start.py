"""Starting a training and going on with one: folders and a configuration in, a session for the loop out.

Everything is checked and built before anything is written, and on all ranks or on none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch

from unpaired.compute.device import choose_device, keep_freed_memory
from unpaired.compute.ranks import Ranks
from unpaired.config import Config, TrainingConfig, option
from unpaired.config_json import to_dict
from unpaired.data.sampler import Batches
from unpaired.errors import UserError
from unpaired.methods import METHODS
from unpaired.methods.reading import unread
from unpaired.presets import PRESETS
from unpaired.run import checkpoint, checkpoints
from unpaired.run.provenance import provenance
from unpaired.run.record import Folders, RunRecord
from unpaired.text import counted
from unpaired.training import events, state
from unpaired.training.best import Judge
from unpaired.training.engine import Engine, seed_all
from unpaired.training.events import Events, Listener
from unpaired.training.inputs import Decoding, Inputs
from unpaired.training.memory import estimate
from unpaired.training.preview import Preview
from unpaired.training.schedule import progress
from unpaired.training.session import Clock, Session
from unpaired.validation import validate

LEFTOVERS = ("events.jsonl", ".*.part")
"""Files of a start that was cut off: run.json is written last."""

FREE = {
    "--images", "--minutes", "--passes", "--learning-rate", "--discriminator-learning-rate", "--device", "--precision",
    "--channels-last", "--compile", "--checkpoint-minutes", "--checkpoint-images", "--keep", "--evaluate-every",
    "--stop-when-flat", "--preview-minutes",
}  # fmt: skip
"""Options that may change on resuming."""


def begin(
    config: Config, folders: Folders, run: Path, *, ranks: Ranks | None = None, listeners: Iterable[Listener] = (),
    preset: str | None = None, title: str | None = None, credits: str | None = None,
) -> Session:  # fmt: skip
    """Start a training in the new folder `run`. Raises `UserError` where there is one already."""
    ranks, listeners = ranks or Ranks(), list(listeners)
    with ranks.together():
        _check(config)
        _check_masks(config, folders)
        check_new(run, folders)
        device = choose_device(config.training.device)
        inputs = Inputs.of(folders, config, _decoding(ranks, listeners))
        config = inputs.settled(config)
        _check(config)
        config = _planned(config, inputs)
        _check_warm_up(config, ranks)
        record = RunRecord(
            config=config, folders=folders, counts=inputs.counts, digests=inputs.digests,
            mask_digests=inputs.mask_digests or None,
            preset=preset, title=title, credits=credits, provenance=provenance(device),
        )  # fmt: skip
        session = _session(record, run, inputs, ranks, device, listeners)
    with ranks.together():
        if ranks.first:
            try:
                run.mkdir(parents=True, exist_ok=True)
                for leftover in _leftovers(run):
                    leftover.unlink()
                base = PRESETS[preset]() if preset in PRESETS else None
                ignored = unread(config, base, masks=bool(inputs.masks))
                told = [
                    *ignored,
                    *_meant_for_one(preset, inputs),
                    *inputs.sentences(config),
                    inputs.measured(config),
                ]
                _announce(session, "start", told)
                record.write(run)
            except OSError as e:
                raise UserError(f"{run} can't be written ({e.strerror}): name another --out.") from e
    return session


def resume(
    path: Path, *, ranks: Ranks | None = None, listeners: Iterable[Listener] = (),
    change: Callable[[Config], Config] = lambda config: config,
) -> Session:  # fmt: skip
    """Go on with a training exactly where its newest checkpoint left it, or where the one at `path` did.

    `change` may change what `FREE` names. Checkpoints that are newer than the one at `path` are set aside.
    """
    ranks, listeners = ranks or Ranks(), list(listeners)
    with ranks.together():
        run, folder = checkpoints.located(path)
        record = RunRecord.read(run)
        if record.folders is None:
            raise UserError(f"{run} was imported without pictures: import it again, with --pictures to train on.")
        before, config = record.config, change(record.config)
        _check(config)
        if fixed := _changes(before, config):
            raise UserError(
                f"{run} was begun with another configuration, and resuming can't change {', '.join(fixed)}: "
                "leave that out, or start a new run."
            )
        device = choose_device(config.training.device)
        inputs = Inputs.of(record.folders, config, _decoding(ranks, listeners))
        inputs.check_same(record, run)
        config = _planned(config, inputs)
        _check_warm_up(config, ranks)
        record = replace(record, config=config)
        session = _session(record, run, inputs, ranks, device, listeners)
        world = _restore(session, folder or checkpoints.latest(run))
        _check_longer(session, before.training)
    with session.writing():
        if ranks.first:
            aside = _set_newer_aside(session)
            events.rewind(run, session.clock.images)
            if session.judge:
                told = (e for e in events.read(run) if e["kind"] == "evaluation")
                session.course.evaluations += [e for e in told if e.get("measure") == session.judge.measure]
            record.write(run)
            minutes = session.clock.seconds / 60
            going_on = f"Going on at {session.clock.images:,} images, after {minutes:.1f} minutes of training."
            _announce(session, "resume", [*aside, going_on])
    if world != ranks.world:
        session.tell("warning", text=(
            f"The checkpoint was written by {world} processes and goes on with {ranks.world}: "
            "weights and optimisers are exact, history pools and the order of pictures are not."
        ))  # fmt: skip
    return session


def _restore(session: Session, folder: Path | None) -> int:
    """Put the session where the checkpoint in `folder`, if there is one, left it; returns by how many ranks."""
    if folder is None:
        return session.ranks.world
    saved = checkpoint.read(folder)
    if _changes(saved.manifest.config, session.config):
        raise UserError(f"{folder} belongs to another training than {session.run}: put the right one back.")
    state.restore(session.engine, saved)
    session.clock = Clock(saved.manifest.images, saved.manifest.seconds)
    return saved.manifest.world


def _check(config: Config) -> None:
    """Raise `UserError` for a configuration that can't be trained."""
    validate(config)
    METHODS[config.method].check(config)


def _check_masks(config: Config, folders: Folders) -> None:
    """Raise `UserError` for masks of pictures that the method never translates."""
    if folders.masks_b and "b2a" not in METHODS[config.method].translators:
        raise UserError(
            f"{config.method} translates pictures of A only, so masks of B would hold nothing: leave out --masks-b, or "
            "exchange the two folders and give these masks as --masks-a."
        )


def _meant_for_one(preset: str | None, inputs: Inputs) -> list[str]:
    """That SinCUT was given collections, where it was."""
    most = max(inputs.counts.values())
    if preset != "sincut" or most == 1:
        return []
    return [
        f"--preset sincut is the recipe for one picture of each domain, and here is a folder of {most:,}: it learns "
        "from small crops and is not measured. For collections take --preset cut, or --method cut alone."
    ]


def _check_warm_up(config: Config, ranks: Ranks) -> None:
    """Raise `UserError` where the generators would still warm up in the last step of the plan."""
    images, stride = config.training.images, config.training.batch * ranks.world
    warm_up = config.loss.warm_up_images
    if images is not None and warm_up and warm_up >= images - (images - 1) % stride:
        raise UserError(
            f"A warm-up of {counted(warm_up, 'image')} takes the whole training, {counted(images, 'image')}, and "
            "nothing would learn to translate: lower --warm-up-images, or raise --images."
        )


def check_new(run: Path, folders: Folders) -> None:
    """Raise `UserError` where `run` holds something, or lies where its own pictures would be taken for others."""
    if (run / "run.json").exists():
        raise UserError(f"{run} holds a training already: go on with --resume {run}, or name another --out.")
    if run.exists() and (not run.is_dir() or {*run.iterdir()} - _leftovers(run)):
        raise UserError(f"{run} exists and is not an empty folder: name another --out.")
    place = run.resolve()
    for folder in (folders.a, folders.b, folders.test_a, folders.test_b, folders.masks_a, folders.masks_b):
        if folder and place.is_relative_to(folder.resolve()):
            raise UserError(f"{run} lies inside {folder}, whose pictures its own would join: name another --out.")
    if other := next((parent for parent in place.parents if (parent / "run.json").exists()), None):
        raise UserError(f"{run} lies inside another run, {other}: name another --out.")


def _leftovers(run: Path) -> set[Path]:
    return {path for pattern in LEFTOVERS for path in run.glob(pattern)}


def _check_longer(session: Session, before: TrainingConfig) -> None:
    """Raise `UserError` where a new plan ends before the place that the training has reached."""
    plan, clock = session.config.training, session.clock
    for name, wanted, old, reached in (
        ("images", plan.images, before.images, clock.images),
        ("minutes", plan.minutes, before.minutes, clock.seconds / 60),
    ):
        if wanted is not None and wanted != old and wanted < reached:
            raise UserError(
                f"{session.run} was trained for {reached:,.5g} {name} already, which counts: "
                f"give more than --{name} {wanted:g}."
            )


def _changes(old: Config, new: Config) -> list[str]:
    """Options that differ though they are not free."""
    before, after = to_dict(old), to_dict(new)
    fields = [(group, name) for group, values in before.items() if isinstance(values, dict) for name in values]
    changed = [option(name, group) for group, name in fields if before[group][name] != after[group][name]]
    return [name for name in (["--method"] if old.method != new.method else []) + changed if name not in FREE]


def _planned(config: Config, inputs: Inputs) -> Config:
    """The configuration with its length in images, where neither images nor minutes were given."""
    training = config.training
    if training.images is None and training.minutes is None:
        images = round(training.passes * max(inputs.counts.values()))
        return replace(config, training=replace(training, images=max(1, images)))
    return config


def _session(
    record: RunRecord, run: Path, inputs: Inputs, ranks: Ranks, device: torch.device, listeners: list[Listener]
) -> Session:
    config, training = record.config, record.config.training
    keep_freed_memory()
    # The same weights on every rank, whatever was drawn before.
    seed_all(training.seed, 0, 0)
    engine = Engine(METHODS[config.method](config), config, device, ranks)
    batches = Batches(
        inputs.caches["a"], inputs.caches["b"], config.data,
        seed=training.seed, rank=ranks.rank, world=ranks.world, batch=training.batch, pairs=inputs.pairs,
        masks=inputs.masks,
    )  # fmt: skip
    judge = Judge(inputs.held_out, config, engine) if ranks.first and inputs.held_out else None
    return Session(
        run, record, engine, batches,
        events=Events(run if ranks.first else None, listeners),
        preview=Preview(inputs.shown(), config, run, unseen=bool(inputs.unseen)) if ranks.first else None,
        judge=judge if judge and judge.able else None,
    )  # fmt: skip


def _decoding(ranks: Ranks, listeners: list[Listener]) -> Decoding:
    """Tells the listeners, before there is a run with a log, how far the decoding is."""

    def tell(domain: str, done: int, total: int) -> None:
        for listener in listeners if ranks.first else ():
            listener({"kind": "decoding", "images": 0, "seconds": 0.0, "domain": domain, "done": done, "total": total})

    return tell


def _announce(session: Session, kind: str, sentences: list[str]) -> None:
    """Tell what is there and what will be done, before it takes an hour."""
    config, engine, training, data = session.config, session.engine, session.config.training, session.config.data
    preset = f", preset {session.record.preset}," if session.record.preset else ""
    limits = [
        counted(training.images, "image") if training.images else "",
        counted(training.minutes, "minute") if training.minutes else "",
    ]
    resized = {
        "square": f"resized to {data.size}×{data.size} px", "short": f"resized to {data.size} px on the short side",
        "scale-width": f"resized to a width of {data.size} px",
        "none": "as they are" + (f", shrunk up to {data.zoom:g} times" if data.zoom > 1 else ""),
    }  # fmt: skip
    planned = progress(session.clock.images, session.clock.seconds, training.images, 60 * (training.minutes or 0))
    sentences.append(
        "The training is as long as it was planned, and there is nothing left to do."
        if planned >= 1
        else f"Training {config.method}{preset} for {' or '.join(filter(None, limits))}: "
        f"crops of {data.crop} px from pictures {resized[data.resize]}, batch {training.batch}"
        + (f" on each of {session.ranks.world} processes" if session.ranks.world > 1 else "")
        + f", {engine.device}, {str(engine.dtype).removeprefix('torch.')}, "
        f"about {estimate(config) / 2**30:.1f} GiB of memory."
    )
    plan = {"images": training.images, "minutes": training.minutes}
    method = METHODS[config.method]
    session.events.tell(
        kind, session.clock.images, session.clock.seconds, plan=plan, sentences=sentences,
        directions=list(method.translators), paired=method.paired,
    )  # fmt: skip


def _set_newer_aside(session: Session) -> list[str]:
    """Make room for the checkpoints that will be written again, and say so."""
    run = session.run
    newer = [p for p in checkpoints.of(run) if p.name > f"images-{session.clock.images:09d}"]
    if not newer:
        return []
    place = checkpoints.set_aside(run, newer)
    return [f"Set aside what is newer: {', '.join(p.name for p in newer)}, now in {place}."]
