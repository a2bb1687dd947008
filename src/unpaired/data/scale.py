"""How the values of a domain map to the [-1, 1] that networks see, and back: fixed, of the type, or from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.config import DataConfig, Domain, Normalize
from unpaired.errors import UserError

PERCENTILES = (0.5, 99.5)
WHOLE = ("uint8", "uint16")
"""Types of which pictures use the whole range."""
EXACT = 2**23
"""Steps of an integer range that float32 tells apart on the way to [-1, 1] and back."""


@dataclass(frozen=True)
class Scale:
    """`low` becomes −1 and `high` 1: one number for all bands, or one for each. What lies beyond is clipped."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def to_network(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """(…, C) of any type → float32 in [-1, 1]."""
        low, high = np.array(self.low), np.array(self.high)
        return np.clip((values - low) * (2 / (high - low)) - 1, -1, 1).astype(np.float32)

    def from_network(self, x: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
        """The reverse, rounded and clipped to what `dtype` holds. Of integers in the range nothing changes."""
        low, high = np.array(self.low), np.array(self.high)
        values = (x.astype(np.float64) + 1) * ((high - low) / 2) + low
        if np.issubdtype(dtype, np.integer):
            info = np.iinfo(dtype)
            values = np.clip(np.rint(values), info.min, info.max)
        return values.astype(dtype)

    @property
    def numbers(self) -> tuple[float, ...]:
        """low, high; or low and high of every band: as the configuration keeps them."""
        return tuple(v for pair in zip(self.low, self.high, strict=True) for v in pair)

    @staticmethod
    def of(numbers: Sequence[float]) -> Scale:
        """The reverse of `numbers`."""
        return Scale(tuple(numbers[::2]), tuple(numbers[1::2]))

    def text(self) -> str:
        """For a person: 0 to 4095."""
        pairs = list(zip(self.low, self.high, strict=True))
        if len(pairs) <= 3:
            return ", ".join(f"{low:g} to {high:g}" for low, high in pairs)
        return f"{pairs[0][0]:g} to {pairs[0][1]:g} (band 1) … {pairs[-1][0]:g} to {pairs[-1][1]:g} (band {len(pairs)})"


def full(dtype: np.dtype[Any]) -> Scale:
    """All that an unsigned integer of 8 or 16 bits can be. Raises `ValueError` for other types."""
    if dtype.name not in WHOLE:
        raise ValueError(f"{dtype} has no range that all pictures of that type use")
    return Scale((0.0,), (float(np.iinfo(dtype).max),))


def scale_of(data: DataConfig, domain: Domain) -> Scale | None:
    """The scale that a run keeps for `domain`; None for ordinary pictures, whose type's whole range counts."""
    numbers = data.range_a if domain == "a" else data.range_b
    return Scale.of(numbers) if numbers else None


def estimate(pictures: Sequence[NDArray[Any]], how: Normalize, windows: Sequence[tuple[float, float]] = ()) -> Scale:
    """The scale of a domain from its pictures, (H, W, C) of one type, or from the windows that its files ask for.

    `auto`: of unsigned integers the fewest bits (8 at least) that hold every value, else from the least to the
    greatest value: nothing is clipped. `full`: the whole range of the type. `percentile`: between the `PERCENTILES`,
    for each band unless there are 1 or 3, over a sample. `window`: the median of the windows.
    """
    dtype, bands = pictures[0].dtype, pictures[0].shape[-1]
    if how == "window":
        if not windows:
            raise UserError("None of the files says which window to show: take --normalize-… auto or percentile.")
        low, high = np.median(np.array(windows), axis=0)
        return _checked(Scale((float(low),), (float(high),)))
    if how == "full" and dtype.name in WHOLE:
        return full(dtype)
    if how == "full":
        raise UserError(f"Values of {dtype} have no full range: take --normalize-… auto or percentile, or --range-….")
    if how == "percentile":
        sample = np.concatenate([_sample(p, len(pictures)) for p in pictures])
        axis = None if bands in (1, 3) else 0
        low, high = (np.atleast_1d(np.percentile(sample, q, axis=axis)) for q in PERCENTILES)
        # A band that is the same nearly everywhere still has a least and a greatest value.
        flat = low >= high
        low, high = np.where(flat, sample.min(axis=axis), low), np.where(flat, sample.max(axis=axis), high)
        return _checked(Scale(tuple(low.tolist()), tuple(high.tolist())))
    least, greatest = min(p.min() for p in pictures), max(p.max() for p in pictures)
    if np.issubdtype(dtype, np.integer) and int(greatest) - int(least) > EXACT:
        raise UserError(
            f"Values of {dtype} from {least} to {greatest} are more than float32 tells apart: take --normalize-… "
            "percentile, or say by --range-… which ones count."
        )
    if np.issubdtype(dtype, np.unsignedinteger) and int(greatest) < EXACT:
        return Scale((0.0,), (float(2 ** max(8, int(greatest).bit_length()) - 1),))
    return _checked(Scale((float(least),), (float(greatest),)))


def _sample(picture: NDArray[Any], pictures: int) -> NDArray[Any]:
    """Evenly spread pixels (N, C): a million over all pictures, 1,000 at least of each."""
    pixels = picture.reshape(-1, picture.shape[-1])
    return pixels[:: max(1, len(pixels) // max(1000, 10**6 // pictures))]


def _checked(scale: Scale) -> Scale:
    if any(low >= high for low, high in zip(scale.low, scale.high, strict=True)):
        raise UserError(f"The values of all pictures are the same ({scale.low[0]:g}): there is nothing to learn.")
    return scale
