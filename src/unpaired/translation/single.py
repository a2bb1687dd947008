"""A translator in one file: safetensors with the generators that translate, and in its metadata how to build them.

    tensors     a2b.encoder.0.weight, …     float32, or float16 in half the bytes
    metadata    format, directions, config (JSON), images, provenance (JSON)

Written by `unpaired export --safetensors` and `unpaired import`, read by `Translator.load`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from unpaired.config import DIRECTIONS, Config, Direction
from unpaired.config_json import from_dict, to_dict
from unpaired.data.files import replacing
from unpaired.errors import UserError

FORMAT = "unpaired translator 1"
WEIGHTS = "translator.safetensors"
"""The name of such a file in a folder that is published, or to be."""


@dataclass(frozen=True, slots=True)
class SingleFile:
    """What such a file says of itself; its tensors are read when they are asked for."""

    path: Path
    config: Config
    directions: tuple[Direction, ...]
    images: int
    """Images of each domain that the generators were trained on."""
    provenance: dict[str, Any]

    def weights(self, direction: Direction) -> dict[str, Tensor]:
        """State dict of a direction's generator, in float32."""
        prefix = f"{direction}."
        try:
            with safetensors.safe_open(self.path, "pt") as file:
                names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (it is no dict)
                tensors = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
        except (SafetensorError, OSError) as e:
            raise UserError(f"{self.path} is damaged ({e}): get it again.") from e
        return {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}


def write(
    path: Path, config: Config, weights: Mapping[Direction, Mapping[str, Tensor]], *,
    images: int, provenance: Mapping[str, Any], half: bool = False,
) -> None:  # fmt: skip
    """Write the generators of one or both directions, whole or not at all. Raises `OSError` as the system does."""
    tensors = {
        f"{direction}.{name}": (t.half() if half and t.is_floating_point() else t).detach().cpu().contiguous()
        for direction, state in weights.items()
        for name, t in state.items()
    }
    metadata = {
        "format": FORMAT, "directions": " ".join(weights), "images": str(images),
        "config": json.dumps(to_dict(config)), "provenance": json.dumps(dict(provenance)),
    }  # fmt: skip
    with replacing(path) as file:
        file.write(safetensors.torch.save(tensors, metadata))


def read(path: Path) -> SingleFile:
    """Raises `UserError` where `path` is damaged, not such a file, or of a newer version."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            said = file.metadata() or {}
    except (SafetensorError, OSError) as e:
        raise UserError(f"{path} is not a whole safetensors file ({e}).") from e
    form = said.get("format", "")
    if not form.startswith("unpaired translator "):
        raise UserError(
            f"{path} is no translator of unpaired: bring weights of other projects in with unpaired import."
        )
    if form != FORMAT:
        raise UserError(f"{path} was written by a newer version of unpaired: upgrade with pip to use it.")
    try:
        named = said["directions"].split()
        return SingleFile(
            path, from_dict(Config, json.loads(said["config"]), str(path)),
            tuple(d for d in DIRECTIONS if d in named), int(said["images"]), json.loads(said["provenance"]),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, AttributeError) as e:
        raise UserError(f"{path} is damaged ({type(e).__name__}: {e}): get it again.") from e
