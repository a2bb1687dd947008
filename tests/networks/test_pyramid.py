"""The texture network by its numbers, and its noise."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.config import GeneratorConfig
from unpaired.networks import build_generator
from unpaired.networks.layers import initialise
from unpaired.networks.noise import NoiseBeside
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
