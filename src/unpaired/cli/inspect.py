"""`unpaired inspect`: what is in a run, a checkpoint, or one of its files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from unpaired.cli.options import parsed
from unpaired.config import Config, option
from unpaired.config_json import to_dict
from unpaired.errors import UserError
from unpaired.presets import PRESETS
from unpaired.run import checkpoint, checkpoints
from unpaired.run.record import RunRecord
from unpaired.text import counted, duration


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Say what is in a run, a checkpoint, or one of its files, and whether it is whole."""

    path: Annotated[Path, tyro.conf.Positional]
    """A run's folder or its run.json, a checkpoint's folder, or one of its .safetensors or .pt files."""


def main(arguments: list[str]) -> None:
    path = parsed(arguments, Arguments, "inspect").path
    console = Console(highlight=False)
    if not path.exists():
        raise UserError(f"{path} does not exist.")
    if path.name in ("run.json", "manifest.json"):
        path = path.parent
    if (path / "run.json").exists():
        _run(path, console)
    elif (path / "manifest.json").exists() or checkpoints.located(path)[1]:
        _checkpoint(path, console)
    elif path.suffix == ".safetensors":
        _tensors(_weights(path), console)
    elif path.suffix == ".pt":
        _tensors(_state(path), console)
    else:
        raise UserError(f"{path} is neither a run, nor a checkpoint, nor a file of one.")


def _run(run: Path, console: Console) -> None:
    record = RunRecord.read(run)
    console.print(f"Run {run}, preset {record.preset or 'none'}")
    if record.folders is None:
        console.print(f"Imported from {record.provenance.get('imported')}")
    of = record.folders
    for name, folder, masks in (("a", of.a, of.masks_a), ("b", of.b, of.masks_b)) if of else ():
        with_masks = f", masks in {masks}" if masks else ""
        console.print(f"{name.upper()}: {counted(record.counts[name], 'picture')} in {folder}{with_masks}")
    folders = checkpoints.of(run)
    if not folders:
        console.print("No checkpoint yet.")
    best, damaged = checkpoints.best(run), list[str]()
    for folder in folders:
        try:
            state = f"whole, {_size(checkpoint.read(folder).verify())}"
        except UserError as e:
            state = "damaged"
            damaged.append(str(e))
        console.print(f"{'best ' if folder == best else ''}checkpoint {folder.name}: {state}")
    _config(record.config, record.preset, console)
    _fail(damaged)


def _checkpoint(folder: Path, console: Console) -> None:
    saved = checkpoint.read(folder)
    manifest, damaged = saved.manifest, list[str]()
    console.print(
        f"Checkpoint at {counted(manifest.images, 'image')}, {duration(manifest.seconds)}, "
        f"{counted(manifest.world, 'process')}"
    )
    console.print(", ".join(f"{k} {v}" for k, v in manifest.provenance.items()))
    for name in saved.files:
        try:
            console.print(f"{name}: whole, {_size(len(saved.read(name)))}")
        except UserError as e:
            console.print(f"{name}: damaged")
            damaged.append(str(e))
    _config(manifest.config, None, console)
    _fail(damaged)


def _fail(damaged: list[str]) -> None:
    """After all that can be shown: what can't be used."""
    if damaged:
        more = f" ({len(damaged) - 1} more are damaged, too)" if len(damaged) > 1 else ""
        raise UserError(f"{damaged[0]}{more}")


def _weights(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as e:
        raise UserError(f"{path} is not a whole safetensors file ({e}).") from e


def _state(path: Path) -> dict[str, Any]:
    import torch

    try:
        return dict(_leaves("", torch.load(path, map_location="cpu", weights_only=True)))
    except Exception as e:  # whatever readers of archives and pickles raise on something else, code among it
        raise UserError(f"{path} is not a whole file of tensors: it is damaged, or no part of a checkpoint.") from e


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What lies at the ends of nested dicts and lists, by dotted names."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if children is None:
        yield name.removeprefix("."), value
        return
    for key, child in children:
        yield from _leaves(f"{name}.{key}", child)


def _tensors(values: dict[str, Any], console: Console) -> None:
    table = Table("tensor", "shape", "type")
    count = 0
    for name, value in values.items():
        shape = getattr(value, "shape", None)
        if shape is None:
            table.add_row(name, str(value), type(value).__name__)
        else:
            table.add_row(name, "×".join(map(str, shape)), str(value.dtype).removeprefix("torch."))
            count += math.prod(shape)
    console.print(table)
    console.print(counted(count, "number"))


def _size(bytes: int) -> str:
    return f"{bytes / 2**20:.1f} MiB"


def _config(config: Config, preset: str | None, console: Console) -> None:
    """Every option that its method and networks read, as it is typed, first what differs from the preset, or from the
    paper where none is known.
    """
    from unpaired.methods.reading import read

    known = preset if preset in PRESETS else "paper"
    defaults = to_dict(PRESETS[known]())
    table = Table()
    for column in ("option", "value", f"preset {known}, where it differs"):
        table.add_column(column, overflow="fold")  # names are typed, so nothing of them may be cut off
    same, unread = list[tuple[str, str]](), 0
    if config.method != defaults["method"]:
        table.add_row("--method", config.method, defaults["method"])
    for group, values in to_dict(config).items():
        for name, value in values.items() if isinstance(values, dict) else ():
            default = defaults[group][name]
            if not read(config, f"{group}.{name}"):
                unread += 1
            elif value == default:
                same.append((option(name, group), _typed(value)))
            else:
                table.add_row(option(name, group), _typed(value), _typed(default))
    table.add_section()
    for row in same:
        table.add_row(*row)
    console.print(table)
    if unread:
        console.print(f"Left out: {counted(unread, 'option')} that {config.method} with these networks does not read.")


def _typed(value: Any) -> str:
    """A value of an option as it is typed."""
    if isinstance(value, tuple | list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
