"""The texture network by its numbers, and its noise."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unpaired.config import GeneratorConfig
from unpaired.networks import build_generator
from unpaired.networks.layers import NoiseBeside, initialise
from unpaired.networks.pyramid import NOISE, PyramidGenerator


def _block(inputs: int, outputs: int) -> int:
    """Weights of convolutions 3×3, 3×3 and 1×1, and their biases."""
    return 9 * inputs * outputs + 9 * outputs**2 + outputs**2 + 3 * outputs


@settings(deadline=None)
@given(w=st.integers(1, 12), depth=st.integers(2, 6), inputs=st.sampled_from([1, 3]), outputs=st.sampled_from([1, 3]))
def test_it_has_the_parameters_of_its_formula(w: int, depth: int, inputs: int, outputs: int) -> None:
    """Each scale has a block for what enters, and each but the smallest one for what was joined, wider by w."""
    with torch.device("meta"):
        network = build_generator(inputs, outputs, GeneratorConfig(kind="pyramid", width=w, depth=depth))
    enter = (depth + 1) * _block(inputs + NOISE, w)
    joined = sum(_block(scales * w, scales * w) for scales in range(2, depth + 2))
    last = (depth + 1) * w * outputs + outputs
    assert sum(p.numel() for p in network.parameters()) == enter + joined + last
    assert (network.multiple, network.widths) == (2 ** (depth + 1), [inputs, *[w] * (depth + 1)])


def _pyramid(seed: int = 0) -> PyramidGenerator:
    torch.manual_seed(seed)
    network = build_generator(3, 3, GeneratorConfig(kind="pyramid", width=4, depth=2))
    initialise(network, 0.3)
    assert isinstance(network, PyramidGenerator)
    return network


def test_a_translation_is_repeated_and_a_training_draws_anew() -> None:
    network = _pyramid().eval()
    x = (2 * torch.rand(1, 3, 16, 24) - 1).expand(2, -1, -1, -1)
    made = network(x)
    torch.testing.assert_close(made[0], made[1])
    torch.testing.assert_close(network(x[:1]), made[:1])
    drawn = network.train()(x)
    assert not torch.allclose(drawn[0], drawn[1]), "each picture of a batch has its own noise"
    assert not torch.allclose(drawn, network(x))


def test_each_scale_has_its_own_noise_and_what_enters_small_is_seen_far() -> None:
    network = _pyramid().eval()
    noises = [NoiseBeside(NOISE, enter[0].seed).eval() for enter in network.enter]  # pyright: ignore
    empty = torch.zeros(1, 0, 8, 8)
    made = [noise(empty) for noise in noises]
    assert all(not torch.equal(made[i], made[j]) for i in range(3) for j in range(i))
    x = torch.zeros(1, 3, 16, 16)
    whole = network.stages(x, range(1, 4))
    assert [tuple(stage.shape[2:]) for stage in whole] == [(16, 16), (8, 8), (4, 4)]


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
