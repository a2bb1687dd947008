"""Checkpoints: the whole state of a training, and never a half of one.

    RUN/checkpoints/images-000012000/
        generator_ab.safetensors        last weights, one file a network
        generator_ab.ema.safetensors    averaged weights, of the networks that translate
        state.pt                        optimisers and clocks
        rank-0.pt                       history pools of that rank
        manifest.json                   configuration, provenance, and the SHA-256 of every other file and its own

A checkpoint is written to a temporary folder, flushed, and renamed; the rename is what makes it exist. Weights are
safetensors; the rest is read with `weights_only=True`, which runs no code.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from unpaired.config import Config, from_dict, to_dict
from unpaired.errors import UserError

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a checkpoint says of itself."""

    images: int
    """Images of each domain seen."""
    seconds: float
    """Seconds trained."""
    world: int
    """Ranks that trained."""
    config: Config
    provenance: dict[str, Any]
    """Versions, device, folders and time: for people, never for decisions."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk whose manifest has been read. Files are checked when they are read."""

    folder: Path
    manifest: Manifest
    files: dict[str, str]
    """SHA-256 by file name."""

    def weights(self, network: str, *, averaged: bool = False) -> dict[str, Tensor]:
        """State dict of one network; `averaged` asks for its EMA."""
        name = f"{network}.ema.safetensors" if averaged else f"{network}.safetensors"
        try:
            return safetensors.torch.load(self._read(name))
        except SafetensorError as e:
            raise UserError(f"{self.folder / name} is damaged ({e}): use another checkpoint.") from e

    def state(self, name: str) -> dict[str, Any]:
        """What `write` got as `states[name]`."""
        path = self.folder / f"{name}.pt"
        content = self._read(path.name)
        try:
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except Exception as e:  # whatever readers of archives and pickles raise on something else, code among it
            raise UserError(f"{path} is damaged: use another checkpoint.") from e

    def verify(self) -> int:
        """Read every file against its checksum and return their bytes. Raises `UserError` naming a damaged one."""
        return sum(len(self._read(name)) for name in self.files)

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        if name not in self.files:
            raise UserError(f"{self.folder} holds no {name}: it is not a checkpoint that can be used for this.")
        try:
            content = path.read_bytes()
        except OSError as e:
            raise UserError(f"{path} can't be read ({e.strerror}): the checkpoint is damaged, use another one.") from e
        if hashlib.sha256(content).hexdigest() != self.files[name]:
            raise UserError(f"{path} is damaged (its checksum does not match): use another checkpoint.")
        return content


def write(
    run: Path, manifest: Manifest, weights: dict[str, dict[str, Tensor]], states: dict[str, Any],
    *, rank: int = 0, barrier: Callable[[], None] = lambda: None,
) -> Path:  # fmt: skip
    """Write a checkpoint of `run`; every rank calls it with the states that it has, rank 0 with all the rest.

    Raises `UserError` where the disk is full or the folder can't be written; the earlier checkpoints stay whole.
    """
    parent = run / "checkpoints"
    folder = parent / f"images-{manifest.images:09d}"
    temporary = parent / f".writing-{manifest.images:09d}"
    try:
        if rank == 0:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        barrier()
        for name, tensors in weights.items():
            content = safetensors.torch.save({k: t.detach().cpu().contiguous() for k, t in tensors.items()})
            _write(temporary / f"{name}.safetensors", content)
        for name, state in states.items():
            with (temporary / f"{name}.pt").open("wb") as f:
                torch.save(state, f)
                f.flush()
                os.fsync(f.fileno())
        barrier()
        if rank == 0:
            files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(temporary.iterdir())}
            record = {
                "format": FORMAT,
                **{k: getattr(manifest, k) for k in ("images", "seconds", "world", "provenance")},
            }
            record |= {"config": to_dict(manifest.config), "files": files}
            record["checksum"] = _checksum(record)
            _write(temporary / "manifest.json", json.dumps(record, indent=1).encode())
            _sync(temporary)
            if folder.exists():  # written again after a resume from an earlier one
                _delete(folder)
            temporary.rename(folder)
            _sync(parent)
        barrier()
    except (OSError, RuntimeError) as e:
        # torch.save reports a full disk as a RuntimeError of its zip writer.
        shutil.rmtree(temporary, ignore_errors=True)
        reason = e.strerror if isinstance(e, OSError) else str(e).splitlines()[0]
        raise UserError(
            f"The checkpoint {folder} could not be written ({reason}): free some space, then go on with --resume {run}."
        ) from e
    return folder


def checkpoints(run: Path) -> list[Path]:
    """Folders of the checkpoints of a run, oldest first. One that lost its manifest is among them: `read` refuses it,
    where passing over it would train or translate with older weights, or none, without a word.
    """
    return sorted(p for p in (run / "checkpoints").glob("images-*") if p.is_dir())


def latest(run: Path) -> Path | None:
    """The newest checkpoint's folder, or None where nothing has been written yet."""
    folders = checkpoints(run)
    return folders[-1] if folders else None


def best(run: Path) -> Path | None:
    """The folder of the checkpoint that measured best, or None where nothing has been measured."""
    try:
        folder = run / "checkpoints" / json.loads((run / "best.json").read_text())["checkpoint"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UserError(f"{run / 'best.json'} is damaged ({type(e).__name__}: {e}): delete it.") from e
    return folder if folder.is_dir() else None


def mark_best(run: Path, folder: Path, value: float, measure: str) -> None:
    """Name `folder` as the best checkpoint of a run, if its `value` is lower than that of the best so far."""
    if best(run) is not None and json.loads((run / "best.json").read_text())["value"] <= value:
        return
    write_json(run / "best.json", {"checkpoint": folder.name, "value": value, "measure": measure})


def read(folder: Path) -> Checkpoint:
    """Read a checkpoint's manifest. Raises `UserError` where it is missing, damaged, foreign or of a newer version."""
    path = folder / "manifest.json"
    try:
        record = json.loads(path.read_text())
        if not isinstance(record, dict) or "format" not in record:
            raise UserError(f"{path} is not a checkpoint of unpaired.")
        if record["format"] > FORMAT:
            raise UserError(f"{folder} was written by a newer version of unpaired: upgrade with pip to use it.")
        # Without its own checksum a flipped digit would pass for another configuration.
        if record.get("checksum") != _checksum(record):
            raise UserError(f"{path} is damaged (its checksum does not match): use another checkpoint.")
        return Checkpoint(
            folder,
            Manifest(
                images=int(record["images"]), seconds=float(record["seconds"]), world=int(record["world"]),
                config=from_dict(Config, record["config"], str(path)), provenance=record["provenance"],
            ),
            dict(record["files"]),
        )  # fmt: skip
    except FileNotFoundError as e:
        if folder.is_dir():
            raise UserError(f"{path} is missing: the checkpoint is damaged, use another one.") from e
        raise UserError(f"There is no checkpoint at {folder}: train first, or name another run.") from e
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise UserError(f"{path} is damaged ({type(e).__name__}: {e}): use another checkpoint.") from e


def prune(run: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints and the best, and what a killed training left half-done."""
    for pattern in (".writing-*", ".deleting-*"):
        for leftover in (run / "checkpoints").glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)
    kept = {best(run), *checkpoints(run)[-keep:]}
    for folder in checkpoints(run):
        if folder not in kept:
            _delete(folder)


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.writing")
    _write(temporary, json.dumps(value, indent=1).encode())
    temporary.replace(path)


def _delete(folder: Path) -> None:
    """Delete a checkpoint; renamed first, since a half-deleted folder must not look like one."""
    doomed = folder.with_name(f".deleting-{folder.name}")
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _checksum(record: dict[str, Any]) -> str:
    """SHA-256 of all that a manifest says but this checksum itself."""
    said = {k: v for k, v in record.items() if k != "checksum"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where the system offers that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
