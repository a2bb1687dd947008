"""The pictures that came out best and worst at an evaluation, RUN/evaluations/IMAGES-DIRECTION.png; and, when a
training is over, those that are most and least like the training pictures, RUN/evaluations/trust-DIRECTION.png.

Rows are pictures, best first, without gaps; columns are input, translation and, where it is known, the counterpart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unpaired.config import Direction
from unpaired.data.files import replacing
from unpaired.evaluation.distances import in_blocks, squared
from unpaired.evaluation.pictures import Pictures
from unpaired.evaluation.shelf import Rows

ROWS = 3  # of the best, and as many of the worst


@dataclass(frozen=True, slots=True)
class Ranked:
    """Translations of one direction, and how far each is from what it should be. Pictures are (H, W, 3)."""

    inputs: Pictures
    fakes: Pictures
    truths: Pictures | None
    names: Sequence[str]
    distances: NDArray[np.floating[Any]]
    """(N,), lower is better."""
    by: str
    """What the distances are."""


def extremes(distances: NDArray[np.floating[Any]]) -> list[int]:
    """Indices of the best and of the worst few, best first."""
    order = [int(i) for i in np.argsort(distances, kind="stable")]
    return order if len(order) <= 2 * ROWS else order[:ROWS] + order[-ROWS:]


def nearest(fakes: Rows, reals: Rows) -> NDArray[np.float64]:
    """Distance of the features (N, D) of each translation to those (M, D) of the real picture that is nearest: (N,)."""
    found = [np.stack([squared(some, others).min(axis=1) for others in in_blocks(reals)]).min(axis=0)
             for some in in_blocks(fakes)]  # fmt: skip
    return np.sqrt(np.concatenate(found))


def write(run: Path, images: int, ranked: Mapping[Direction, Ranked], keep: Collection[int]) -> dict[str, Any]:
    """Write the pictures of this evaluation, delete those of others than `keep`; returns what the log tells of them."""
    told = write_sheets(run, f"{images:09d}", ranked)
    for path in (run / "evaluations").glob("*-*.png"):
        if path.name[:9].isdigit() and int(path.name[:9]) not in {images, *keep}:
            path.unlink()
    return told


def write_sheets(run: Path, name: str, ranked: Mapping[Direction, Ranked]) -> dict[str, Any]:
    """Write RUN/evaluations/NAME-DIRECTION.png of each direction; returns what the log tells of them."""
    folder = run / "evaluations"
    folder.mkdir(exist_ok=True)
    told: dict[str, Any] = {}
    for direction, found in ranked.items():
        chosen = extremes(found.distances)
        columns = [side for side in (found.inputs, found.fakes, found.truths) if side is not None]
        sheet = np.concatenate([np.concatenate([side[i] for side in columns], axis=1) for i in chosen])
        path = folder / f"{name}-{direction}.png"
        with replacing(path) as file:
            Image.fromarray(sheet).save(file, "PNG")
        rows = [{"name": found.names[i], "distance": float(found.distances[i])} for i in chosen]
        told[direction] = {
            "file": str(path.relative_to(run)), "columns": len(columns), "by": found.by, "rows": rows,
        }  # fmt: skip
    return told
