"""Distances between two collections of features, in float64.

- KID: the unbiased estimate of the squared maximum mean discrepancy with the kernel (x·y/d + 1)³ (Bińkowski
  et al. 2018, "Demystifying MMD GANs", section 4; Gretton et al. 2012, eq. 3). It may be slightly negative.
- FID: the Fréchet distance of two Gaussians (Heusel et al. 2017, section 3). It is biased upward where there
  are few pictures, so only numbers from equally many pictures compare.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.data.split import MINIMUM
from unpaired.errors import UserError
from unpaired.evaluation.shelf import Rows

Array = NDArray[np.float64]
_BLOCK = 1024


def need(count: int, minimum: int, what: str) -> None:
    """Raise `UserError` where there are fewer than `minimum` pictures."""
    if count < minimum:
        raise UserError(f"{what} needs at least {minimum} pictures on each side, but one has {count}: add pictures.")


def check(x: Rows, y: Rows, what: str, minimum: int) -> None:
    """Raise `UserError` where features can't be compared, are not finite, or are fewer than `minimum`."""
    if len(x.shape) != 2 or len(y.shape) != 2 or x.shape[1] != y.shape[1]:
        raise UserError(f"{what} compares features (N, D) of one dimension, not {x.shape} with {y.shape}.")
    need(min(len(x), len(y)), minimum, what)
    if not all(np.isfinite(block).all() for z in (x, y) for block in in_blocks(z)):
        raise UserError(f"{what} cannot be measured: some features are not finite numbers.")


def in_blocks(x: Rows, size: int = _BLOCK) -> Iterator[Array]:
    """All rows in turn, `size` at a time, in float64."""
    return (x[start : start + size].astype(np.float64) for start in range(0, len(x), size))


def squared(x: Array, y: Array) -> Array:
    """Squared Euclidean distances (N, M); those of equal points are 0 up to rounding, and never below."""
    squares = (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * x @ y.T
    return squares.clip(min=0)


def _kernel_sum(x: Rows, y: Rows, block: int) -> float:
    """Σ_ij k(x_i, y_j), computed in blocks so that memory does not grow with N·M."""
    total = 0.0
    for rows in in_blocks(x, block):
        for columns in in_blocks(y, block):
            total += float(_kernel(rows @ columns.T, x.shape[1]).sum())
    return total


def _kernel_diagonal(x: Rows, block: int) -> float:
    """Σ_i k(x_i, x_i)."""
    products = [np.einsum("nd,nd->n", rows, rows) for rows in in_blocks(x, block)]
    return float(_kernel(np.concatenate(products), x.shape[1]).sum())


def _kernel(products: Array, dimension: int) -> Array:
    """Polynomial kernel of degree 3, γ = 1/d, coefficient 1, of inner products."""
    k = products / dimension + 1.0
    return k * k * k


def kid(x: Rows, y: Rows, *, block: int = _BLOCK, minimum: int = MINIMUM) -> float:
    """KID of all of `x` (N, D) and `y` (M, D); N and M may differ."""
    check(x, y, "KID", minimum)
    return _mmd(x, y, block)


def _mmd(x: Rows, y: Rows, block: int) -> float:
    n, m = len(x), len(y)
    xx = _kernel_sum(x, x, block) - _kernel_diagonal(x, block)
    yy = _kernel_sum(y, y, block) - _kernel_diagonal(y, block)
    return xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * _kernel_sum(x, y, block) / (n * m)


def kid_spread(
    x: Rows,
    y: Rows,
    *,
    subsets: int = 50,
    size: int | None = None,
    seed: int = 0,
    minimum: int = MINIMUM,
) -> tuple[float, float]:
    """Mean and standard deviation of KID over random subsets of `size` pictures of each side.

    `size` is 1000 as published, or half of the smaller side where that is less, so that subsets can differ.
    One seed, one result. The deviation tells the noise of a measurement with `size` pictures.
    """
    check(x, y, "KID", minimum)
    size = size or max(2, min(1000, len(x) // 2, len(y) // 2))
    need(min(len(x), len(y)), size, f"KID over subsets of {size}")
    rng = np.random.default_rng(seed)
    values = np.array(
        [_mmd(x[rng.permutation(len(x))[:size]], y[rng.permutation(len(y))[:size]], _BLOCK) for _ in range(subsets)]
    )
    return float(values.mean()), float(values.std())


class Moments:
    """Mean and covariance of features that come in pieces (Chan, Golub, LeVeque 1983)."""

    def __init__(self, dimension: int) -> None:
        self.count = 0
        self.mean: Array = np.zeros(dimension)
        self._scatter: Array = np.zeros((dimension, dimension))

    def update(self, features: NDArray[Any]) -> None:
        """Add features (N, D)."""
        if not len(features):
            return
        x = features.astype(np.float64)
        if not np.isfinite(x).all():
            raise UserError("FID cannot be measured: some features are not finite numbers.")
        total = self.count + len(x)
        mean = x.mean(axis=0)
        step, x = mean - self.mean, x - mean
        self._scatter += x.T @ x + np.outer(step, step) * (self.count * len(x) / total)
        self.mean = self.mean + step * (len(x) / total)
        self.count = total

    @property
    def covariance(self) -> Array:
        """Unbiased, (D, D)."""
        need(self.count, 2, "FID")
        return self._scatter / (self.count - 1)


def frechet(x: Moments, y: Moments) -> float:
    """|μ_x − μ_y|² + tr(Σ_x + Σ_y − 2 (Σ_x Σ_y)^½)."""
    a, b = x.covariance, y.covariance
    # tr (AB)^½ = tr (A^½ B A^½)^½, of a symmetric matrix with eigenvalues ≥ 0 (up to rounding).
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    trace = np.sqrt(np.linalg.eigvalsh(root @ b @ root).clip(min=0)).sum()
    return _frechet(x.mean - y.mean, float(np.trace(a)), float(np.trace(b)), float(trace))


def _frechet(step: Array, trace_a: float, trace_b: float, trace_root: float) -> float:
    # Rounding may leave a few ulps below 0 where both are equal.
    return max(0.0, float(step @ step) + trace_a + trace_b - 2 * trace_root)


def fid(x: Rows, y: Rows, *, minimum: int = MINIMUM) -> float:
    """FID of `x` (N, D) and `y` (M, D)."""
    check(x, y, "FID", minimum)
    if max(len(x), len(y)) > x.shape[1]:
        moments = Moments(x.shape[1]), Moments(x.shape[1])
        for moment, features in zip(moments, (x, y), strict=True):
            for block in in_blocks(features):
                moment.update(block)
        return frechet(*moments)
    # Fewer pictures than features: tr (Σ_x Σ_y)^½ is the sum of singular values of a small N × M matrix.
    a, b = (z[:].astype(np.float64) for z in (x, y))
    step = a.mean(axis=0) - b.mean(axis=0)
    a, b = ((z - z.mean(axis=0)) / np.sqrt(len(z) - 1) for z in (a, b))
    singular = np.linalg.svd(a @ b.T, compute_uv=False)
    return _frechet(step, float((a * a).sum()), float((b * b).sum()), float(singular.sum()))
