"""Agreement of pictures with their true counterparts: PSNR, SSIM, L1. Works on uint8 (N, H, W, 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.features import Picture, Pictures, stack

Values = NDArray[np.float64]
"""(N,), one for each pair, where functions give them."""
WINDOW = 11
"""Side in px of SSIM's window."""
_SIGMA, _K1, _K2, _BATCH = 1.5, 0.01, 0.03, 16


def together(x: Pictures, y: Pictures) -> tuple[Picture, Picture]:
    """Both as arrays (N, H, W, 3); `UserError` where they are not pairs of one size."""
    a, b = stack(x), stack(y)
    if len(a) != len(b):
        raise UserError(f"Pairs need as many pictures on each side, but there are {len(a)} and {len(b)}.")
    if not len(a):
        raise UserError("There are no pairs to compare: give pictures whose names match in both folders.")
    if a.shape != b.shape:
        raise UserError(f"Pairs need one size, not {a.shape[2]}×{a.shape[1]} and {b.shape[2]}×{b.shape[1]} px.")
    return a, b


def l1(x: Pictures, y: Pictures) -> Values:
    """Mean absolute difference of each pair on the scale 0…1."""
    return np.array([np.abs(a.astype(np.float64) - b).mean() / 255 for a, b in zip(*together(x, y), strict=True)])


def psnr(x: Pictures, y: Pictures) -> Values:
    """Peak signal-to-noise ratio of each pair in dB; 100 dB for equal pictures, whose own is infinite."""
    mse = np.array([np.square(a / 255 - b / 255).mean() for a, b in zip(*together(x, y), strict=True)])
    return -10 * np.log10(mse.clip(min=1e-10))


def ssim(x: Pictures, y: Pictures) -> Values:
    """Structural similarity of each pair (Wang et al. 2004, eq. 13), the mean over colour channels.

    Gaussian window of 11 × 11 pixels with σ = 1.5, K₁ = 0.01, K₂ = 0.03; only where the whole window fits.
    """
    a, b = together(x, y)
    if min(a.shape[1:3]) < WINDOW:
        raise UserError(f"SSIM needs pictures of at least {WINDOW} px a side, not {a.shape[2]}×{a.shape[1]} px.")
    blocks = [_ssim(a[i : i + _BATCH], b[i : i + _BATCH]) for i in range(0, len(a), _BATCH)]
    return np.concatenate(blocks)


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
