"""How far a training is and what that means for its learning rate."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.config import OptimizerConfig
from unpaired.training.schedule import learning_rate_factor, progress, twice


def test_the_paper_is_constant_for_half_and_then_falls_linearly_to_nothing() -> None:
    paper = OptimizerConfig()
    rates = [learning_rate_factor(paper, 0, epoch / 200) for epoch in range(201)]
    assert rates[:101] == [1.0] * 101
    assert rates[100:] == pytest.approx([1 - epoch / 100 for epoch in range(101)])


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(0, 1000), st.integers(0, 10**6), st.floats(0, 1))
def test_the_factor_is_a_share_and_warms_up(decay_from: float, warmup: int, images: int, done: float) -> None:
    config = OptimizerConfig(decay_from=decay_from, warmup=warmup)
    factor = learning_rate_factor(config, images, done)
    assert 0 <= factor <= 1
    if warmup and images < warmup:
        assert factor <= (images + 1) / warmup
    if images >= warmup and done <= decay_from:
        assert factor == 1
    assert learning_rate_factor(config, images, 1.0) == 0 or decay_from == 1
    later = min(1.0, done + 0.1)
    assert learning_rate_factor(config, 10**6, later) <= learning_rate_factor(config, 10**6, done)


def test_a_warm_up_rises_image_by_image_and_is_never_nothing() -> None:
    config = OptimizerConfig(warmup=4)
    assert [learning_rate_factor(config, i, 0.0) for i in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


@pytest.mark.parametrize(
    ("images", "seconds", "total_images", "total_seconds", "done"),
    [
        (50, 0.0, 100, None, 0.5), (0, 30.0, None, 120.0, 0.25), (50, 30.0, 100, 120.0, 0.5),
        (10, 90.0, 100, 120.0, 0.75), (200, 0.0, 100, None, 1.0), (5, 5.0, None, None, 0.0),
    ],
)  # fmt: skip
def test_progress_is_of_whichever_limit_is_nearer(
    images: int, seconds: float, total_images: int | None, total_seconds: float | None, done: float
) -> None:
    assert progress(images, seconds, total_images, total_seconds) == done


@pytest.mark.parametrize(
    ("minutes", "total", "images", "option"),
    [
        (30.0, None, 500, "--minutes 60"), (None, 100, 100, "--images 200"), (None, None, 40, "--images 80"),
        (30.0, 100, 100, "--images 200"), (30.0, 100, 60, "--minutes 60"),
    ],
)  # fmt: skip
def test_the_limit_that_ended_a_training_is_the_one_to_raise(
    minutes: float | None, total: int | None, images: int, option: str
) -> None:
    assert twice(minutes, total, images) == option
