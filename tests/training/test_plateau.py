"""When a training is flat, on sequences whose noise and course are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unpaired.training.plateau import LEAST, flat

NOISE, LENGTH, TRIALS = 0.01, 60, 150
TIME = np.arange(LENGTH)


def _found(course: NDArray[np.float64], trial: int, noise: float = NOISE) -> int | None:
    """After how many evaluations a course measured with noise is called flat."""
    values = list(course + np.random.default_rng(trial).normal(0, noise, len(course)))
    # KID's deviation is that of half the pictures: √2 times the noise of all.
    spreads = [noise * 2**0.5] * len(values)
    images = list(range(1000, 1000 * len(values) + 1, 1000))
    return next((n for n in range(1, LENGTH + 1) if flat(images[:n], values[:n], spreads[:n])), None)


@pytest.mark.parametrize(("falls", "most"), [(3, 0.02), (2, 0.15)])
def test_a_training_that_gets_better_is_seldom_stopped(falls: int, most: float) -> None:
    """One that falls by so many times the noise in the time that is looked at."""
    course = 1 - TIME * falls * NOISE / (LEAST - 1)
    stopped = sum(_found(course, trial) is not None for trial in range(TRIALS)) / TRIALS
    assert stopped <= most


def test_a_flat_training_is_found() -> None:
    """It falls for 20 evaluations and is flat from then on."""
    found = [_found(np.maximum(1 - TIME * 2 * NOISE, 0.6), trial) or LENGTH + 1 for trial in range(TRIALS)]
    assert min(found) > 20
    assert np.median(found) <= 40
    assert np.percentile(found, 95) <= LENGTH


def test_a_training_that_gets_worse_is_found() -> None:
    found = [_found(np.maximum(1 - TIME * 2 * NOISE, 0.2 + TIME * NOISE), trial) for trial in range(20)]
    assert all(n is not None and n <= 45 for n in found)


def test_a_restless_training_takes_longer() -> None:
    """What scatters more than KID's noise, because the training itself does, is not called flat as soon."""

    def median(restless: float) -> float:
        found: list[int] = []
        for trial in range(60):
            values = list(0.5 + np.random.default_rng(trial).normal(0, restless, LENGTH))
            spreads, images = [NOISE * 2**0.5] * LENGTH, list(range(LENGTH))
            found.append(next((n for n in range(LENGTH) if flat(images[:n], values[:n], spreads[:n])), LENGTH))
        return float(np.median(found))

    assert median(3 * NOISE) > 1.5 * median(NOISE)


@given(st.lists(st.floats(0, 1), min_size=0, max_size=20), st.integers(1, 5), st.integers(1, 1000))
def test_units_do_not_matter_and_few_say_nothing(values: list[float], scale: int, every: int) -> None:
    images, spreads = list(range(len(values))), [0.125] * len(values)
    one = flat(images, values, spreads)
    two = flat([every * i for i in images], [2.0**scale * v for v in values], [2.0**scale * s for s in spreads])
    assert (one is None) == (two is None)
    if one and two:
        assert two.images == every * one.images
        assert two.fall == pytest.approx(2.0**scale * one.fall, abs=1e-9)
    if len(values) <= LEAST:
        assert one is None
