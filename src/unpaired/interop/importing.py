"""Networks of other projects made into a run, or into a translator in one file: what `unpaired import` does."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from unpaired import presets
from unpaired.compute.device import choose_device
from unpaired.config import DIRECTIONS, Config, Direction, DiscriminatorConfig
from unpaired.errors import UserError
from unpaired.interop.recognise import (
    Found,
    FoundDiscriminator,
    recognise_discriminator,
    recognise_generator,
    recognise_projector,
)
from unpaired.interop.tensors import read_tensors
from unpaired.methods import METHODS
from unpaired.networks import build_generator
from unpaired.run import checkpoint
from unpaired.run.provenance import provenance
from unpaired.run.record import RunRecord
from unpaired.training import state
from unpaired.training.run import find_folders
from unpaired.training.start import begin
from unpaired.translation import single
from unpaired.validation import validate

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Files of networks, one each."""

    generator_ab: Path | None = None
    generator_ba: Path | None = None
    discriminator_a: Path | None = None
    """It tells real pictures of A from fakes, which the peers call D_B."""
    discriminator_b: Path | None = None
    """It tells real pictures of B from fakes, which the peers call D_A."""
    projector: Path | None = None
    """CUT's heads, which it calls netF."""

    @staticmethod
    def of_folder(folder: Path, epoch: str = "latest") -> Sources:
        """What a training of pytorch-CycleGAN-and-pix2pix or CUT left in its folder of checkpoints."""

        def of(network: str) -> Path | None:
            path = folder / f"{epoch}_net_{network}.pth"
            return path if path.exists() else None

        found = Sources(
            generator_ab=of("G_A") or of("G"), generator_ba=of("G_B"),
            discriminator_a=of("D_B"), discriminator_b=of("D_A") or of("D"), projector=of("F"),
        )  # fmt: skip
        if found.generator_ab is None:
            raise UserError(
                f"{folder} holds neither {epoch}_net_G.pth nor {epoch}_net_G_A.pth: name a generator's file."
            )
        return found

    def named(self) -> dict[str, Path]:
        """By the names that our networks have, those that are there."""
        return {f.name: path for f in fields(self) if (path := getattr(self, f.name)) is not None}


@dataclass(frozen=True, slots=True)
class Networks:
    """What was read: a configuration, the weights under our names, and what is to be said of them."""

    config: Config
    weights: dict[str, dict[str, Tensor]]
    provenance: dict[str, Any]
    notes: list[str]

    @property
    def missing(self) -> list[str]:
        """Networks without which the method can't go on training."""
        with torch.device("meta"):
            needed = METHODS[self.config.method](self.config).networks()
        return [name for name in needed if name not in self.weights]


def read_networks(sources: Sources, *, crop: int | None = None) -> Networks:
    """Work out what the files hold. `crop` is the side in px that they were trained at, which they do not tell:
    by default 256, and 128 for a U-Net with seven halvings.

    Raises `UserError` where one can't be read or they do not belong together.
    """
    generators: dict[Direction, Found] = {}
    for way, path in zip(DIRECTIONS, (sources.generator_ab, sources.generator_ba), strict=True):
        if path is not None:
            generators[way] = recognise_generator(read_tensors(path), str(path))
    if not generators:
        raise UserError("Name a generator to import.")
    discriminators = {
        name: recognise_discriminator(read_tensors(path), str(path))
        for name, path in sources.named().items()
        if name.startswith("discriminator")
    }
    config = _config(generators, discriminators, cut=sources.projector is not None, crop=crop)
    weights = {"generator_ab" if way == "a2b" else "generator_ba": g.state for way, g in generators.items()}
    weights |= {name: found.state for name, found in discriminators.items()}
    if sources.projector is not None:
        with torch.device("meta"):
            stages = build_generator(*config.channels("a2b"), config.generator).widths
        widths = [stages[i] for i in config.nce.layers if i < len(stages)]
        weights["projector"] = recognise_projector(
            read_tensors(sources.projector), widths, config.nce.dimension, str(sources.projector)
        )
    notes = list(dict.fromkeys(note for g in generators.values() for note in g.notes))
    files = ", ".join(f"{path} (SHA-256 {_digest(path)})" for path in sources.named().values())
    facts = {"imported": files, **({"assumed": "; ".join(notes)} if notes else {})}
    return Networks(config, weights, {**provenance(choose_device("cpu")), **facts}, notes)


def write_file(networks: Networks, path: Path) -> None:
    """Write the generators as a single file. Raises `UserError` where more than generators were read."""
    ways: dict[str, Direction] = {"generator_ab": "a2b", "generator_ba": "b2a"}
    if others := sorted(networks.weights.keys() - ways.keys()):
        raise UserError(f"{path} holds translators only: leave out {', '.join(others)}, or name a folder with --out.")
    if path.exists():
        raise UserError(f"{path} exists: name another --out.")
    weights: dict[Direction, dict[str, Tensor]] = {
        way: networks.weights[name] for name, way in ways.items() if name in networks.weights
    }
    _writing(path, lambda place: single.write(
        place, networks.config, weights, images=0, provenance=networks.provenance
    ))  # fmt: skip


def write_run(networks: Networks, run: Path, pictures: tuple[Path, ...] = ()) -> None:
    """Write a run. With `pictures`, DIR_A DIR_B or one folder of both, it can go on training.

    Raises `UserError` where `run` exists, a network that training needs is missing, or the pictures can't be used.
    """
    if run.exists():
        raise UserError(f"{run} exists: name another --out.")
    config = networks.config
    if pictures and (missing := networks.missing):
        raise UserError(
            f"To go on training with {config.method}, {' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} "
            "missing: name the files, or leave out --pictures."
        )
    _writing(run, lambda place: _begun(networks, place, pictures) if pictures else _kept(networks, place))


def _kept(networks: Networks, run: Path) -> None:
    """A run that translates, is measured and exported."""
    config, facts = networks.config, networks.provenance
    manifest = checkpoint.Manifest(images=0, seconds=0.0, world=1, config=config, provenance=facts)
    checkpoint.write(run, manifest, networks.weights, {})
    RunRecord(config=config, folders=None, counts={}, provenance=facts).write(run)


def _begun(networks: Networks, run: Path, pictures: tuple[Path, ...]) -> None:
    """A run that training can go on from, as if it had been begun with these weights."""
    config = networks.config
    folders = find_folders(pictures[0], pictures[1] if len(pictures) > 1 else None, config.data.layout)
    session = begin(config, folders, run)
    for name, network in session.engine.method.networks().items():
        network.load_state_dict(networks.weights[name], strict=True)
    record = replace(session.record, provenance=networks.provenance)
    manifest = checkpoint.Manifest(images=0, seconds=0.0, world=1, config=record.config, provenance=record.provenance)
    state.save(run, session.engine, manifest)
    record.write(run)


def _writing(place: Path, write: Callable[[Path], None]) -> None:
    """What `write` writes under another name takes the name `place` when it is whole."""
    temporary = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        temporary.rename(place)
    except OSError as e:
        raise UserError(f"{place} can't be written ({e.strerror}): name another --out.") from e
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        temporary.unlink(missing_ok=True)


def _config(
    generators: dict[Direction, Found], discriminators: dict[str, FoundDiscriminator], *, cut: bool, crop: int | None
) -> Config:
    """The training that such networks come from, as far as they tell; the rest is its paper's recipe."""
    generator = _same([g.config for g in generators.values()], "The two generators")
    channels = {(g.inputs, g.outputs) if way == "a2b" else (g.outputs, g.inputs) for way, g in generators.items()}
    a, b = _same(list(channels), "The channels of the two generators")
    if not {a, b} <= {1, 3}:
        raise UserError(
            f"A generator between {a} and {b} channels can't be imported: it does not tell the range of their values."
        )
    paired = any(d.channels == a + b for d in discriminators.values()) and [*generators] == ["a2b"]
    for name, found in discriminators.items():
        expected = a + b if paired else a if name == "discriminator_a" else b
        if found.channels != expected:
            raise UserError(f"{name} looks at {found.channels} channels, where pictures of {expected} are made.")
    base = presets.pix2pix() if paired else presets.cut() if cut else presets.paper()
    discriminator = DiscriminatorConfig()
    if discriminators:
        discriminator = _same([d.config for d in discriminators.values()], "The two discriminators")
    crop = crop or (128 if generator.kind == "unet" and generator.depth == 7 else 256)
    loss = base.loss if a == b else replace(base.loss, identity=0)
    config = replace(
        base, generator=generator, discriminator=discriminator, loss=loss,
        data=replace(base.data, channels_a=a, channels_b=b, crop=crop, size=round(crop * 286 / 256)),
    )  # fmt: skip
    validate(config)
    return config


def _same(values: list[T], what: str) -> T:
    if any(value != values[0] for value in values):
        raise UserError(f"{what} are not of one kind, which a run needs: import them one by one.")
    return values[0]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
