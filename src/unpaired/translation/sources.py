"""Where a translator's generators come from: a run, one of its checkpoints, or a single file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from unpaired.config import DIRECTIONS, Config, Direction
from unpaired.errors import UserError
from unpaired.methods import METHODS
from unpaired.run import checkpoint, checkpoints
from unpaired.translation import single

Generators = dict[Direction, Callable[[], nn.Module]]
"""Each builds a direction's network in evaluation mode when it is called."""


def of_run(path: Path, which: Literal["best", "latest"] | None) -> tuple[Config, Generators, int]:
    """Configuration, generators, and images seen, of a run or a checkpoint."""
    found = checkpoint.read(_checkpoint_folder(path, which))
    config = found.manifest.config
    names = METHODS[config.method].translators
    # An imported run may translate in one direction only.
    known: list[Direction] = [d for d in DIRECTIONS if d in names]
    there: list[Direction] = [d for d in known if f"{names[d]}.safetensors" in found.files] or known

    def source(way: Direction, name: str) -> Callable[[], nn.Module]:
        def build() -> nn.Module:
            weights = found.weights(name, averaged=f"{name}.ema.safetensors" in found.files)
            return _built(config, way, weights, f"{name} of {found.folder}")

        return build

    sources: Generators = {way: source(way, names[way]) for way in there}
    return config, sources, found.manifest.images


def of_file(path: Path, which: Literal["best", "latest"] | None) -> tuple[Config, Generators, int]:
    """The same of a single file."""
    if which is not None:
        raise UserError(f"{path} is a single translator, of which there is no {which!r} one: leave that out.")
    found = single.read(path)

    def source(way: Direction) -> Callable[[], nn.Module]:
        return lambda: _built(found.config, way, found.weights(way), str(path))

    return found.config, {way: source(way) for way in found.directions}, found.images


def _checkpoint_folder(path: Path, which: Literal["best", "latest"] | None) -> Path:
    if (path / "manifest.json").exists():
        return path
    if not path.is_dir():
        raise UserError(f"There is no run at {path}: name the folder that a training left behind.")
    found = checkpoints.best(path) if which != "latest" else None
    if found is None and which == "best":
        raise UserError(f"No checkpoint of {path} is marked as the best: take the latest.")
    found = found or checkpoints.latest(path)
    if found is None:
        raise UserError(f"{path} holds no checkpoint: it is not a run, or its training has not written one yet.")
    return found


def _built(config: Config, way: Direction, weights: dict[str, Tensor], where: str) -> nn.Module:
    """The generator of a direction with its weights: averaged ones, or the last where none are kept."""
    network = METHODS[config.method].translator(config, way)
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as e:
        raise UserError(f"{where} does not fit its configuration: it is damaged.") from e
    return network.eval().requires_grad_(False)
