"""Colours that stay: the laws of both ways."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unpaired.data.tensors import luminance
from unpaired.style.colour import match_colours, match_luminance, with_luminance


def _picture(seed: int, h: int = 8, w: int = 9) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.eye(3) + 0.2 * torch.rand(3, 3, generator=generator)  # far from one colour, which has no inverse
    return torch.einsum("kc,nchw->nkhw", mix, torch.rand(1, 3, h, w, generator=generator)) / 3


@settings(deadline=None)
@given(seed=st.integers(0, 999))
def test_matched_colours_have_the_mean_and_covariance_of_the_content(seed: int) -> None:
    style, content = _picture(seed), _picture(seed + 1000, 5, 12)
    matched = match_colours(style, content)
    assert matched.shape == style.shape
    torch.testing.assert_close(matched.mean((2, 3)), content.mean((2, 3)), atol=1e-4, rtol=1e-3)
    covariances = [torch.cov(x.flatten(2)[0]) for x in (matched, content)]
    torch.testing.assert_close(*covariances, atol=1e-3, rtol=1e-2)
    torch.testing.assert_close(match_colours(style, style), style, atol=1e-4, rtol=1e-3)


def test_one_colour_matches_too() -> None:
    flat = torch.full((1, 3, 4, 4), 0.2)
    assert match_colours(flat, _picture(0)).isfinite().all()
    torch.testing.assert_close(match_colours(_picture(0), flat).mean((2, 3)), torch.full((1, 3), 0.2))


@settings(deadline=None)
@given(seed=st.integers(0, 999))
def test_another_luminance_leaves_the_colours(seed: int) -> None:
    colours, other = _picture(seed), _picture(seed + 1)
    made = with_luminance(colours, luminance(other))
    torch.testing.assert_close(luminance(made), luminance(other), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(with_luminance(made, luminance(colours)), colours, atol=1e-3, rtol=1e-3)


def test_matched_luminance_has_the_mean_and_deviation_of_the_content() -> None:
    style, content = _picture(1), _picture(2)
    y, expected = match_luminance(style, content), luminance(content)
    torch.testing.assert_close(y.mean(), expected.mean())
    torch.testing.assert_close(y.std(), expected.std())
