"""The Winograd convolution against torch's own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import conv2d, pad

from unpaired.networks import winograd
from unpaired.networks.winograd import WinogradConv2d, conv3x3, pays, without


@pytest.fixture(autouse=True)
def narrow_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor where it pays."""
    monkeypatch.setattr(winograd, "WIDE_VECTORS", False)


sizes = st.integers(1, 13)
few = st.integers(1, 5)


def both(x, weight, bias, grad):
    """Output and the three gradients: of `conv3x3`, and of torch's convolution in float64."""
    results = []
    for function, dtype in ((conv3x3, x.dtype), (conv2d, torch.float64)):
        leaves = [t.detach().to(dtype).requires_grad_() for t in (x, weight, bias)]
        y = function(*leaves)
        results.append([y, *torch.autograd.grad(y, leaves, grad.to(dtype))])
    return zip(*results, strict=True)


def example(n, c, k, height, width, dtype, seed=0):
    random = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=dtype)

    return normal(n, c, height + 2, width + 2), normal(k, c, 3, 3), normal(k), normal(n, k, height, width)


@settings(max_examples=40, deadline=None)
@given(few, few, few, sizes, sizes, st.integers(0, 99))
def test_equals_the_direct_convolution_and_its_gradients_at_any_size(n, c, k, height, width, seed):
    for ours, theirs in both(*example(n, c, k, height, width, torch.float64, seed)):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("n", "channels", "side"), [(1, 256, 32), (4, 128, 16)])
def test_float32_is_within_1e_4_of_the_largest_value(n, channels, side):
    for ours, theirs in both(*example(n, channels, channels, side, side, torch.float32)):
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


def test_gradients_are_the_derivatives():
    x, weight, bias, _ = example(2, 3, 2, 5, 6, torch.float64)
    leaves = [t.requires_grad_() for t in (x, weight, bias)]
    assert torch.autograd.gradcheck(conv3x3, leaves)


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_each_gradient_can_be_had_alone(wanted):
    *inputs, grad = example(2, 3, 4, 7, 8, torch.float64)
    inputs[wanted].requires_grad_()
    (ours,) = torch.autograd.grad(conv3x3(*inputs), inputs[wanted], grad)
    (theirs,) = torch.autograd.grad(conv2d(*inputs), inputs[wanted], grad)
    torch.testing.assert_close(ours, theirs)


def test_works_without_a_bias_and_on_any_layout():
    x, weight, _, _ = example(2, 3, 4, 8, 8, torch.float64)
    ours = conv3x3(x.contiguous(memory_format=torch.channels_last), weight.transpose(2, 3).contiguous().transpose(2, 3))
    torch.testing.assert_close(ours, conv2d(x, weight))


def test_the_same_input_gives_the_same_bits():
    first, second = ([r.clone() for r, _ in both(*example(2, 32, 32, 16, 16, torch.float32))] for _ in "ab")
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_second_derivative_is_refused():
    x, weight, _, _ = example(1, 2, 2, 4, 4, torch.float64)
    x.requires_grad_()
    (first,) = torch.autograd.grad(conv3x3(x, weight).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize(
    ("channels", "outputs", "side", "dtype", "expected"),
    [
        (256, 256, 64, torch.float32, True),
        (256, 128, 64, torch.float32, True),
        (256, 256, 16, torch.float32, False),  # one picture of 16 tiles
        (64, 32, 64, torch.float32, False),
        (256, 256, 64, torch.bfloat16, False),
    ],
)
def test_pays_only_in_wide_float32_layers(channels, outputs, side, dtype, expected):
    x = torch.empty(1, channels, side, side, dtype=dtype)
    assert pays(x, torch.empty(outputs, channels, 3, 3, dtype=dtype)) is expected


def test_pays_nowhere_with_wide_vectors(monkeypatch):
    monkeypatch.setattr(winograd, "WIDE_VECTORS", True)
    assert not pays(torch.empty(1, 256, 64, 64), torch.empty(256, 256, 3, 3))


def test_does_not_pay_under_autocast():
    x, weight = torch.empty(1, 256, 64, 64), torch.empty(256, 256, 3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not pays(x, weight)


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect"])
@pytest.mark.parametrize("width", [8, 256])
def test_the_layer_equals_torchs_layer_with_the_same_weights(width, padding_mode):
    torch.manual_seed(0)
    ours = WinogradConv2d(width, width, padding_mode=padding_mode)
    theirs = torch.nn.Conv2d(width, width, 3, padding=1, padding_mode=padding_mode)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, width, 16, 16)
    assert pays(x, ours.weight) is (width == 256)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-4)


def test_without_it_the_convolution_is_torchs_own():
    network = nn.Sequential(WinogradConv2d(256, 256, padding_mode="reflect"))
    x = torch.randn(1, 256, 32, 32, generator=torch.Generator().manual_seed(0))
    direct = conv2d(pad(x, (1, 1, 1, 1), mode="reflect"), network[0].weight, network[0].bias)
    assert pays(x, network[0].weight)
    assert not torch.equal(network(x), direct)
    assert torch.equal(without(network)(x), direct)
