"""Preview grids."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from unpaired.data.grid import BACKGROUND, LEGIBLE, preview_grid


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> NDArray[np.uint8]:
    return np.full((*size, 3), colour, np.uint8)


def test_pictures_lie_in_their_column_and_row() -> None:
    colours = [[(200, 0, 0), (0, 200, 0)], [(0, 0, 200), (9, 9, 9)]]
    grid = preview_grid([[flat(c) for c in column] for column in colours], gap=10)
    pixels = np.asarray(grid)
    assert grid.size == (10 + 2 * 138, 10 + 2 * 138)  # 64 px is enlarged twice
    for x, column in enumerate(colours):
        for y, colour in enumerate(column):
            assert tuple(pixels[10 + y * 138 + 64, 10 + x * 138 + 64]) == colour
    assert tuple(pixels[0, 0]) == BACKGROUND
    assert tuple(pixels[10 + 133, 20]) == BACKGROUND


def test_captions_get_room_and_ink() -> None:
    with_labels = preview_grid([[flat((255, 0, 0))]] * 2, ["input", "translation"])
    without = preview_grid([[flat((255, 0, 0))]] * 2)
    assert with_labels.width == without.width
    assert with_labels.height > without.height
    top = np.asarray(with_labels)[:20]
    assert (top != BACKGROUND).any()


@pytest.mark.parametrize("size", [16, 40, 64, 95])
def test_small_pictures_are_enlarged(size: int) -> None:
    grid = preview_grid([[flat((1, 2, 3), (size, size))]], gap=0)
    assert LEGIBLE <= grid.width < LEGIBLE + size


def test_large_pictures_keep_their_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (128, 200, 3), np.uint8)
    grid = np.asarray(preview_grid([[picture]], gap=8))
    assert (grid[8 + 20 : 8 + 100, 8 + 20 : 8 + 180] == picture[20:100, 20:180]).all()


def test_grey_pictures_and_short_columns() -> None:
    grid = preview_grid([[np.full((96, 96), 70, np.uint8)] * 2, [np.full((96, 96, 1), 9, np.uint8)]], gap=4)
    pixels = np.asarray(grid)
    assert tuple(pixels[52, 52]) == (70, 70, 70)
    assert tuple(pixels[152, 152]) == BACKGROUND


def test_nothing_to_show_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        preview_grid([[], []])
    with pytest.raises(ValueError, match="captions"):
        preview_grid([[flat((0, 0, 0))]], ["a", "b"])
    with pytest.raises(ValueError, match="uint8"):
        preview_grid([[np.zeros((4, 4, 3), np.float32)]])  # pyright: ignore
