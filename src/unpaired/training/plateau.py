"""When more training brings nothing that can be measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 8
"""Evaluations that it takes to say anything."""
SHARE = 0.25
"""Of all evaluations, that are looked at: in a long training a longer stretch has to be flat."""
CONFIDENCE = 1.645
"""Standard errors by which the fall must stay below the noise: 95 % one-sided."""


@dataclass(frozen=True, slots=True)
class Flat:
    """Nothing got better for so many images."""

    images: int
    """Between the first and the last evaluation that was looked at."""
    fall: float
    """By how much the value fell over them, on the fitted line; negative where it rose."""
    error: float
    """Standard error of `fall`."""
    noise: float
    """Of one measurement: a smaller fall can't be seen."""


def flat(images: Sequence[int], values: Sequence[float], spreads: Sequence[float]) -> Flat | None:
    """Whether `values` (lower is better), measured after `images`, have stopped falling; else None.

    A line is fitted to the last quarter of them, at least to the last 8. They are flat where its fall is with 95 %
    confidence smaller than the noise of one measurement, and was so at the evaluation before as well. The error of the
    fall comes from how the values scatter about the line, so a restless training needs a longer look. `spreads` are
    KID's standard deviations over subsets of half the pictures; that of all pictures is smaller by √2.
    """
    found = _flat(images, values, spreads)
    return found if found and _flat(images[:-1], values[:-1], spreads[:-1]) else None


def _flat(images: Sequence[int], values: Sequence[float], spreads: Sequence[float]) -> Flat | None:
    count = max(LEAST, int(SHARE * len(values)))
    if len(values) < count:
        return None
    x, y, s = (_last(numbers, count) for numbers in (images, values, spreads))
    centred = x - x.mean()
    scatter = float(centred @ centred)
    if scatter == 0:
        return None
    slope = float(centred @ y) / scatter
    rest = y - y.mean() - slope * centred
    span = float(x[-1] - x[0])
    fall, error = -slope * span, span * math.sqrt(float(rest @ rest) / (count - 2) / scatter)
    noise = math.sqrt(float(s @ s) / count / 2)
    return Flat(int(span), fall, error, noise) if fall + CONFIDENCE * error < noise else None


def _last(numbers: Sequence[float], count: int) -> NDArray[np.float64]:
    return np.asarray(numbers[-count:], np.float64)
