"""Colour and spectrum distances, on pictures where the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.appearance import colour_distance, spectrum, spectrum_distance
from unpaired.networks.colour import to_lab

Pictures = NDArray[np.uint8]


def _noise(seed: int, count: int = 12, side: int = 16) -> Pictures:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_of_known_colours(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    found = to_lab(torch.tensor(rgb, dtype=torch.float64).view(1, 3, 1, 1) / 127.5 - 1).flatten()
    assert found.tolist() == pytest.approx(lab, abs=0.02)


def test_a_change_of_lightness_is_measured_in_its_units() -> None:
    """Greys differ in lightness only, of which a random direction sees half on average."""
    dark, light = np.full((5, 8, 8, 3), 60, np.uint8), np.full((5, 8, 8, 3), 180, np.uint8)
    lightness = [to_lab(torch.full((1, 3, 1, 1), v / 127.5 - 1)).flatten()[0].item() for v in (60, 180)]
    assert colour_distance(dark, light) == pytest.approx((lightness[1] - lightness[0]) / 2, rel=0.2)


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 1000))
def test_places_do_not_matter_for_colours(seed: int) -> None:
    x = _noise(seed)
    shuffled = np.random.default_rng(seed).permutation(x.reshape(-1, 3)).reshape(x.shape)
    assert colour_distance(x, shuffled) < 1
    assert colour_distance(x, 255 - x // 2) > 5


def test_equal_collections_have_equal_spectra_and_a_shift_changes_nothing() -> None:
    x = _noise(0)
    assert spectrum_distance(x, x) == 0
    bright = (x // 2 + 100).astype(np.uint8)
    assert spectrum_distance((x // 2).astype(np.uint8), bright) < 0.05


def test_a_checkerboard_is_a_peak_at_the_end_of_the_spectrum() -> None:
    plain = np.full((4, 32, 32, 3), 128, np.uint8)
    board = plain.copy()
    board[:, ::2, :] += 20
    difference = spectrum(board) - spectrum(plain)
    assert int(np.argmax(difference)) == 16, "two px a period: as many cycles as half the side"


def test_halving_contrast_is_six_decibels() -> None:
    x = _noise(1, 20, 32)
    half = (64 + x / 2).round().astype(np.uint8)
    assert spectrum_distance(x, half) == pytest.approx(20 * np.log10(2), abs=0.1)


def test_bad_input_is_told() -> None:
    with pytest.raises(UserError, match="no pictures"):
        spectrum([])
    with pytest.raises(UserError, match="different sizes"):
        spectrum([*_noise(0, 1), *_noise(0, 1, 20)])
