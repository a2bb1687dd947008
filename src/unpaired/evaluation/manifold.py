"""How well two collections of features cover each other: is each fake like some real, and the reverse?

A picture's neighbourhood is the ball around its features that reaches to its k-th nearest neighbour in its own
collection. All in float64, in blocks, so that memory does not grow with the pictures.

- precision and recall: Kynkäänniemi et al. 2019 ("Improved precision and recall metric for assessing generative
  models", eq. 1 and 2), k = 3.
- density and coverage: Naeem et al. 2020 ("Reliable fidelity and diversity metrics for generative models",
  eq. 3 and 4), k = 5; less moved by single outliers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unpaired.data.split import MINIMUM
from unpaired.evaluation.distances import Array, check, in_blocks, squared
from unpaired.evaluation.shelf import Rows

_BLOCK = 1024


def precision_recall(fakes: Rows, reals: Rows, *, k: int = 3) -> tuple[float, float]:
    """Shares in 0…1: of fakes (N, D) that lie in some real's neighbourhood, of reals (M, D) in some fake's.

    Raises `UserError` where there are fewer pictures than `MINIMUM`, or features that are not finite.
    """
    check(fakes, reals, "Precision and recall", max(MINIMUM, k + 1))
    return _inside(fakes, reals, _reach(reals, k)).any, _inside(reals, fakes, _reach(fakes, k)).any


def density_coverage(fakes: Rows, reals: Rows, *, k: int = 5) -> tuple[float, float]:
    """(in how many reals' neighbourhoods a fake lies ÷ k, share of reals with a fake in their neighbourhood).

    Density is near 1 where fakes lie as the reals do, and above where they crowd among the commonest; coverage is
    in 0…1. Raises `UserError` as `precision_recall` does.
    """
    check(fakes, reals, "Density and coverage", max(MINIMUM, k + 1))
    found = _inside(fakes, reals, _reach(reals, k))
    return found.mean / k, found.covered


@dataclass(frozen=True, slots=True)
class _Inside:
    """How points lie in balls."""

    any: float
    """Share of points in some ball."""
    mean: float
    """In how many a point lies."""
    covered: float
    """Share of balls that hold a point."""


def _inside(points: Rows, centres: Rows, reach: Array) -> _Inside:
    lie, holds, hits = 0, np.zeros(len(centres), dtype=bool), 0
    for some in in_blocks(points, _BLOCK):
        within = np.zeros(len(some), dtype=bool)
        for start, others in zip(range(0, len(centres), _BLOCK), in_blocks(centres, _BLOCK), strict=True):
            near = squared(some, others) <= reach[start : start + _BLOCK]
            hits += int(near.sum())
            within |= near.any(axis=1)
            holds[start : start + _BLOCK] |= near.any(axis=0)
        lie += int(within.sum())
    return _Inside(lie / len(points), hits / len(points), float(holds.mean()))


def _reach(points: Rows, k: int) -> Array:
    """Squared distance of each point to its k-th nearest other."""
    found: list[Array] = []
    for some in in_blocks(points, _BLOCK):
        nearest = np.empty((len(some), 0))
        for others in in_blocks(points, _BLOCK):
            nearest = np.concatenate([nearest, squared(some, others)], axis=1)
            nearest = np.partition(nearest, min(k, nearest.shape[1] - 1), axis=1)[:, : k + 1]
        found.append(nearest.max(axis=1))  # the nearest of these k + 1 is the point itself
    return np.concatenate(found)
