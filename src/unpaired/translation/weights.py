"""A translator's generators written to one file, and compared with what is read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from unpaired.config import Direction
from unpaired.networks import winograd
from unpaired.run.provenance import provenance
from unpaired.translation import single
from unpaired.translation.sources import of_file

if TYPE_CHECKING:
    from unpaired.translation.translator import Translator


def write_safetensors(translator: Translator, path: Path, *, half: bool = False) -> float:
    """Write all directions that `translator` knows, whole or not at all; `half` keeps float16 of them.

    Returns how far the translations of what was written are from the translator's at most, for noise of -1 to 1.
    """
    weights: dict[Direction, dict[str, Tensor]] = {
        way: translator.generator(way).state_dict() for way in translator.directions
    }
    single.write(
        path, translator.config, weights, images=translator.images_seen, provenance=provenance(translator.device),
        half=half,
    )  # fmt: skip
    _, written, _ = of_file(path, None)
    apart = 0.0
    for way in translator.directions:
        x = sample(translator, way, 1, 4, 4)
        with torch.inference_mode():
            made = winograd.without(written[way]())(x).clamp(-1, 1)  # exactly, on the CPU
        apart = max(apart, float((made - translator.translate(x, way).cpu()).abs().max()))
    return apart


def sample(translator: Translator, direction: Direction, count: int, rows: int, columns: int) -> Tensor:
    """(count, C, rows · multiple, columns · multiple): noise in [-1, 1], the same each time."""
    multiple = cast(int, translator.generator(direction).multiple)
    generator = torch.Generator().manual_seed(0)
    channels = translator.config.channels(direction)[0]
    return torch.rand(count, channels, rows * multiple, columns * multiple, generator=generator) * 2 - 1
