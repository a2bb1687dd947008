"""The benchmark of hidden signals: at its start colours are hidden, and its picture shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def benchmark(imported: Callable[..., Any]) -> Any:
    return imported("hidden_signal").hidden_signal


def test_what_is_shown_of_a_start_that_hides(benchmark: Any) -> None:
    coloured = np.random.default_rng(0).integers(60, 196, (4, 32, 32, 3), dtype=np.uint8)
    grey, back, noised = benchmark.there_and_back(benchmark.hiding({}, 0, paint=False), coloured)

    def colour(pictures: Any) -> float:
        return float(np.ptp(pictures.astype(int), axis=-1).mean())

    assert colour(grey) < 0.12 * colour(coloured), "too little to see"
    assert np.abs(back.astype(int) - coloured).max() <= 1, "and all of it comes back"
    assert np.abs(noised.astype(int) - coloured).mean() > 10, "unless faint noise is laid over it"
