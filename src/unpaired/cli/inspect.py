"""`unpaired inspect`: what is in a run or a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from unpaired.config import Config, to_dict
from unpaired.errors import UserError
from unpaired.training import checkpoint
from unpaired.training.record import RunRecord


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Say what is in a run, a checkpoint, or one of its files, and whether it is whole."""

    path: Annotated[Path, tyro.conf.Positional]
    """A run's folder, a checkpoint's folder, or a .safetensors file."""


def main(arguments: list[str]) -> None:
    path = tyro.cli(Arguments, args=arguments, prog="unpaired inspect").path
    console = Console(highlight=False)
    if not path.exists():
        raise UserError(f"{path} does not exist.")
    if (path / "run.json").exists():
        _run(path, console)
    elif (path / "manifest.json").exists():
        _checkpoint(path, console)
    elif path.suffix == ".safetensors":
        _weights(path, console)
    else:
        raise UserError(f"{path} is neither a run, nor a checkpoint, nor a .safetensors file.")


def _run(run: Path, console: Console) -> None:
    record = RunRecord.read(run)
    console.print(f"Run {run}, preset {record.preset or 'none'}")
    for name, folder in (("a", record.folders.a), ("b", record.folders.b)):
        console.print(f"{name.upper()}: {record.counts[name]:,} pictures in {folder}")
    folders = checkpoint.checkpoints(run)
    if not folders:
        console.print("No checkpoint yet.")
    best = checkpoint.best(run)
    for folder in folders:
        console.print(f"{'best ' if folder == best else ''}checkpoint {folder.name}: {_whole(folder)}")
    _config(record.config, console)


def _checkpoint(folder: Path, console: Console) -> None:
    manifest = checkpoint.read(folder).manifest
    console.print(
        f"Checkpoint at {manifest.images:,} images, {manifest.seconds / 60:.1f} minutes, {manifest.world} process(es)"
    )
    console.print(_whole(folder))
    console.print(", ".join(f"{k} {v}" for k, v in manifest.provenance.items()))
    _config(manifest.config, console)


def _whole(folder: Path) -> str:
    """Check every file against its checksum. Raises `UserError` naming the first one that is damaged."""
    size = checkpoint.read(folder).verify()
    return f"whole, {size / 2**20:.0f} MiB"


def _weights(path: Path, console: Console) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as f:
            tensors = {name: f.get_slice(name) for name in f.keys()}  # noqa: SIM118
            table = Table("tensor", "shape", "type")
            count = 0
            for name, tensor in tensors.items():
                shape = tensor.get_shape()
                table.add_row(name, "×".join(map(str, shape)), tensor.get_dtype())
                count += _product(shape)
    except SafetensorError as e:
        raise UserError(f"{path} is not a whole safetensors file ({e}).") from e
    console.print(table)
    console.print(f"{count:,} numbers")


def _product(shape: list[int]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product


def _config(config: Config, console: Console) -> None:
    table = Table("option", "value", "default")
    for group, values in to_dict(config).items():
        defaults = to_dict(Config())[group]
        for name, value in values.items() if isinstance(values, dict) else ():
            default = defaults[name]
            table.add_row(f"{group}.{name}", str(value), "" if value == default else str(default))
    console.print(table)
