"""KID and FID against torchmetrics, and the laws that distances obey."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from unpaired.errors import UserError
from unpaired.evaluation.distances import Moments, fid, frechet, kid, kid_spread


class _AsFeatures(torch.nn.Module):
    """What torchmetrics takes for an Inception network: the "pictures" are the features."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.num_features = dimension

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(x.shape[0], -1)[:, : self.num_features].double()


def _features(count: int, dimension: int, seed: int, shift: float = 0.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(dimension, dimension)) / np.sqrt(dimension)
    return np.abs(rng.normal(size=(count, dimension)) @ mixing + shift)


@pytest.mark.filterwarnings("ignore")
def test_kid_agrees_with_torchmetrics() -> None:
    x, y = _features(60, 24, 1), _features(60, 24, 2, 0.3)
    theirs = KernelInceptionDistance(feature=_AsFeatures(24), subsets=3, subset_size=60)
    theirs.set_dtype(torch.float64)
    theirs.update(torch.from_numpy(x)[:, :, None, None], real=True)
    theirs.update(torch.from_numpy(y)[:, :, None, None], real=False)
    mean, _ = theirs.compute()
    assert kid(x, y) == pytest.approx(float(mean), rel=1e-6)
    assert kid(x, y, block=7) == pytest.approx(kid(x, y), rel=1e-12)
    assert kid_spread(x, y, subsets=3, size=60)[0] == pytest.approx(float(mean), rel=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("count", "dimension"), [(80, 16), (20, 48)])
def test_fid_agrees_with_torchmetrics(count: int, dimension: int) -> None:
    x, y = _features(count, dimension, 1), _features(count, dimension, 2, 0.3)
    theirs = FrechetInceptionDistance(feature=_AsFeatures(dimension), input_img_size=(dimension, 1, 1))
    theirs.set_dtype(torch.float64)
    theirs.update(torch.from_numpy(x)[:, :, None, None], real=True)
    theirs.update(torch.from_numpy(y)[:, :, None, None], real=False)
    # Where the covariances are singular, torchmetrics' square root of a product loses half the digits.
    assert fid(x, y) == pytest.approx(float(theirs.compute()), rel=1e-6 if count > dimension else 1e-4)


def test_kid_by_the_definition() -> None:
    x, y = _features(11, 5, 3), _features(13, 5, 4, 0.2)

    def k(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
        return float((p @ q / 5 + 1) ** 3)

    xx = np.mean([k(x[i], x[j]) for i in range(11) for j in range(11) if i != j])
    yy = np.mean([k(y[i], y[j]) for i in range(13) for j in range(13) if i != j])
    xy = np.mean([k(p, q) for p in x for q in y])
    assert kid(x, y) == pytest.approx(xx + yy - 2 * xy, rel=1e-12)


def test_both_ways_to_fid_agree() -> None:
    """Few pictures take the way over singular values, many the streaming one."""
    x, y = _features(20, 48, 1), _features(25, 48, 2, 0.3)
    streamed = []
    for z in (x, y):
        moments = Moments(48)
        moments.update(z)
        streamed.append(moments)
    assert fid(x, y) == pytest.approx(frechet(*streamed), rel=1e-6)


def test_fid_of_gaussians_is_the_closed_form() -> None:
    """Scaling one axis: FID = |Δμ|² + (σ − τ)² for each axis."""
    z = np.random.default_rng(0).normal(size=(500, 3))
    z = (z - z.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T  # covariance exactly I
    moved = z * np.array([1.0, 2.0, 0.5]) + np.array([3.0, 0.0, 0.0])
    assert fid(z, moved) == pytest.approx(9 + 1 + 0.25, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(10, 30), st.integers(10, 30), st.integers(1, 20))
def test_laws(seed: int, n: int, m: int, dimension: int) -> None:
    x, y = _features(n, dimension, seed), _features(m, dimension, seed + 1, 0.5)
    order = np.random.default_rng(seed).permutation(n)
    for distance in (kid, fid):
        assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-6, abs=1e-7)
        assert distance(x[order], y) == pytest.approx(distance(x, y), rel=1e-6, abs=1e-7)
    assert fid(x, x) == pytest.approx(0, abs=1e-7 * max(1.0, float(np.var(x, axis=0).sum())))
    assert fid(x, y) > 0


def test_kid_of_one_distribution_is_zero_on_average_and_grows_with_distance() -> None:
    same = [kid(_features(40, 8, s), _features(40, 8, s + 500)) for s in range(60)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(len(same))
    near, far = (kid(_features(40, 8, 1), _features(40, 8, 2, shift)) for shift in (0.5, 2.0))
    assert max(same) < near < far


def test_spread_is_deterministic_and_shrinks_with_more_pictures() -> None:
    x, y = _features(400, 8, 1), _features(400, 8, 2)
    assert kid_spread(x, y, seed=3) == kid_spread(x, y, seed=3)
    assert kid_spread(x, y, seed=3) != kid_spread(x, y, seed=4)
    assert kid_spread(x, y, size=20)[1] > 2 * kid_spread(x, y, size=200)[1] > 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.floats(0, 1e4))
def test_streaming_equals_all_at_once(pieces: list[int], offset: float) -> None:
    x = _features(sum(pieces) + 2, 6, 5) + offset
    moments = Moments(6)
    start = 0
    for size in [*pieces, 2]:
        moments.update(x[start : start + size])
        start += size
    np.testing.assert_allclose(moments.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(x.T), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("distance", [kid, fid])
def test_bad_input_is_told(distance: type[kid]) -> None:
    good = _features(12, 4, 0)
    with pytest.raises(UserError, match="at least 10 pictures on each side, but one has 3"):
        distance(good, good[:3])
    with pytest.raises(UserError, match="one dimension"):
        distance(good, good[:, :2])
    bad = good.copy()
    bad[3, 1] = np.nan
    with pytest.raises(UserError, match="not finite"):
        distance(good, bad)
