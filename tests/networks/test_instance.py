"""Instance norm in NHWC against torch's own, and its derivatives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from unpaired.networks.instance import InstanceNorm2d


def _nhwc(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return (3 * torch.randn(shape, dtype=dtype) + 2).contiguous(memory_format=torch.channels_last)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 4), c=st.integers(1, 9), h=st.integers(1, 9), w=st.integers(2, 9), seed=st.integers(0, 99))
def test_it_is_instance_norm_and_keeps_the_layout(n: int, c: int, h: int, w: int, seed: int) -> None:
    torch.manual_seed(seed)
    x = _nhwc(n, c, h, w).requires_grad_()
    y, expected = InstanceNorm2d(c)(x), nn.InstanceNorm2d(c)(x)
    torch.testing.assert_close(y, expected)
    assert y.is_contiguous(memory_format=torch.channels_last) or not x.is_contiguous(memory_format=torch.channels_last)
    slope = torch.randn(n, c, h, w, dtype=torch.float64)
    torch.testing.assert_close(*(torch.autograd.grad(z, x, slope)[0] for z in (y, expected)))


def test_it_can_be_differentiated_twice() -> None:
    torch.manual_seed(0)
    x = _nhwc(2, 3, 3, 4).requires_grad_()
    norm = InstanceNorm2d(3)
    assert gradcheck(norm, x)
    assert gradgradcheck(norm, x)


def test_bfloat16_keeps_its_statistics_in_float32() -> None:
    torch.manual_seed(0)
    x = _nhwc(2, 8, 32, 32, dtype=torch.bfloat16)
    exact = nn.InstanceNorm2d(8)(x.float())
    assert (InstanceNorm2d(8)(x).float() - exact).abs().max() <= exact.abs().max() * 2**-8  # the last rounding only


@pytest.mark.parametrize("options", [{"affine": True}, {"track_running_stats": True}])
def test_what_it_does_not_know_is_left_to_torch(options: dict[str, bool]) -> None:
    x = _nhwc(2, 4, 5, 5, dtype=torch.float32)
    torch.testing.assert_close(InstanceNorm2d(4, **options)(x), nn.InstanceNorm2d(4, **options)(x))
