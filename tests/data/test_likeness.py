"""Near pictures are found, all of them, and others are not."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from unpaired.data.likeness import DISTANCE, THUMB, near_pairs, perceptual_hash, thumbnail


def picture(seed: int, side: int = 96) -> NDArray[np.uint8]:
    """Shapes of all sizes, the larger the stronger, as photographs have them."""
    rng, total = np.random.default_rng(seed), np.zeros((side, side, 3))
    for cells in (2, 4, 8, 16, 32):
        rough = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        total += np.asarray(rough.resize((side, side), Image.Resampling.BICUBIC)) / cells
    return np.round(255 * (total - total.min()) / np.ptp(total)).astype(np.uint8)


def changed(array: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    image = Image.fromarray(array)
    brighter = np.clip(array.astype(float) * 1.03 + 3, 0, 255).astype(np.uint8)
    noisy = np.clip(array + np.random.default_rng(0).normal(0, 4, array.shape), 0, 255).astype(np.uint8)
    return [np.asarray(image.resize((60, 60))), np.asarray(image.resize((200, 200))), brighter, noisy]


def pairs(pictures: list[NDArray[np.uint8]]) -> set[tuple[int, int]]:
    found = near_pairs([perceptual_hash(p) for p in pictures], np.stack([thumbnail(p) for p in pictures]))
    return {(int(i), int(j)) for i, j in found}


def test_the_same_picture_in_other_sizes_and_tones() -> None:
    for seed in range(10):
        first = picture(seed)
        others = changed(first)
        assert {(0, n + 1) for n in range(len(others))} <= pairs([first, *others])


def test_different_pictures_are_not_alike() -> None:
    assert pairs([picture(seed) for seed in range(300)]) == set()


def test_what_shows_nothing_is_like_nothing() -> None:
    assert pairs([np.full((40, 40, 3), tone, np.uint8) for tone in (0, 0, 128, 255, 255)]) == set()


@given(
    codes=st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=20),
    flips=st.lists(st.tuples(st.integers(0, 19), st.sets(st.integers(0, 63), max_size=6)), max_size=10),
)
@settings(max_examples=60, deadline=None)
def test_all_hashes_within_the_distance_are_found(codes: list[int], flips: list[tuple[int, set[int]]]) -> None:
    codes = codes + [codes[i % len(codes)] ^ sum(1 << bit for bit in bits) for i, bits in flips]
    pattern = np.random.default_rng(0).integers(0, 256, (THUMB, THUMB, 3), np.uint8)
    found = {(int(i), int(j)) for i, j in near_pairs(codes, np.stack([pattern] * len(codes)))}
    assert found == {
        (i, j) for i in range(len(codes)) for j in range(i + 1, len(codes))
        if (codes[i] ^ codes[j]).bit_count() <= DISTANCE
    }  # fmt: skip
