"""Agreement of pictures with their true counterparts: PSNR, SSIM, L1. Works on uint8 (N, H, W, 3)."""

from __future__ import annotations

import numpy as np

from unpaired.errors import UserError
from unpaired.evaluation.pictures import Picture, Pictures, Values, blocks, shape_of

WINDOW = 11
"""Side in px of SSIM's window."""
_SIGMA, _K1, _K2, _BATCH = 1.5, 0.01, 0.03, 16


def together(x: Pictures, y: Pictures) -> tuple[int, int]:
    """Height and width of the pairs; `UserError` where they are not pairs of one size."""
    if len(x) != len(y):
        raise UserError(f"Pairs need as many pictures on each side, but there are {len(x)} and {len(y)}.")
    if not len(x):
        raise UserError("There are no pairs to compare: give pictures whose names match in both folders.")
    a, b = shape_of(x), shape_of(y)
    if a != b:
        raise UserError(f"Pairs need one size, not {a[1]}×{a[0]} and {b[1]}×{b[0]} px.")
    return a[0], a[1]


def l1(x: Pictures, y: Pictures) -> Values:
    """Mean absolute difference of each pair on the scale 0…1."""
    together(x, y)
    return np.array([np.abs(a.astype(np.float64) - b).mean() / 255 for a, b in zip(x, y, strict=True)])


def psnr(x: Pictures, y: Pictures) -> Values:
    """Peak signal-to-noise ratio of each pair in dB; 100 dB for equal pictures, whose own is infinite."""
    together(x, y)
    mse = np.array([np.square(a / 255 - b / 255).mean() for a, b in zip(x, y, strict=True)])
    return -10 * np.log10(mse.clip(min=1e-10))


def ssim(x: Pictures, y: Pictures) -> Values:
    """Structural similarity of each pair (Wang et al. 2004, eq. 13), the mean over colour channels.

    Gaussian window of 11 × 11 pixels with σ = 1.5, K₁ = 0.01, K₂ = 0.03; only where the whole window fits.
    """
    height, width = together(x, y)
    if min(height, width) < WINDOW:
        raise UserError(f"SSIM needs pictures of at least {WINDOW} px a side, not {width}×{height} px.")
    return np.concatenate([_ssim(a, b) for a, b in zip(blocks(x, _BATCH), blocks(y, _BATCH), strict=True)])


def _ssim(a: Picture, b: Picture) -> Values:
    p, q = (np.moveaxis(z, 3, 1) / 255 for z in (a, b))
    down, across = _window_matrix(p.shape[2]), _window_matrix(p.shape[3]).T

    def blur(z: Values) -> Values:
        return down @ z @ across

    mean_p, mean_q = blur(p), blur(q)
    var_p, var_q = blur(p * p) - mean_p**2, blur(q * q) - mean_q**2
    covariance = blur(p * q) - mean_p * mean_q
    c1, c2 = _K1**2, _K2**2
    similarity = (2 * mean_p * mean_q + c1) * (2 * covariance + c2)
    similarity /= (mean_p**2 + mean_q**2 + c1) * (var_p + var_q + c2)
    return similarity.mean(axis=(1, 2, 3))


def _window_matrix(side: int) -> Values:
    """The Gaussian window at each place where it fits, as a matrix (side − 10, side)."""
    window = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * _SIGMA**2))
    matrix = np.zeros((side - WINDOW + 1, side))
    for row in range(len(matrix)):
        matrix[row, row : row + WINDOW] = window / window.sum()
    return matrix
