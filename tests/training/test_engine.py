"""One step: who learns, how fast, what is averaged, and that nothing is left to chance."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import TINY
from torch import Tensor

from unpaired.compute.ranks import Ranks
from unpaired.config import Config
from unpaired.methods.cyclegan import CycleGAN
from unpaired.training.engine import Engine, clip, seed_all


def _engine(config: Config = TINY) -> Engine:
    torch.manual_seed(0)
    return Engine(CycleGAN(config), config, torch.device("cpu"), Ranks())


def _batch(number: int, size: int = 1, channels: int = 3) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(number)
    a, b = rng.integers(0, 256, (2, size, channels, 16, 16), dtype=np.uint8)
    return torch.from_numpy(a), torch.from_numpy(b)


def _weights(engine: Engine) -> dict[str, Tensor]:
    networks = engine.method.networks().items()
    return {f"{n}.{k}": v.clone() for n, network in networks for k, v in network.state_dict().items()}


def _train(engine: Engine, steps: int, rate: float = 1.0) -> None:
    for i in range(steps):
        engine.step(*_batch(i), images=i, rate=rate)


def _optimizer(**options: Any) -> Config:
    return replace(TINY, optimizer=replace(TINY.optimizer, **options))


def test_a_step_is_a_function_of_state_and_place() -> None:
    config = replace(TINY, discriminator=replace(TINY.discriminator, augment=True),
                     generator=replace(TINY.generator, dropout=0.5))  # fmt: skip
    engines = [_engine(config), _engine(config)]
    for i in range(3):
        torch.manual_seed(engines[0].config.training.seed + 77 * i)  # what was drawn before must not matter
        first = engines[0].step(*_batch(i), images=i, rate=1.0)
        torch.rand(5)
        second = engines[1].step(*_batch(i), images=i, rate=1.0)
        assert all(torch.equal(first[k], second[k]) for k in first)
    assert all(torch.equal(a, b) for a, b in zip(*(_weights(e).values() for e in engines), strict=True))


def test_random_numbers_depend_on_seed_rank_and_place() -> None:
    drawn: set[float] = set()
    for seed, rank, images in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]:
        for _ in range(2):
            seed_all(seed, rank, images)
            drawn.add(torch.rand(()).item())
    assert len(drawn) == 4


def test_both_sides_learn_with_their_own_rates() -> None:
    engine = _engine(_optimizer(learning_rate=1e-3, discriminator_learning_rate=1e-2))
    before = _weights(engine)
    engine.step(*_batch(0), images=0, rate=0.5)
    moved = {k: (v - before[k]).abs().max().item() for k, v in _weights(engine).items() if k.endswith("weight")}
    # Adam's first step is the rate itself, whatever the gradient.
    for name, distance in moved.items():
        assert distance == pytest.approx(5e-4 if name.startswith("generator") else 5e-3, rel=0.01), name


def test_a_rate_of_nothing_changes_nothing() -> None:
    engine = _engine()
    before = _weights(engine)
    _train(engine, 2, rate=0.0)
    assert all(torch.equal(v, before[k]) for k, v in _weights(engine).items())


@pytest.mark.parametrize("loss", [{"gan_weight": 0.0}, {"lambda_a": 0.0, "lambda_b": 0.0}], ids=["cycle", "GAN"])
def test_an_ablation_trains_what_it_has(loss: dict[str, float]) -> None:
    engine = _engine(replace(TINY, loss=replace(TINY.loss, **loss)))
    before = _weights(engine)
    _train(engine, 2)
    changed = {k.split(".")[0] for k, v in _weights(engine).items() if not torch.equal(v, before[k])}
    expected = {"generator_ab", "generator_ba"}
    assert changed == (expected if "gan_weight" in loss else expected | {"discriminator_a", "discriminator_b"})


@pytest.mark.parametrize("batch", [1, 2])
def test_averages_forget_with_a_half_life_that_grows(batch: int) -> None:
    """Karras et al. 2020: a half-life in images, at most a twentieth of those seen."""
    half_life = 0.5
    config = _optimizer(ema_images=half_life, learning_rate=0.01)
    engine = _engine(replace(config, training=replace(config.training, batch=batch)))
    name = "generator_ab"
    expected: Tensor | None = None
    for i in range(8):
        engine.step(*_batch(i, batch), images=i * batch, rate=1.0)
        now = engine.method.networks()[name].state_dict()["encoder.0.weight"].double()
        seen = (i + 1) * batch
        decay = 0.5 ** (batch / min(half_life, 0.05 * seen))
        expected = now.clone() if expected is None else decay * expected + (1 - decay) * now
        average = engine.averaged[name].module.state_dict()["encoder.0.weight"].double()
        torch.testing.assert_close(average, expected, rtol=1e-4, atol=1e-7)
    assert engine.translators()[name] is engine.averaged[name].module
    assert not torch.equal(average, now), "an average is not the last weights"


def test_without_averages_the_last_weights_translate() -> None:
    engine = _engine(_optimizer(ema_images=0.0))
    assert engine.averaged == {}
    assert engine.translators()["generator_ba"] is engine.method.networks()["generator_ba"]


def test_buffers_are_averaged_too() -> None:
    engine = _engine(replace(_optimizer(ema_images=4), generator=replace(TINY.generator, norm="batch")))
    _train(engine, 3)
    means = {k: v for k, v in engine.averaged["generator_ab"].module.state_dict().items() if "running_mean" in k}
    assert means
    assert all(v.any() for v in means.values())


def test_nothing_but_optimisers_and_networks_has_state() -> None:
    """What a checkpoint holds is enough: an engine built anew from it takes the same next step."""
    first, second = _engine(), _engine()
    _train(first, 3)
    for networks in (lambda e: e.method.networks(), lambda e: e.averaged):
        for name, network in networks(first).items():
            networks(second)[name].load_state_dict(network.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))  # as a file would be
    for name, pool in first.method.pools().items():
        second.method.pools()[name].load_state_dict(pool.state_dict())
    told = [e.step(*_batch(9), images=9, rate=1.0) for e in (first, second)]
    assert all(torch.equal(told[0][k], told[1][k]) for k in told[0])
    assert all(torch.equal(v, _weights(second)[k]) for k, v in _weights(first).items())


def test_terms_are_detached() -> None:
    terms = _engine().step(*_batch(0), images=0, rate=1.0)
    assert len(terms) == 8
    assert not any(t.requires_grad for t in terms.values())


def test_gradients_are_clipped_to_a_common_norm() -> None:
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    clip(gradients, 10.0)
    assert gradients[0].tolist() == [3.0, 0.0]  # of norm 5: left alone
    clip(gradients, 1.0)
    torch.testing.assert_close(gradients, [torch.tensor([0.6, 0.0]), torch.tensor([[0.8]])])


@pytest.mark.parametrize("spoiled", [float("nan"), float("inf"), 1e30])
def test_gradients_that_are_no_numbers_change_nothing(spoiled: float) -> None:
    gradients = [torch.tensor([1.0, spoiled]), torch.tensor([2.0])]
    clip(gradients, 1.0)
    assert [g.abs().sum().item() for g in gradients] == [0.0, 0.0]


@pytest.mark.parametrize(("largest", "survives"), [(100.0, True), (0.0, False)])
def test_a_step_with_a_gradient_that_is_no_number_is_left_out(largest: float, survives: bool) -> None:
    engine = _engine(_optimizer(clip=largest))
    first = next(engine.method.generators()["generator_ab"].parameters())
    first.register_hook(lambda gradient: gradient * float("inf"))
    engine.step(*_batch(0), images=0, rate=1.0)
    assert all(weight.isfinite().all() for weight in _weights(engine).values()) == survives


def test_whole_numbers_from_a_program_are_as_good_as_floats() -> None:
    whole, exact = (_engine(_optimizer(beta1=b, learning_rate=r)) for b, r in ((0, 1), (0.0, 1.0)))
    for engine in (whole, exact):
        _train(engine, 1)
    assert all(torch.equal(a, b) for a, b in zip(*(_weights(e).values() for e in (whole, exact)), strict=True))
