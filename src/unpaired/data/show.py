"""Values of any kind as people and feature extractors look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRETCH = (1, 99)
"""Percentiles that become black and white."""


def visible(pictures: Sequence[NDArray[Any]], like: Sequence[NDArray[Any]] = ()) -> list[NDArray[np.uint8]]:
    """Pictures of a domain, uint8 or float32 (H, W, C) in [-1, 1], as uint8 (H, W, 3).

    8-bit ones stay as they are. Of others the first three bands are red, green and blue, or the first is grey, from
    black to white between the `STRETCH` percentiles of all of `like` (of `pictures`, where there are none); of more
    than three bands, each by itself.
    """
    if all(picture.dtype == np.uint8 for picture in pictures):
        return [_coloured(picture) for picture in pictures]
    reference = [picture for picture in like if picture.dtype != np.uint8] or list(pictures)
    bands = pictures[0].shape[2]
    shown = 3 if bands >= 3 else 1
    pixels = np.concatenate([picture[..., :shown].reshape(-1, shown) for picture in reference])
    low, high = np.percentile(pixels, STRETCH, axis=0 if bands > 3 else None)
    span = np.where(high > low, high - low, 2.0)
    return [
        _coloured(np.clip(np.rint((picture[..., :shown] - low) * (255 / span)), 0, 255).astype(np.uint8))
        for picture in pictures
    ]


def _coloured(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture
