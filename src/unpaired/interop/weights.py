"""A run's generators as a translator in one file."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from unpaired.config import Direction
from unpaired.interop.program import sample
from unpaired.run.provenance import provenance
from unpaired.translation import single
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
    written = Translator.load(path, device="cpu", precision="float32")
    apart = 0.0
    for way in translator.directions:
        x = sample(translator, way, 1, 4, 4)
        apart = max(apart, float((written.translate(x, way) - translator.translate(x, way)).abs().max()))
    return apart
