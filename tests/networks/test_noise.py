"""Noise: fair, the same again, the same in bands of rows, and another for each draw."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.networks import build_generator, noisy
from unpaired.networks.noise import DRAWS, Noise, NoiseBeside, redraw


def test_noise_is_a_fair_draw_and_the_same_in_bands_of_rows() -> None:
    torch.manual_seed(0)
    noise = Noise(0.3).eval()
    kept = (noise(torch.ones(1, 64, 50, 40)) > 0).float()
    off = kept[0] - 0.7  # of deviation √0.21, if it is fair
    for along in ((1, 2), (0, 2), (0, 1), 0):  # no channel, row, column or place has more than chance gives it
        share, count = off.mean(along), off.numel() / off.mean(along).numel()
        assert share.abs().max() < 5 * (0.21 / count) ** 0.5
    for shift in ((0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)):  # and no place knows its neighbours
        assert (off * off.roll(shift, (0, 1, 2))).mean().abs() < 5 * 0.21 / off.numel() ** 0.5
    x = torch.randn(2, 64, 50, 40)
    torch.testing.assert_close(torch.cat([noise(x[:, :, :17]), noise(x[:, :, 17:], 17)], 2), noise(x), rtol=0, atol=0)


@settings(deadline=None, max_examples=20)
@given(
    channels=st.integers(1, 4), seed=st.integers(0, 100), height=st.integers(2, 20), cut=st.integers(1, 19),
    double=st.booleans(),
)  # fmt: skip
def test_noise_stands_beside_the_input_and_is_the_same_in_bands(
    channels: int, seed: int, height: int, cut: int, double: bool
) -> None:
    noise = NoiseBeside(channels, seed).eval()
    x = torch.randn(2, 3, height, 7, dtype=torch.float64 if double else torch.float32)
    made = noise(x)
    assert made.shape == (2, 3 + channels, height, 7)
    assert torch.equal(made[:, :3], x)
    cut = min(cut, height - 1)
    assert torch.equal(torch.cat([noise(x[:, :, :cut]), noise(x[:, :, cut:], cut)], 2), made)
    assert torch.equal(made[0, 3:], made[1, 3:])
    assert torch.equal(made.float(), noise(x.float())), "no rounding in any precision"


@pytest.mark.parametrize("training", [True, False])
def test_noise_is_uniform(training: bool) -> None:
    torch.manual_seed(0)
    drawn: Tensor = NoiseBeside(64, 5).train(training)(torch.zeros(1, 0, 50, 40))[0]
    assert drawn.min() >= -1
    assert drawn.max() <= 1
    shares = torch.histc(drawn, 10, -1, 1) / drawn.numel()
    assert (shares - 0.1).abs().max() < 5 * (0.09 / drawn.numel()) ** 0.5
    for along in ((1, 2), (0, 2), (0, 1)):  # no channel, row or column has more than chance gives it
        means = drawn.mean(along)
        assert means.abs().max() < 5 * (1 / 3 * means.numel() / drawn.numel()) ** 0.5
    for shift in ((0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)):  # and no place knows its neighbours
        assert (drawn * drawn.roll(shift, (0, 1, 2))).mean().abs() < 5 / 3 / drawn.numel() ** 0.5


@settings(deadline=None, max_examples=20)
@given(one=st.integers(0, DRAWS - 1), other=st.integers(0, DRAWS - 1))
def test_each_draw_is_another_noise_and_the_same_again(one: int, other: int) -> None:
    layers = nn.Sequential(NoiseBeside(16, 3), Noise(0.5)).eval()
    x = torch.ones(1, 1, 30, 30)

    def made(draw: int) -> tuple[Tensor, Tensor]:
        redraw(layers, draw)
        return layers[0](x)[0, 1:], layers[1](x.expand(1, 17, -1, -1))

    (beside, dropped), (beside_too, dropped_too), again = made(one), made(other), made(one)
    assert torch.equal(beside, again[0])
    assert torch.equal(dropped, again[1])
    if one != other:  # of no more than chance gives them in common
        assert (beside * beside_too).mean().abs() < 5 / 3 / beside.numel() ** 0.5
        assert ((dropped - 1) * (dropped_too - 1)).mean().abs() < 5 / dropped.numel() ** 0.5


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (GeneratorConfig(width=4, blocks=1), False),
        (GeneratorConfig(width=4, blocks=1, dropout=0.5), False),
        (GeneratorConfig(width=4, blocks=1, dropout=0.5, noise=True), True),
        (GeneratorConfig(width=4, blocks=1, noise=True), False),
        (GeneratorConfig(kind="pyramid", width=2, depth=2), True),
        (GeneratorConfig(kind="unet", width=2, depth=4, dropout=0.5, noise=True), False),
    ],
)
def test_a_generator_is_noisy_where_draws_make_a_difference(config: GeneratorConfig, expected: bool) -> None:
    assert noisy(config) == expected
    generator = build_generator(3, 3, config).eval()
    x = torch.rand(1, 3, 16, 16)
    before = generator(x)
    redraw(generator, 1)
    assert torch.equal(generator(x), before) != expected
