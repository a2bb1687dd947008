"""Which pictures show the same, resized or saved again: perceptual hashes, and all near ones among very many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unpaired.data.decode import resized

DISTANCE = 4
"""Bits of 64 by which hashes of pictures that show the same may differ."""
THUMB = 16
ALIKE = 10.0
"""Mean difference (of 255) of thumbnails that show the same."""
FLAT = 4.0
"""Standard deviation (of 255) below which a picture shows nothing that could be compared."""

_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))
"""One more than bits may differ: at least one band of two near hashes is equal."""
_BITS = np.array([bin(n).count("1") for n in range(1 << 16)], np.uint8)


def _cosines(n: int) -> NDArray[np.float64]:
    """Rows of the discrete cosine transform (DCT-II) of length n."""
    k, x = np.arange(n)[:, None], np.arange(n)[None]
    return np.cos(np.pi * (x + 0.5) * k / n)


_DCT = _cosines(32)[:8]


def perceptual_hash(picture: NDArray[np.uint8]) -> int:
    """64 bits of uint8 (H, W, 3): which of the 8 × 8 lowest frequencies of 32 × 32 grey pixels lie above their median.

    Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", section 3.2.1.
    """
    small = resized(picture, 32, 32).astype(np.float64)
    grey = small @ np.array([0.299, 0.587, 0.114])
    low = (_DCT @ grey @ _DCT.T).ravel()
    low[0] = 0.0  # the brightness, which says nothing of the shape
    return int(np.packbits(low > np.median(low)).view(">u8")[0])


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) → (16, 16, 3)."""
    return resized(picture, THUMB, THUMB)


def near_pairs(hashes: Sequence[int], thumbs: NDArray[np.uint8], distance: int = DISTANCE) -> NDArray[np.int64]:
    """All pairs (i, j), i < j, whose hashes differ in at most `distance` bits (4 at most) and whose thumbnails are
    alike: int64 (K, 2), sorted. Pictures that show nothing, all of one tone, are near to none.

    Only pictures that share one of five bands of bits are compared, which finds all and compares few.
    """
    assert distance < len(_BANDS)
    codes = np.array(hashes, dtype=np.uint64)
    flat = thumbs.reshape(len(thumbs), -1).std(axis=1) < FLAT
    found: set[tuple[int, int]] = set()
    for shift, width in _BANDS:
        keys = (codes >> np.uint64(shift)) & np.uint64((1 << width) - 1)
        order = np.argsort(keys, kind="stable")
        order = order[~flat[order]]
        edges = np.flatnonzero(np.diff(keys[order])) + 1
        for group in np.split(order, edges):
            for place, i in enumerate(group[:-1]):
                others = group[place + 1 :]
                near = others[_differing(codes[others] ^ codes[i]) <= distance]
                difference = np.abs(thumbs[near].astype(np.int16) - thumbs[i].astype(np.int16)).mean(axis=(1, 2, 3))
                found.update((min(i, j), max(i, j)) for j in near[difference <= ALIKE].tolist())
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def _differing(bits: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """How many bits are set, of each."""
    return _BITS[np.ascontiguousarray(bits).view(np.uint16).reshape(-1, 4)].sum(axis=1, dtype=np.uint8)
