"""CycleGAN's two steps against a plain transcription of the paper's equations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unpaired.config import Config, DataConfig, DiscriminatorConfig, GeneratorConfig, LossConfig, OptimizerConfig
from unpaired.methods import cyclegan
from unpaired.methods.base import Method
from unpaired.methods.cyclegan import CycleGAN
from unpaired.methods.step import Step, frozen

TINY = Config(
    data=DataConfig(size=16, crop=16),
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, layers=1),
    loss=LossConfig(pool=0),
    optimizer=OptimizerConfig(init_gain=0.3),  # weights that matter after one step
)
REAL = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(5)) * 2 - 1
REAL_A, REAL_B = REAL


def _method(config: Config = TINY, **loss: Any) -> CycleGAN:
    torch.manual_seed(3)
    return CycleGAN(replace(config, loss=replace(config.loss, **loss)))


def _whole(parts: Any) -> Step:
    """The parts of a step as one."""
    loss, terms, fakes = torch.zeros(()), {}, {}
    for part in parts:
        assert not part.terms.keys() & terms.keys()
        loss, terms, fakes = loss + part.loss, terms | part.terms, fakes | part.fakes
    return Step(loss, terms, fakes)


def _generators(method: CycleGAN, step: int = 0) -> Step:
    return _whole(method.generator_step(REAL_A, REAL_B, step))


def _discriminators(method: CycleGAN, fakes: dict[str, Tensor]) -> Step:
    return _whole(method.discriminator_step(REAL_A, REAL_B, fakes, 0))


def _gradients(method: Method, loss: Tensor) -> dict[str, Tensor]:
    method.zero_grad(set_to_none=True)
    loss.backward()
    named = [(f"{n}.{k}", p) for n, network in method.networks().items() for k, p in network.named_parameters()]
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


# The objective, written a second time: eq. 1 to 3, section 4 and section 5.2.


def _adversarial(kind: str, d: Tensor, side: str) -> Tensor:
    """What D's logits on real pictures, D's on fakes, and G's on its fakes are worth."""
    if kind == "lsgan":
        return {"real": (d - 1) ** 2, "fake": d**2, "generator": (d - 1) ** 2}[side].mean()
    if kind == "vanilla":
        probability = torch.sigmoid(d.double())
        return {
            "real": -torch.log(probability), "fake": -torch.log(1 - probability), "generator": -torch.log(probability),
        }[side].mean()  # fmt: skip
    zero = torch.zeros_like(d)
    return {"real": torch.maximum(zero, 1 - d), "fake": torch.maximum(zero, 1 + d), "generator": -d}[side].mean()


def _objective(m: CycleGAN, kind: str, c: LossConfig) -> tuple[Tensor, Tensor]:
    """Losses of G, F and of D_X, D_Y on x = REAL_A and y = REAL_B, without a history pool."""
    g, f = m.generators().values()

    def d_x(p: Tensor) -> Tensor:
        return m.discriminators()["discriminator_a"](p)[0]

    def d_y(p: Tensor) -> Tensor:
        return m.discriminators()["discriminator_b"](p)[0]

    x, y = REAL_A, REAL_B
    gan = _adversarial(kind, d_y(g(x)), "generator") + _adversarial(kind, d_x(f(y)), "generator")
    cycle = c.lambda_a * (f(g(x)) - x).abs().mean() + c.lambda_b * (g(f(y)) - y).abs().mean()
    identity = c.identity * (c.lambda_b * (g(y) - y).abs().mean() + c.lambda_a * (f(x) - x).abs().mean())
    of_y = _adversarial(kind, d_y(y), "real") + _adversarial(kind, d_y(g(x).detach()), "fake")
    of_x = _adversarial(kind, d_x(x), "real") + _adversarial(kind, d_x(f(y).detach()), "fake")
    return c.gan_weight * gan + cycle + identity, 0.5 * (of_x + of_y)


@pytest.mark.parametrize("kind", ["lsgan", "vanilla", "hinge"])
@pytest.mark.parametrize(
    "weights", [{}, {"lambda_a": 3.0, "lambda_b": 7.0, "identity": 0.2, "gan_weight": 2.5}], ids=["paper", "other"]
)
def test_the_objective_is_that_of_the_paper(kind: Any, weights: dict[str, float]) -> None:
    method = _method(adversarial=kind, **weights)
    for_generators, for_discriminators = _objective(method, kind, method.config)
    ours = _generators(method)
    torch.testing.assert_close(ours.loss, for_generators.float(), rtol=1e-5, atol=1e-5)
    theirs = _discriminators(method, ours.fakes)
    torch.testing.assert_close(theirs.loss, for_discriminators.float(), rtol=1e-5, atol=1e-5)
    # And so are its gradients.
    expected = {k: v for k, v in _gradients(method, for_generators).items() if k.startswith("generator")}
    torch.testing.assert_close(_gradients(method, ours.loss), expected, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(
        _gradients(method, theirs.loss), _gradients(method, for_discriminators), rtol=1e-3, atol=1e-5
    )


def test_fakes_and_terms_are_what_their_names_say() -> None:
    method = _method()
    step = _generators(method)
    g, f = method.generators().values()
    torch.testing.assert_close(step.fakes["fake_b"], g(REAL_A), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(step.fakes["fake_a"], f(REAL_B), rtol=1e-5, atol=1e-5)
    assert not any(fake.requires_grad for fake in step.fakes.values())
    expected = {
        "gan_ab": (method.discriminators()["discriminator_b"](g(REAL_A))[0] - 1).square().mean(),
        "cycle_a": (f(g(REAL_A)) - REAL_A).abs().mean(),
        "identity_a": (f(REAL_A) - REAL_A).abs().mean(),
    }
    for name, value in expected.items():
        torch.testing.assert_close(step.terms[name], value, rtol=1e-5, atol=1e-5)


# Ablations (section 5.1.4).

GAN, D = {"gan_ab", "gan_ba"}, {"discriminator_a", "discriminator_b"}
IDENTITY = {"identity_a", "identity_b"}


@pytest.mark.parametrize(
    ("weights", "terms", "judged"),
    [
        ({"gan_weight": 0, "identity": 0}, {"cycle_a", "cycle_b"}, set[str]()),
        ({"lambda_a": 0, "lambda_b": 0}, GAN, D),
        ({"lambda_b": 0, "identity": 0}, GAN | {"cycle_a"}, D),
        ({"lambda_a": 0, "identity": 0}, GAN | {"cycle_b"}, D),
        ({"lambda_a": 0}, GAN | {"cycle_b", "identity_b"}, D),
        ({"identity": 0}, GAN | {"cycle_a", "cycle_b"}, D),
        ({}, GAN | {"cycle_a", "cycle_b"} | IDENTITY, D),
    ],
    ids=["cycle alone", "GAN alone", "GAN + forward", "GAN + backward", "backward with identity", "no identity", "all"],
)
def test_ablations_are_configurations(weights: dict[str, float], terms: set[str], judged: set[str]) -> None:
    method = _method(**weights)
    step = _generators(method)
    assert step.terms.keys() == terms
    assert _discriminators(method, step.fakes).terms.keys() == judged
    for_generators, _ = _objective(method, "lsgan", method.config)
    torch.testing.assert_close(step.loss, for_generators, rtol=1e-5, atol=1e-5)
    trained = {name.split(".")[0] for name in _gradients(method, step.loss)}
    assert trained == {"generator_ab", "generator_ba"}


@pytest.mark.parametrize("every", [1, 2, 5])
def test_lazy_identity_weighs_the_same_on_average(every: int) -> None:
    method = _method(identity_every=every)
    losses = [_generators(method, step) for step in range(every)]
    assert [bool(s.terms.keys() & IDENTITY) for s in losses] == [True] + [False] * (every - 1)
    mean = sum(s.loss.detach() for s in losses) / every
    assert torch.is_tensor(mean)
    torch.testing.assert_close(mean, _generators(_method()).loss.detach(), rtol=1e-5, atol=1e-5)


# A cycle that asks for less.


def test_details_need_not_come_back_at_lower_resolution() -> None:
    method = _method(cycle_coarse=4)
    back = method.ways.generator_ba(method.ways.generator_ab(REAL_A))
    expected = F.avg_pool2d(back - REAL_A, 4).abs().mean()
    torch.testing.assert_close(_generators(method).terms["cycle_a"], expected, rtol=1e-5, atol=1e-5)


def test_the_cycle_loses_weight_as_the_training_goes_on() -> None:
    method = _method(cycle_floor=0.2, identity=0)
    whole = _generators(method)
    cycle = (method.config.lambda_a * (whole.terms["cycle_a"] + whole.terms["cycle_b"])).detach()
    for progress, share in ((0.5, 0.6), (1.0, 0.2)):
        method.progress = progress
        torch.testing.assert_close(whole.loss - _generators(method).loss, (1 - share) * cycle, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_share_of_the_cycle_is_asked_for_in_features(share: float) -> None:
    method = _method(cycle_features=share, identity=0, gan_weight=1e-6)
    body = method.ways.adversary_a.discriminator.parts[0].body
    back, real = (body[:-1](x) for x in (method.ways.generator_ba(method.ways.generator_ab(REAL_A)), REAL_A))
    step = _generators(method)
    torch.testing.assert_close(step.terms["cycle_features_a"], (back - real).abs().mean() / real.abs().mean())
    pixels, features = (step.terms[f"{name}_a"] + step.terms[f"{name}_b"] for name in ("cycle", "cycle_features"))
    expected = 10 * ((1 - share) * pixels + share * features)
    torch.testing.assert_close(step.loss, expected, rtol=1e-4, atol=1e-4)
    assert not any(name.startswith("discriminator") for name in _gradients(method, step.loss))


# Passes.


@pytest.mark.parametrize("norm", ["instance", "group", "none"])
def test_joined_passes_give_the_numbers_of_separate_ones(norm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(TINY, generator=replace(TINY.generator, norm=norm), discriminator=replace(TINY.discriminator, norm=norm))  # fmt: skip # noqa: E501
    results = []
    for joined in (True, False):
        method = _method(config)
        for game in method.adversaries().values():
            assert game.joined, "no batch norm: nothing keeps passes apart"
            game.joined = joined
        if not joined:
            monkeypatch.setattr(cyclegan, "passes", lambda network, *inputs: [network(x) for x in inputs])  # pyright: ignore
        made = _generators(method)
        judged = _discriminators(method, made.fakes)
        gradients = _gradients(method, made.loss), _gradients(method, judged.loss)
        results.append((made.loss.detach(), judged.loss.detach(), made.fakes, *gradients))
    torch.testing.assert_close(results[0], results[1], rtol=1e-3, atol=2e-5)


def _batches_seen(network: nn.Module) -> list[int]:
    seen: list[int] = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    return seen


@pytest.mark.parametrize(
    ("generator", "discriminator"), [("batch", "batch"), ("batch", "instance"), ("instance", "batch")]
)
def test_batch_norm_keeps_passes_apart(generator: Any, discriminator: Any) -> None:
    config = replace(
        TINY,
        generator=replace(TINY.generator, norm=generator),
        discriminator=replace(TINY.discriminator, norm=discriminator),
    )
    method = _method(config)
    norms = {"generator": generator, "discriminator": discriminator}
    seen = {name: _batches_seen(network) for name, network in method.networks().items()}
    _discriminators(method, _generators(method).fakes)
    for name, batches in seen.items():
        apart = set(batches) == {2}
        assert apart == (norms[name.split("_")[0]] == "batch"), "real and fake, or real and identity, meet in one pass"


def test_without_batch_norm_passes_are_joined() -> None:
    method = _method()
    networks = method.networks()
    generator, discriminator = _batches_seen(networks["generator_ab"]), _batches_seen(networks["discriminator_a"])
    _discriminators(method, _generators(method).fakes)
    assert sorted(generator) == [2, 4], "translation with identity, and the way back"
    assert sorted(discriminator) == [2, 4], "fooled once, then real and fake together"


def test_each_side_trains_itself_only() -> None:
    method = _method()
    made = _generators(method)
    assert {n.split(".")[0] for n in _gradients(method, made.loss)} == {"generator_ab", "generator_ba"}
    judged = _discriminators(method, made.fakes)
    assert {n.split(".")[0] for n in _gradients(method, judged.loss)} == {"discriminator_a", "discriminator_b"}
    assert all(p.requires_grad for p in method.parameters()), "frozen for a while only"


def test_frozen_passes_gradients_through_and_gives_back_what_it_took() -> None:
    layer, fixed = nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False)
    x = torch.ones(1, 2, requires_grad=True)
    with frozen(layer, fixed):
        y = fixed(layer(x)).sum()
    y.backward()
    assert x.grad is not None
    assert layer.weight.grad is None
    assert [p.requires_grad for p in (*layer.parameters(), *fixed.parameters())] == [True, True, False, False]


def test_parts_are_computed_one_by_one() -> None:
    method = _method()
    seen = _batches_seen(method.discriminators()["discriminator_a"])
    parts = method.generator_step(REAL_A, REAL_B, 0)
    assert next(parts).terms.keys() == {"identity_b", "gan_ab", "cycle_a"}
    assert seen == [], "B → A is not judged before A → B has been differentiated"
    assert next(parts).terms.keys() == {"identity_a", "gan_ba", "cycle_b"}
    assert next(parts, None) is None


def test_the_discriminators_see_the_history() -> None:
    method = _method(pool=2)
    fakes = {"fake_a": torch.full((2, 3, 16, 16), 0.5), "fake_b": torch.full((2, 3, 16, 16), -0.5)}
    _discriminators(method, fakes)
    assert [len(p.fakes) for p in method.pools().values()] == [2, 2]
    assert all(torch.equal(f, fakes["fake_a"][0]) for f in method.adversaries()["a"].pool.fakes)
    assert all(torch.equal(f, fakes["fake_b"][0]) for f in method.adversaries()["b"].pool.fakes)


def test_channels_may_differ_between_the_domains() -> None:
    config = replace(TINY, data=replace(TINY.data, channels_a=1), loss=replace(TINY.loss, identity=0))
    torch.manual_seed(0)
    method = CycleGAN(config)
    made = _whole(method.generator_step(REAL_A[:, :1], REAL_B, 0))
    assert made.fakes["fake_a"].shape[1] == 1
    assert made.fakes["fake_b"].shape[1] == 3
    _whole(method.discriminator_step(REAL_A[:, :1], REAL_B, made.fakes, 0)).loss.backward()


def test_projected_heads_train_both_sides_through_the_real_eyes() -> None:
    config = replace(TINY, discriminator=DiscriminatorConfig(kind="projected+patchgan", view=64, width=4, layers=1, augment=True))  # fmt: skip # noqa: E501
    method = _method(config, adversarial="hinge")
    made = _generators(method)
    assert {n.split(".")[0] for n in _gradients(method, made.loss)} == {"generator_ab", "generator_ba"}
    judged = _discriminators(method, made.fakes)
    trained = _gradients(method, judged.loss)
    assert {n.split(".")[0] for n in trained} == {"discriminator_a", "discriminator_b"}
    assert any("heads" in name for name in trained)
    assert not any("mixing" in name for name in trained)
    assert not any(name.startswith("eyes") for network in method.networks().values() for name in network.state_dict())
