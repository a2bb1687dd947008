"""Precision, recall, density and coverage against their definitions, written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.errors import UserError
from unpaired.evaluation import manifold
from unpaired.evaluation.manifold import density_coverage, precision_recall


def _by_definition(fakes: np.ndarray, reals: np.ndarray, k: int) -> tuple[float, float, float]:
    """(precision, density, coverage), one pair of pictures at a time."""
    inside = np.zeros((len(fakes), len(reals)))
    for i, real in enumerate(reals):
        radius = sorted(float(np.linalg.norm(real - other)) for j, other in enumerate(reals) if j != i)[k - 1]
        for j, fake in enumerate(fakes):
            inside[j, i] = np.linalg.norm(real - fake) <= radius
    return inside.any(axis=1).mean(), inside.sum() / (k * len(fakes)), inside.any(axis=0).mean()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), shift=st.floats(0, 3), blocks=st.sampled_from([4, 1024]))
def test_they_are_what_their_papers_define(seed: int, shift: float, blocks: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((14, 5)) + shift, rng.standard_normal((11, 5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifold, "_BLOCK", blocks)
        precision, recall = precision_recall(x, y)
        density, coverage = density_coverage(x, y)
    assert precision == pytest.approx(_by_definition(x, y, 3)[0])
    assert recall == pytest.approx(_by_definition(y, x, 3)[0])
    assert (density, coverage) == pytest.approx(_by_definition(x, y, 5)[1:])


def test_the_same_pictures_are_perfect_and_far_ones_are_nothing() -> None:
    x = np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    assert precision_recall(x, x) == (1, 1)
    assert density_coverage(x, x)[1] == 1
    assert precision_recall(x, x + 100) == (0, 0)
    assert density_coverage(x, x + 100) == (0, 0)


def test_collapse_costs_recall_and_coverage_only() -> None:
    """A generator that gives one good picture again and again."""
    reals = np.random.default_rng(0).standard_normal((60, 4))
    fakes = reals[:1] + 1e-3 * np.random.default_rng(1).standard_normal((60, 4))
    precision, recall = precision_recall(fakes, reals)
    assert precision > 0.9
    assert recall < 0.1
    assert density_coverage(fakes, reals)[1] < 0.3


def test_bad_input_is_told() -> None:
    few, many = np.zeros((4, 3)), np.zeros((20, 3))
    with pytest.raises(UserError, match="Precision and recall needs at least 10 pictures"):
        precision_recall(few, many)
    with pytest.raises(UserError, match="Density and coverage needs at least 10"):
        density_coverage(many, few)
    with pytest.raises(UserError, match="not finite"):
        precision_recall(many * np.nan, many)
