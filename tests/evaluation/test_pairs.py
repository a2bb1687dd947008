"""PSNR, SSIM and L1 against torchmetrics, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from unpaired.errors import UserError
from unpaired.evaluation.pairs import l1, psnr, ssim


def _pictures(seed: int, count: int = 5, height: int = 24, width: int = 31) -> NDArray[np.uint8]:
    """Random blocks of 4 px, so that there is structure to compare."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, height // 4 + 1, width // 4 + 1, 3))
    return coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width].astype(np.uint8)


def _noisy(pictures: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    noise = np.random.default_rng(7).normal(0, sigma, pictures.shape)
    return (pictures + noise).round().clip(0, 255).astype(np.uint8)


def _tensor(pictures: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).double() / 255


def test_agreement_with_torchmetrics() -> None:
    a = _pictures(0)
    b = _noisy(a, 30)
    x, y = _tensor(a), _tensor(b)
    # torchmetrics averages mirrored borders too; Wang et al. leave them out.
    theirs = structural_similarity_index_measure(x, y, data_range=1.0, reduction="none", return_full_image=True)
    assert isinstance(theirs, tuple)
    np.testing.assert_allclose(ssim(a, b), theirs[1][:, :, 5:-5, 5:-5].mean(dim=(1, 2, 3)).numpy(), atol=1e-6)
    theirs = peak_signal_noise_ratio(x, y, data_range=1.0, dim=(1, 2, 3), reduction="none")
    np.testing.assert_allclose(psnr(a, b), theirs.numpy(), atol=1e-6)
    np.testing.assert_allclose(l1(a, b), (x - y).abs().mean(dim=(1, 2, 3)).numpy(), atol=1e-12)


def test_equal_pictures() -> None:
    a = _pictures(1)
    np.testing.assert_allclose(ssim(a, a), 1, atol=1e-12)
    np.testing.assert_array_equal(psnr(a, a), 100)
    np.testing.assert_array_equal(l1(a, a), 0)


def test_known_values() -> None:
    black, white = np.zeros((1, 16, 16, 3), np.uint8), np.full((1, 16, 16, 3), 255, np.uint8)
    assert l1(black, white)[0] == 1
    assert psnr(black, white)[0] == pytest.approx(0)
    assert ssim(black, white)[0] == pytest.approx(0.01**2 / (1 + 0.01**2))


def test_more_noise_is_worse_and_order_does_not_matter() -> None:
    a = _pictures(2, count=20)
    little, much = _noisy(a, 5), _noisy(a, 40)
    assert (ssim(a, little) > ssim(a, much)).all()
    assert (psnr(a, little) > psnr(a, much)).all()
    assert (l1(a, little) < l1(a, much)).all()
    for measure in (ssim, psnr, l1):
        np.testing.assert_allclose(measure(a, much), measure(much, a))
        order = np.random.default_rng(0).permutation(20)
        np.testing.assert_allclose(measure(a[order], much[order]), measure(a, much)[order])


@pytest.mark.parametrize("measure", [ssim, psnr, l1])
def test_bad_input_is_told(measure: type[l1]) -> None:
    a = _pictures(0)
    with pytest.raises(UserError, match="5 and 4"):
        measure(a, a[:4])
    with pytest.raises(UserError, match="31×24 and 30×24 px"):
        measure(a, a[:, :, :30])
    with pytest.raises(UserError, match="no pairs"):
        measure([], [])
    with pytest.raises(UserError, match="8-bit RGB"):
        measure(a.astype(np.float32), a)
    with pytest.raises(UserError, match=r"different sizes \(30×24 and 31×24 px\)"):
        measure([a[0], a[1][:, :30]], a[:2])


def test_ssim_needs_its_window() -> None:
    a = _pictures(0, height=10)
    with pytest.raises(UserError, match="at least 11 px"):
        ssim(a, a)
