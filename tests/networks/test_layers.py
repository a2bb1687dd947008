"""Layers against the plain operations that they stand for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from unpaired.config import DiscriminatorConfig, GeneratorConfig
from unpaired.networks import build_generator
from unpaired.networks.layers import ResizeConv, conv, initialise, norm_layer, residual_output
from unpaired.networks.patchgan import PatchDiscriminator
from unpaired.networks.precision import padded


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 2), st.integers(1, 4), st.integers(1, 4), st.integers(2, 7), st.integers(2, 7),
    st.sampled_from(["reflect", "zeros"]), st.booleans(),
)  # fmt: skip
def test_resize_conv_is_interpolation_padding_and_convolution(
    n: int, c: int, k: int, h: int, w: int, padding: Any, bias: bool
) -> None:
    torch.manual_seed(0)
    layer = ResizeConv(c, k, padding=padding, bias=bias).double()
    x = torch.randn(n, c, h, w, dtype=torch.float64, requires_grad=True)
    seen = torch.randn(n, k, 2 * h, 2 * w, dtype=torch.float64)

    def plain() -> torch.Tensor:
        doubled = F.interpolate(x, scale_factor=2, mode="nearest")
        padded = F.pad(doubled, (1, 1, 1, 1), mode="reflect" if padding == "reflect" else "constant")
        return F.conv2d(padded, layer.weight, layer.bias)

    ours, expected = layer(x), plain()
    torch.testing.assert_close(ours, expected)
    wanted = torch.autograd.grad(expected, [x, *layer.parameters()], seen)
    torch.testing.assert_close(torch.autograd.grad(ours, [x, *layer.parameters()], seen), wanted)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (7, 1), (3, 2)])
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
def test_conv_keeps_or_halves_the_size(kernel: int, stride: int, padding: Any) -> None:
    layer = conv(3, 5, kernel, stride=stride, padding=padding, norm="instance")
    assert layer(torch.rand(2, 3, 8, 12)).shape == (2, 5, 8 // stride, 12 // stride)
    assert [conv(3, 5, 3, norm=n).bias is not None for n in ("instance", "none", "batch", "group")] == [  # pyright: ignore
        True, True, False, False,
    ]  # fmt: skip


@settings(deadline=None)
@given(st.integers(1, 300))
def test_group_norm_fits_any_width(channels: int) -> None:
    layer = norm_layer("group", channels)
    assert isinstance(layer, nn.GroupNorm)
    assert channels % layer.num_groups == 0
    assert channels < 32 or channels // layer.num_groups >= 16
    assert layer.num_groups == channels // 16 or channels % 16 or channels < 16


def test_instance_norm_is_that_of_the_paper() -> None:
    layer = norm_layer("instance", 4)
    assert list(layer.state_dict()) == [], "no scale, no running statistics"
    x = 3 * torch.randn(2, 4, 8, 8) + 1
    expected = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.eval()(x), expected)


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(-20, 20))
def test_a_residual_output_moves_where_it_is_pushed(x: float, change: float) -> None:
    colour = torch.tensor(x, dtype=torch.float64)
    same = residual_output(torch.zeros((), dtype=torch.float64), colour)
    torch.testing.assert_close(same, colour, atol=1e-9, rtol=0)
    moved = residual_output(torch.tensor(change, dtype=torch.float64), colour)
    assert moved.abs() <= 1 / 0.98 + 1e-9
    assert (moved >= same - 1e-12) if change >= 0 else (moved <= same + 1e-12)


def test_a_residual_output_passes_gradients_everywhere() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    change = torch.zeros(3, requires_grad=True)
    residual_output(change, x).sum().backward()
    assert x.grad is not None
    assert change.grad is not None
    assert x.grad.isfinite().all()
    assert (change.grad > 0.01).all()


def test_a_saturated_fake_comes_back_through_a_residual_output_as_a_number() -> None:
    """In float32 tanh(20) is 1, so there and back would meet atanh(1)."""
    saturated = residual_output(torch.tensor([20.0, -20.0]), torch.tensor([1.0, -1.0]))
    back = residual_output(torch.zeros(2, requires_grad=True), saturated)
    assert back.isfinite().all()
    torch.testing.assert_close(back, torch.tensor([1.0, -1.0]))


@pytest.mark.parametrize("gain", [0.02, 0.1])
@pytest.mark.parametrize("norm", ["instance", "batch", "group"])
@pytest.mark.parametrize("kind", ["normal", "xavier"])
def test_weights_are_drawn_as_the_papers_say(gain: float, norm: Any, kind: Any) -> None:
    torch.manual_seed(0)
    networks = [
        build_generator(3, 3, GeneratorConfig(width=16, blocks=1, norm=norm)),
        build_generator(3, 3, GeneratorConfig(width=16, blocks=1, norm=norm, upsample="resize")),
        PatchDiscriminator(3, DiscriminatorConfig(width=16, norm=norm)),
    ]
    for network in networks:
        initialise(network, gain, kind)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                # ± 6 standard errors of a standard deviation and of a mean
                n = module.weight.numel()
                fans = sum(nn.init._calculate_fan_in_and_fan_out(module.weight))  # pyright: ignore
                wanted = gain if kind == "normal" else gain * (2 / fans) ** 0.5
                assert abs(module.weight.std().item() / wanted - 1) < 6 / (2 * n) ** 0.5
                assert abs(module.weight.mean().item()) < 6 * wanted / n**0.5
                assert module.bias is None or not module.bias.any()
            elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
                assert 0 < (module.weight - 1).abs().mean() < 3 * gain
                assert not module.bias.any()


@pytest.mark.parametrize("kernel", [3, 7])
def test_convolutions_pad_in_the_precision_of_their_input(kernel: int) -> None:
    """The same picture as torch's, which is widened to be padded, and gradients to the rounding of bfloat16."""
    torch.manual_seed(0)
    ours = conv(4, 6, kernel, norm="none")
    plain = nn.Conv2d(4, 6, kernel, padding=kernel // 2, padding_mode="reflect")
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, 9, 11).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        assert padded(x, 1, "reflect").dtype == torch.bfloat16
        made, expected = ours(x), plain(x)
    assert torch.equal(made, expected)
    slopes, wanted = (torch.autograd.grad(y.float().square().sum(), x)[0] for y in (made, expected))
    torch.testing.assert_close(slopes, wanted, rtol=0.02, atol=0.02)
