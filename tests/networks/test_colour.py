"""Colouring in Lab, against Lab written the other way round."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unpaired.config import GeneratorConfig
from unpaired.networks import build_generator
from unpaired.networks.colour import LabGenerator, coloured, to_lab


def _lab(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) sRGB in [-1, 1] → CIE Lab (D65), by the book (CIE 15, IEC 61966-2-1)."""
    v = (rgb.double() + 1) / 2
    light = torch.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
        dtype=torch.float64,
    )
    xyz = torch.einsum("kc,nchw->nkhw", matrix, light) / torch.tensor([0.95047, 1.0, 1.08883]).view(1, 3, 1, 1)
    f = torch.where(xyz > (6 / 29) ** 3, xyz ** (1 / 3), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


@settings(deadline=None)
@given(st.integers(0, 2**31))
def test_colours_come_back_from_their_lightness_and_their_ab(seed: int) -> None:
    rgb = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed)).double() * 2 - 1
    lab = _lab(rgb)
    # The grey of the same lightness: search it, so that nothing of the module is used.
    shades = torch.linspace(-1, 1, 20001, dtype=torch.float64)
    lightness = _lab(shades.expand(1, 3, 1, -1))[0, 0, 0].contiguous()
    grey = shades[torch.searchsorted(lightness, lab[:, :1].contiguous()).clamp(max=20000)]
    torch.testing.assert_close(coloured(grey, lab[:, 1:]), rgb, atol=2e-3, rtol=0)


def test_without_colour_grey_stays_grey() -> None:
    grey = torch.linspace(-1, 1, 256).view(1, 1, 16, 16)
    torch.testing.assert_close(coloured(grey, torch.zeros(1, 2, 16, 16)), grey.expand(-1, 3, -1, -1), atol=1e-5, rtol=0)


def test_a_network_in_bfloat16_is_no_reason_to_round_colours() -> None:
    seeded = torch.Generator().manual_seed(0)
    grey, ab = torch.rand(2, 1, 16, 16, generator=seeded) * 2 - 1, torch.rand(2, 2, 16, 16, generator=seeded) * 160 - 80
    with torch.autocast("cpu", torch.bfloat16):
        made, seen = coloured(grey, ab), to_lab(grey.expand(-1, 3, -1, -1))
    assert torch.equal(made, coloured(grey, ab))
    assert torch.equal(seen, to_lab(grey.expand(-1, 3, -1, -1)))


def test_out_of_gamut_is_clipped_and_gradients_stay_finite() -> None:
    ab = (torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(0)) * 400 - 200).requires_grad_()
    made = coloured(torch.linspace(-1, 1, 64).view(1, 1, 8, 8), ab)
    assert made.abs().max() <= 1
    made.square().sum().backward()
    assert ab.grad is not None
    assert ab.grad.isfinite().all()


def test_a_lab_generator_goes_from_grey_to_colour_and_the_way_back_is_plain() -> None:
    config = GeneratorConfig(width=4, blocks=1, lab=True)
    generator = build_generator(1, 3, config)
    assert isinstance(generator, LabGenerator)
    assert generator(torch.zeros(1, 1, 16, 16)).shape == (1, 3, 16, 16)
    assert not isinstance(build_generator(3, 1, config), LabGenerator)
