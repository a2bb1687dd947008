"""How well two collections of features cover each other: is each fake like some real, and the reverse?

A picture's neighbourhood is the ball around its features that reaches to its k-th nearest neighbour in its own
collection. All in float64, in blocks, so that memory does not grow with N · M.

- precision and recall: Kynkäänniemi et al. 2019 ("Improved precision and recall metric for assessing generative
  models", eq. 1 and 2), k = 3.
- density and coverage: Naeem et al. 2020 ("Reliable fidelity and diversity metrics for generative models",
  eq. 3 and 4), k = 5; less moved by single outliers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.evaluation.distances import MINIMUM, Array, checked

_BLOCK = 1024


def precision_recall(fakes: NDArray[Any], reals: NDArray[Any], *, k: int = 3) -> tuple[float, float]:
    """Shares in 0…1: of fakes (N, D) that lie in some real's neighbourhood, of reals (M, D) in some fake's.

    Raises `UserError` where there are fewer pictures than `MINIMUM`, or features that are not finite.
    """
    x, y = checked(fakes, reals, "Precision and recall", max(MINIMUM, k + 1))
    return float(_inside(x, y, _reach(y, k)).any), float(_inside(y, x, _reach(x, k)).any)


def density_coverage(fakes: NDArray[Any], reals: NDArray[Any], *, k: int = 5) -> tuple[float, float]:
    """(in how many reals' neighbourhoods a fake lies ÷ k, share of reals with a fake in their neighbourhood).

    Density is near 1 where fakes lie as the reals do, and above where they crowd among the commonest; coverage is
    in 0…1. Raises `UserError` as `precision_recall` does.
    """
    x, y = checked(fakes, reals, "Density and coverage", max(MINIMUM, k + 1))
    found = _inside(x, y, _reach(y, k))
    return found.mean / k, found.covered


class _Inside:
    """How points lie in balls: `any`, the share of points in some ball; `mean`, in how many a point lies; `covered`,
    the share of balls that hold a point."""

    def __init__(self, any: float, mean: float, covered: float) -> None:
        self.any, self.mean, self.covered = any, mean, covered


def _inside(points: Array, centres: Array, reach: Array) -> _Inside:
    counts, holds = 0, np.zeros(len(centres), dtype=bool)
    lie = 0
    for start in range(0, len(points), _BLOCK):
        near = _squared(points[start : start + _BLOCK], centres) <= reach
        counts += int(near.sum())
        lie += int(near.any(axis=1).sum())
        holds |= near.any(axis=0)
    return _Inside(lie / len(points), counts / len(points), float(holds.mean()))


def _reach(points: Array, k: int) -> Array:
    """Squared distance of each point to its k-th nearest other."""
    blocks = [
        # The nearest of all is the point itself.
        np.partition(_squared(points[start : start + _BLOCK], points), k, axis=1)[:, k]
        for start in range(0, len(points), _BLOCK)
    ]
    return np.concatenate(blocks)


def _squared(x: Array, y: Array) -> Array:
    """Squared Euclidean distances (N, M); those of equal points are 0 up to rounding, and never below."""
    squares = (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * x @ y.T
    return squares.clip(min=0)
