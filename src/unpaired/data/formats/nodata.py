"""Places without data in rasters of the Earth: one value of a GeoTIFF stands for them, which GDAL keeps in a tag.

Networks see the mean of the other values of their band there; a translation has no data where its source had none.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.errors import UserError

TAG = 42113
"""GDAL_NODATA: the value as text. See GDAL's GeoTIFF driver."""
NOTE = "places without data were shown to the network as the mean of the others"

Values = NDArray[Any]
Mask = NDArray[np.bool_]


def of(page: Any) -> float | None:
    """The value that stands for no data in a TIFF's page, if it says any that its type can hold."""
    tag = page.tags.get(TAG)
    try:
        nothing = None if tag is None else float(str(tag.value).strip("\0 "))
    except ValueError:
        return None
    return nothing if nothing is not None and fits(nothing, np.dtype(page.dtype)) else None


def fits(nothing: float, dtype: np.dtype[Any]) -> bool:
    """Whether a type can hold the value."""
    if not np.issubdtype(dtype, np.integer):
        return True
    return math.isfinite(nothing) and nothing == int(nothing) and np.iinfo(dtype).min <= nothing <= np.iinfo(dtype).max


def absent_in(values: Values, nothing: float | None) -> Mask | None:
    """Where `values` hold no data; None where they do everywhere."""
    if nothing is None:
        return None
    mask = np.isnan(values) if math.isnan(nothing) else values == values.dtype.type(nothing)
    return mask if mask.any() else None


def sums(values: Values, absent: Mask | None) -> tuple[Values, Values]:
    """Of (…, C): the sum of what is there and how many, (C,) each; those of parts add up to those of the whole."""
    flat = values.reshape(-1, values.shape[-1])
    if absent is None:
        return flat.sum(0, dtype=np.float64), np.full(values.shape[-1], len(flat))
    there = ~absent.reshape(flat.shape)
    return np.where(there, flat, 0).sum(0, dtype=np.float64), there.sum(0)


def mean(path: Path, total: Values, count: Values, dtype: np.dtype[Any], nothing: float) -> Values:
    """The mean (C,) of what is there, in `dtype`; a band without data takes that of the others.

    Raises `UserError` where there is no data at all.
    """
    if not count.any():
        raise UserError(f"{path} holds no data: all of its values are {nothing:g}, which stands for none.")
    means = np.where(count > 0, total, total.sum() * count.clip(1) / count.sum()) / count.clip(1)
    return (np.rint(means) if np.issubdtype(dtype, np.integer) else means).astype(dtype)


def filled(values: Values, absent: Mask | None, means: Values) -> Values:
    """(…, C) with the `means` where there is no data."""
    return values if absent is None else np.where(absent, means, values)


def emptied(values: Values, absent: Mask | None, nothing: float) -> Values:
    """(…, C) with `nothing` where there was no data, and nowhere else: values that happen to be it move by one step.

    `absent` is of the source. Where that had other bands, no data is where none of them had any.
    """
    mask = np.zeros(values.shape, np.bool_) if absent is None else absent
    if mask.shape != values.shape:
        mask = mask.all(-1, keepdims=True)
    integer = np.issubdtype(values.dtype, np.integer)
    value = values.dtype.type(nothing)
    if not math.isnan(nothing):
        up = value < np.iinfo(values.dtype).max if integer else value < np.finfo(values.dtype).max
        if integer:
            beside = value + values.dtype.type(1) if up else value - values.dtype.type(1)
        else:
            beside = np.nextafter(value, values.dtype.type(np.inf if up else -np.inf))
        values = np.where((values == value) & ~mask, beside, values)
    return np.where(mask, value, values)
