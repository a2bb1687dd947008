"""A generator of several steps, against the bridge of its paper."""

from __future__ import annotations

import pytest
import torch

from unpaired.config import GeneratorConfig
from unpaired.networks.bridge import BridgeGenerator, times
from unpaired.networks.layers import initialise

X = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _bridge(steps: int = 5) -> BridgeGenerator:
    torch.manual_seed(0)
    network = BridgeGenerator(3, GeneratorConfig(width=4, blocks=2), steps)
    initialise(network, 0.2)
    return network.eval()


def test_the_times_are_those_of_the_authors() -> None:
    assert times(5) == pytest.approx([0, 0.5, 0.74, 0.86, 0.94, 1])
    assert times(1) == [0, 1]
    assert times(2) == [0, 0.5, 1]


def test_a_state_lies_on_the_brownian_bridge() -> None:
    network = _bridge()
    begin, end = torch.zeros(1), torch.ones(1)
    assert network.advanced(begin, end, 1) == pytest.approx(0.5)
    # From 0.5 to 0.74 of the time is 0.48 of what is left.
    assert network.advanced(begin, end, 2) == pytest.approx(0.48)
    noise = torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    states = network.advanced(begin, end, 2, noise, tau=0.01)
    assert states.mean() == pytest.approx(0.48, abs=1e-3)
    assert states.var() == pytest.approx(0.01 * 0.24 * (1 - 0.48), rel=0.02)


def test_the_whole_chain_is_its_steps_without_noise() -> None:
    network = _bridge(3)
    calm = torch.zeros(3, network.guess.condition.latent)
    made = network.guess(X, 0, calm)
    x = 0.5 * X + 0.5 * made
    made = network.guess(x, 1, calm)
    share = (5 / 6 - 0.5) / 0.5
    made = network.guess((1 - share) * x + share * made, 2, calm)
    torch.testing.assert_close(network(X), made, rtol=1e-3, atol=1e-3)
    assert network(X).shape == X.shape
    torch.testing.assert_close(network(X[1:2]), network(X)[1:2], rtol=1e-3, atol=1e-3)
    assert torch.equal(network(X), network(X)), "and the same every time"


def test_steps_and_chance_matter() -> None:
    network = _bridge()
    first, other = network.drawn(X), network.drawn(X)
    made = network.guess(X, 0, first)
    assert (made - network.guess(X, 3, first)).abs().mean() > 1e-3
    assert (made - network.guess(X, 0, other)).abs().mean() > 1e-3


def test_random_states_have_no_gradients_and_begin_with_the_picture() -> None:
    network = _bridge()
    assert network.state(X, 0, 0.01) is X
    state = network.state(X, 3, 0.01)
    assert not state.requires_grad
    assert not torch.equal(state, network.state(X, 3, 0.01))


def test_stages_are_those_of_the_first_step() -> None:
    network = _bridge()
    assert network.widths == [3, 8, 16, 16, 16]
    stages = network.stages(X, (0, 1, 2, 3, 4))
    assert [s.shape[1] for s in stages] == network.widths
    assert torch.equal(stages[0], X)
    assert torch.equal(network.stages(X, (2,))[0], stages[2])
    assert torch.equal(network.stages(X, (4, 1))[0], stages[4])
    calm = torch.zeros(3, network.guess.condition.latent)
    torch.testing.assert_close(network.guess.body.finished(stages[4], X), network.guess(X, 0, calm))
