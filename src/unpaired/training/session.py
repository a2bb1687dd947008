"""Starting a training and going on with one: folders and a configuration in, a session for the loop out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from unpaired.config import Channels, Config, Direction, Domain, validate
from unpaired.data.cache import Cache, open_cache
from unpaired.data.discover import Discovery, discover
from unpaired.data.layout import part_of
from unpaired.data.sampler import Batches
from unpaired.errors import UserError
from unpaired.methods import METHODS
from unpaired.training import checkpoint, events
from unpaired.training.best import Judge
from unpaired.training.device import choose_device, keep_freed_memory
from unpaired.training.engine import Engine, seed_all
from unpaired.training.events import Events, Listener
from unpaired.training.loop import Clock, Session
from unpaired.training.memory import estimate
from unpaired.training.pairs import Pairs, find_pairs, unpaired_files
from unpaired.training.preview import Preview
from unpaired.training.ranks import Ranks
from unpaired.training.record import Folders, RunRecord, provenance

SKIPPED_SHOWN = 10  # files named one by one


def begin(
    config: Config, folders: Folders, run: Path, *, listeners: Iterable[Listener] = (),
    preset: str | None = None, title: str | None = None, credits: str | None = None,
) -> Session:  # fmt: skip
    """Start a training in the new folder `run`. Raises `UserError` where there is one already."""
    _check(config)
    ranks, device = _meet(config)
    if ranks.first:
        if (run / "run.json").exists():
            raise UserError(f"{run} holds a training already: go on with --resume {run}, or name another --out.")
        if run.exists() and (not run.is_dir() or any(run.iterdir())):
            raise UserError(f"{run} exists and is not an empty folder: name another --out.")
    found = _Found.of(folders)
    caches = _open(config, found)
    pairs = _pairs(config, found, caches)
    counts = {"a": len(caches[0]), "b": len(caches[1])}
    config = _planned(config, counts)
    record = RunRecord(config=config, folders=folders, counts=counts, preset=preset, title=title, credits=credits,
                       provenance=provenance(device))  # fmt: skip
    session = _session(record, run, found, caches, pairs, ranks, device, listeners)  # may still refuse the pictures
    if ranks.first:
        try:
            run.mkdir(parents=True, exist_ok=True)
            record.write(run)
        except OSError as e:
            raise UserError(f"{run} can't be written ({e.strerror}): name another --out.") from e
    ranks.barrier()
    _say(session, "start", _sentences(caches, found, pairs))
    return session


def resume(
    run: Path, *, listeners: Iterable[Listener] = (), change: Callable[[Config], Config] = lambda c: c
) -> Session:
    """Go on with a training exactly where its newest whole checkpoint left it.

    `change` may lengthen the plan or move to another device; what shapes the networks can't be changed.
    """
    record = RunRecord.read(run)
    config = change(record.config)
    _check(config)
    if replace(config, training=record.config.training) != record.config:
        raise UserError(
            f"{run} was begun with another configuration: only --images, --minutes, --device and the like "
            "can change on resuming."
        )
    ranks, device = _meet(config)
    record = replace(record, config=config)
    found = _Found.of(record.folders)
    caches = _open(config, found)
    if (now := {"a": len(caches[0]), "b": len(caches[1])}) != record.counts:
        raise UserError(
            f"The folders of {run} held {record.counts} pictures and hold {now} now: restore them, or start a new run."
        )
    pairs = _pairs(config, found, caches)
    session = _session(record, run, found, caches, pairs, ranks, device, listeners)
    folder = checkpoint.latest(run)
    if folder:
        _restore(session, checkpoint.read(folder))
    minutes = session.clock.seconds / 60
    try:
        if ranks.first:
            events.rewind(run, session.clock.images)
            record.write(run)
        _say(
            session,
            "resume",
            [f"Going on at {session.clock.images:,} images, after {minutes:.1f} minutes of training."],
        )
    except OSError as e:
        raise UserError(f"{run} can't be written ({e.strerror}): free some space, then go on with --resume.") from e
    return session


def _say(session: Session, kind: str, sentences: list[str]) -> None:
    """Tell what is there and what will be done, before it takes an hour."""
    config, engine, training = session.config, session.engine, session.config.training
    limits = [
        f"{training.images:,} images" if training.images else "",
        f"{training.minutes:g} minutes" if training.minutes else "",
    ]
    sentences = [
        *sentences,
        f"Training {config.method} for {' or '.join(filter(None, limits))}: {config.data.crop} px, "
        f"batch {training.batch}"
        + (f" on each of {session.ranks.world} processes" if session.ranks.world > 1 else "")
        + f", {engine.device}, {str(engine.dtype).removeprefix('torch.')}, "
        f"about {estimate(config) / 2**30:.1f} GiB of memory.",
    ]
    plan = {"images": training.images, "minutes": training.minutes}
    method = METHODS[config.method]
    session.events.tell(
        kind, session.clock.images, session.clock.seconds, plan=plan, sentences=sentences,
        directions=list(method.translators), paired=method.paired,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    """What the folders of a training hold; each is walked once."""

    a: Discovery
    b: Discovery
    test_a: Discovery | None
    test_b: Discovery | None

    @staticmethod
    def of(folders: Folders) -> _Found:
        a, b = discover(folders.a), discover(folders.b)
        return _Found(a, b, *(discover(folder) if folder else None for folder in (folders.test_a, folders.test_b)))

    def shown(self) -> dict[Direction, tuple[Path, ...]]:
        """What previews and the judge may choose from: test pictures where there are some, by direction."""
        return {"a2b": (self.test_a or self.a).files, "b2a": (self.test_b or self.b).files}


def _sentences(caches: tuple[Cache, Cache], found: _Found, pairs: Pairs | None) -> list[str]:
    """What is in the two folders, and what was left out and why."""
    sentences: list[str] = []
    for name, cache, discovery in zip("AB", caches, (found.a, found.b), strict=True):
        sentences.append(f"{name}: {len(cache):,} pictures in {discovery.folder}.")
        sentences += _left_out([*discovery.skipped, *cache.skipped])
    if pairs is not None:
        sentences += [f"{len(pairs):,} pairs.", *_left_out(unpaired_files(*caches, pairs))]
    return sentences


def _left_out(skipped: list[tuple[Path, str]]) -> list[str]:
    sentences = [f"   left out {path}: {reason}" for path, reason in skipped[:SKIPPED_SHOWN]]
    if len(skipped) > SKIPPED_SHOWN:
        sentences.append(f"   and {len(skipped) - SKIPPED_SHOWN} more were left out.")
    return sentences


def _check(config: Config) -> None:
    """Raise `UserError` for a configuration that can't be trained."""
    validate(config)
    METHODS[config.method].check(config)


def _meet(config: Config) -> tuple[Ranks, torch.device]:
    keep_freed_memory()
    device = choose_device(config.training.device)
    return Ranks.join(device), device


def _open(config: Config, found: _Found) -> tuple[Cache, Cache]:
    d = config.data

    def opened(at: Discovery, channels: Channels, domain: Domain) -> Cache:
        return open_cache(
            at.files, at.folder, size=d.size, resize=d.resize, channels=channels, background=d.background,
            part=part_of(d.layout, domain),
        )  # fmt: skip

    return opened(found.a, d.channels_a, "a"), opened(found.b, d.channels_b, "b")


def _pairs(config: Config, found: _Found, caches: tuple[Cache, Cache]) -> Pairs | None:
    """Which pictures belong together, where the method asks; None where it does not."""
    if not METHODS[config.method].paired:
        return None
    return find_pairs(config.method, found.a.folder, caches[0], found.b.folder, caches[1])


def _planned(config: Config, counts: dict[str, int]) -> Config:
    """The configuration with its length in images, where neither images nor minutes were given."""
    training = config.training
    if training.images is None and training.minutes is None:
        return replace(config, training=replace(training, images=round(training.passes * max(counts.values()))))
    return config


def _session(
    record: RunRecord,
    run: Path,
    found: _Found,
    caches: tuple[Cache, Cache],
    pairs: Pairs | None,
    ranks: Ranks,
    device: torch.device,
    listeners: Iterable[Listener],
) -> Session:
    config = record.config
    # The same weights on every rank, whatever was drawn before.
    seed_all(config.training.seed, 0, 0)
    method = METHODS[config.method](config)
    engine = Engine(method, config, device, ranks)
    batches = Batches(
        *caches,
        config.data,
        seed=config.training.seed,
        rank=ranks.rank,
        world=ranks.world,
        batch=config.training.batch,
        pairs=pairs,
    )
    told = Events(run if ranks.first else None, listeners)
    shown, tests = found.shown(), found.test_a is not None and found.test_b is not None
    preview = Preview(shown, config, run, tests=tests) if ranks.first else None
    judge = Judge(shown, config, engine) if ranks.first and config.training.judged else None

    def save(clock: Clock) -> None:
        folder = _save(session, record, clock)
        if ranks.first:
            judged: dict[Direction, float] = {}
            if judge and judge.able:
                judged = judge()
                checkpoint.mark_best(run, folder, judge.total(judged), judge.measure)
            checkpoint.prune(run, config.training.keep)
            told.tell("checkpoint", clock.images, clock.seconds, folder=folder.name, judged=judged)
        ranks.barrier()

    def show(clock: Clock) -> None:
        if preview:
            told.tell("preview", clock.images, clock.seconds, files=preview.write(engine, clock.images))

    session = Session(run, config, engine, batches, ranks, told, save, show)
    return session


def _save(session: Session, record: RunRecord, clock: Clock) -> Path:
    engine, ranks = session.engine, session.ranks
    # A loss can be finite and its step still spoil the weights: the next loss would tell, too late for this checkpoint.
    if not all(bool(p.isfinite().all()) for network in engine.method.networks().values() for p in network.parameters()):
        raise UserError(
            f"The weights were not finite numbers at image {clock.images}: training stopped before it could spoil a "
            "checkpoint; go on from the last one, or start anew with a lower --learning-rate."
        )
    weights: dict[str, Any] = {}
    states: dict[str, Any] = {
        f"rank-{ranks.rank}": {name: pool.state_dict() for name, pool in engine.method.pools().items()}
    }
    if ranks.first:
        weights = {name: network.state_dict() for name, network in engine.method.networks().items()}
        weights |= {f"{name}.ema": average.module.state_dict() for name, average in engine.averaged.items()}
        states["state"] = engine.state_dict()
    manifest = checkpoint.Manifest(
        images=clock.images,
        seconds=clock.seconds,
        world=ranks.world,
        config=record.config,
        provenance=record.provenance,
    )
    return checkpoint.write(session.run, manifest, weights, states, rank=ranks.rank, barrier=ranks.barrier)


def _restore(session: Session, saved: checkpoint.Checkpoint) -> None:
    engine, ranks = session.engine, session.ranks
    if replace(saved.manifest.config, training=session.config.training) != session.config:
        raise UserError(f"{saved.folder} belongs to another training than {session.run}: put the right one back.")
    if saved.manifest.world != ranks.world:
        session.events.tell("warning", saved.manifest.images, saved.manifest.seconds, text=(
            f"The checkpoint was written by {saved.manifest.world} processes and goes on with {ranks.world}: "
            "weights and optimisers are exact, history pools and the order of pictures are not."
        ))  # fmt: skip
    try:
        for name, network in engine.method.networks().items():
            network.load_state_dict(saved.weights(name))
        for name, average in engine.averaged.items():
            average.module.load_state_dict(saved.weights(name, averaged=True))
    except RuntimeError as e:
        raise UserError(f"{saved.folder} holds the weights of another network: it can't go on with this run.") from e
    for average in engine.averaged.values():
        average.n_averaged.fill_(1)  # not the first: an average goes on, it does not start with a copy
    engine.load_state_dict(saved.state("state"))
    pools = saved.state(f"rank-{ranks.rank if ranks.rank < saved.manifest.world else 0}")
    for name, pool in engine.method.pools().items():
        pool.load_state_dict(pools[name])
    session.clock.images, session.clock.seconds = saved.manifest.images, saved.manifest.seconds
