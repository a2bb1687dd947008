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

import errno
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from unpaired.config import Config
from unpaired.config_json import from_dict, to_dict
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
            return safetensors.torch.load(self.read(name))
        except SafetensorError as e:
            raise UserError(f"{self.folder / name} is damaged ({e}): {_instead(self.folder)}") from e

    def state(self, name: str) -> dict[str, Any]:
        """What `write` got as `states[name]`."""
        path = self.folder / f"{name}.pt"
        content = self.read(path.name)
        try:
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except Exception as e:  # whatever readers of archives and pickles raise on something else, code among it
            raise UserError(f"{path} is damaged: {_instead(self.folder)}") from e

    def verify(self) -> int:
        """Read every file against its checksum and return their bytes. Raises `UserError` naming a damaged one."""
        return sum(len(self.read(name)) for name in self.files)

    def read(self, name: str) -> bytes:
        """Content of one file, checked. Raises `UserError` where it is missing or damaged."""
        path = self.folder / name
        if name not in self.files:
            raise UserError(f"{self.folder} holds no {name}: it is not a checkpoint that can be used for this.")
        try:
            content = path.read_bytes()
        except OSError as e:
            raise UserError(f"{path} is damaged, it can't be read ({e.strerror}): {_instead(self.folder)}") from e
        if hashlib.sha256(content).hexdigest() != self.files[name]:
            raise UserError(f"{path} is damaged (its checksum does not match): {_instead(self.folder)}")
        return content


Together = Callable[[], AbstractContextManager[None]]
"""What is done inside succeeds on all ranks, or raises the same `UserError` on all of them; see `Ranks.together`."""


def write(
    run: Path, manifest: Manifest, weights: dict[str, dict[str, Tensor]], states: dict[str, Any],
    *, rank: int = 0, together: Together = nullcontext,
) -> Path:  # fmt: skip
    """Write a checkpoint of `run`; every rank calls it with the states that it has, rank 0 with all the rest.

    Raises `UserError` where the disk is full or the folder can't be written; the earlier checkpoints stay whole.
    """
    folder = run / "checkpoints" / f"images-{manifest.images:09d}"
    temporary = folder.with_name(f".writing-{manifest.images:09d}")
    try:
        with together(), _writing(folder):
            if rank == 0:
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir(parents=True)
        with together(), _writing(folder):
            for name, tensors in weights.items():
                content = safetensors.torch.save({k: t.detach().cpu().contiguous() for k, t in tensors.items()})
                _write(temporary / f"{name}.safetensors", content)
            for name, state in states.items():
                _save(temporary / f"{name}.pt", state)
        with together(), _writing(folder):
            if rank == 0:
                _seal(temporary, manifest)
                if folder.exists():  # written again after a resume from an earlier one
                    delete(folder)
                temporary.rename(folder)
                _sync(folder.parent)
    except UserError:
        if rank == 0:
            shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder


@contextmanager
def _writing(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as e:
        raise UserError(
            f"The checkpoint {folder} could not be written ({e.strerror}): "
            f"free some space, then go on with --resume {folder.parents[1]}."
        ) from e


def _seal(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, after all files that it names."""
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}
    record = {"format": FORMAT, **{k: getattr(manifest, k) for k in ("images", "seconds", "world", "provenance")}}
    record |= {"config": to_dict(manifest.config), "files": files}
    record["checksum"] = _checksum(record)
    _write(folder / "manifest.json", json.dumps(record, indent=1).encode())
    _sync(folder)


def _save(path: Path, state: Any) -> None:
    with path.open("wb") as f:
        try:
            torch.save(state, f)
        except RuntimeError as e:  # how its zip writer tells of a full disk
            raise OSError(errno.EIO, str(e).splitlines()[0]) from e
        f.flush()
        os.fsync(f.fileno())


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
            raise UserError(f"{path} is damaged (its checksum does not match): {_instead(folder)}")
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
            raise UserError(f"{path} is missing, the checkpoint is damaged: {_instead(folder)}") from e
        raise UserError(f"There is no checkpoint at {folder}: train first, or name another run.") from e
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise UserError(f"{path} is damaged ({type(e).__name__}: {e}): {_instead(folder)}") from e


def _instead(folder: Path) -> str:
    """What to do without the checkpoint in `folder`."""
    others = [p for p in sorted(folder.absolute().parent.glob("images-*")) if p.name != folder.name and p.is_dir()]
    return f"use another one, such as {folder.parent / others[-1].name}." if others else "there is no other one."


def delete(folder: Path) -> None:
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
