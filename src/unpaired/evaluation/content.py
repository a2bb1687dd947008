"""What a translation keeps of its input: light and dark, edges, structure. No network takes part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unpaired.data.decode import LUMINANCE
from unpaired.evaluation.distances import Array
from unpaired.evaluation.pairs import together
from unpaired.evaluation.pictures import Pictures, Values, blocks

INVERTED = -0.3
"""Correlation of luminance below which a translation counts as inverted."""
_SMOOTH = 8  # sides of the squares over which structure is compared, in px


def luminance_correlation(x: Pictures, y: Pictures) -> Values:
    """Pearson's r of the luminance of each pair, in −1…1; −1 is the negative of a photograph.

    0 where one of the two is plain. `UserError` where they are not pairs of one size.
    """
    return np.concatenate([_correlation(a.reshape(len(a), -1), b.reshape(len(b), -1)) for a, b in _greys(x, y)])


def edge_agreement(x: Pictures, y: Pictures) -> Values:
    """Pearson's r of the edge strength of each pair, wherever dark and bright lie on its sides: 1 is equal edges."""
    return np.concatenate([_correlation(_edges(a), _edges(b)) for a, b in _greys(x, y)])


def structure_agreement(x: Pictures, y: Pictures) -> Values:
    """Mean of |r| of the luminance inside squares of 8 px, weighted by the structure that the first picture has there.

    As the structure term of SSIM (Wang et al. 2004, eq. 10), but blind to which side of an edge is the bright one: a
    picture and its negative have one structure.
    """
    return np.concatenate([_structure(a, b) for a, b in _greys(x, y)])


def _greys(x: Pictures, y: Pictures) -> Iterator[tuple[Array, Array]]:
    """Blocks of both as luminance (N, H, W) in 0…1."""
    together(x, y)
    weights = np.array(LUMINANCE) / 255
    for a, b in zip(blocks(x), blocks(y), strict=True):
        yield a @ weights, b @ weights


def _correlation(a: Array, b: Array) -> Values:
    """Of rows (N, P)."""
    a, b = (z - z.mean(axis=1, keepdims=True) for z in (a, b))
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.where(size > 1e-9, (a * b).sum(axis=1) / np.maximum(size, 1e-9), 0.0)


def _edges(grey: Array) -> Array:
    """Length of the gradient (Sobel), (N, (H − 2) · (W − 2))."""
    across = grey[:, :, 2:] - grey[:, :, :-2]
    down = grey[:, 2:] - grey[:, :-2]
    gx = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    gy = down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]
    return np.hypot(gx, gy).reshape(len(grey), -1)


def _structure(a: Array, b: Array) -> Values:
    n, height, width = a.shape
    side = min(_SMOOTH, height, width)
    rows, columns = height // side, width // side

    def squares(z: Array) -> Array:
        cut = z[:, : rows * side, : columns * side].reshape(n, rows, side, columns, side)
        cut = cut.transpose(0, 1, 3, 2, 4).reshape(n, rows * columns, side * side)
        return cut - cut.mean(axis=2, keepdims=True)

    p, q = squares(a), squares(b)
    deviations = np.sqrt((p * p).mean(axis=2)), np.sqrt((q * q).mean(axis=2))
    r = np.abs((p * q).mean(axis=2)) / np.maximum(deviations[0] * deviations[1], 1e-9)
    weights = deviations[0] + 1e-9
    return (np.minimum(r, 1) * weights).sum(axis=1) / weights.sum(axis=1)
