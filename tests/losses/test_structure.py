"""Structure losses by their laws: what they are blind to, and what they are not."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unpaired.losses.structure import STRUCTURE, grey_of, inversion, mind

NAMES = sorted(STRUCTURE)
seeds = st.integers(0, 2**31 - 1)
gains = st.floats(0.05, 3.0) | st.floats(-3.0, -0.05)


def _pictures(seed: int, channels: int = 1, side: int = 24) -> Tensor:
    """(2, C, side, side) in [-1, 1]: soft shapes, a hard edge, and a flat corner."""
    rough = torch.rand(2, channels, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = F.interpolate(rough, (side, side), mode="bicubic").clamp(0, 1) * 2 - 1
    x[:, :, :, side // 2 :] *= -0.5
    x[:, :, :6, :6] = 0.25
    return x


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=8)
@given(seeds, gains, st.floats(-2, 2))
def test_brightness_contrast_and_sign_are_nothing_to_them(name: str, seed: int, gain: float, shift: float) -> None:
    loss, x = STRUCTURE[name], _pictures(seed)
    assert loss(x, x).item() == pytest.approx(0, abs=1e-9)
    assert loss(x, gain * x + shift).item() == pytest.approx(0, abs=0.003)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=8)
@given(seeds, seeds)
def test_they_are_symmetric_and_between_0_and_1(name: str, one: int, other: int) -> None:
    loss, x, y = STRUCTURE[name], _pictures(one), _pictures(other).flip(3)
    value = loss(x, y).item()
    assert 0.05 < value <= 1
    assert loss(y, x).item() == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=8)
@given(seeds, st.sampled_from([(1, 0), (0, 1), (2, 1), (-1, 2)]))
def test_what_lies_elsewhere_costs(name: str, seed: int, offset: tuple[int, int]) -> None:
    loss, x = STRUCTURE[name], _pictures(seed)
    assert loss(x, x.roll(offset, (2, 3))) > 0.03


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=8)
@given(seeds, st.floats(0.6, 1.7))
def test_curved_scales_of_grey_cost_little(name: str, seed: int, gamma: float) -> None:
    loss, x = STRUCTURE[name], _pictures(seed)
    curved = ((x + 1) / 2).clamp(min=0) ** gamma * 2 - 1
    assert loss(x, curved) < 0.4 * loss(x, x.roll(1, 3))


@pytest.mark.parametrize("name", NAMES)
def test_what_vanishes_and_what_is_made_up_cost_alike(name: str) -> None:
    loss, plain = STRUCTURE[name], torch.zeros(1, 1, 24, 24)
    spot = plain.clone()
    spot[:, :, 8:14, 10:15] = 1
    two = spot.clone()
    two[:, :, 17:21, 3:7] = 1
    assert loss(two, spot) > 0.01
    assert loss(two, spot).item() == pytest.approx(loss(spot, two).item(), rel=1e-5)
    assert loss(plain, plain) == 0
    assert loss(spot, plain) > 0.05


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [(1, 3), (3, 1), (3, 3), (4, 1)])
def test_domains_of_any_channels_are_compared(name: str, channels: tuple[int, int]) -> None:
    grey = _pictures(5)
    x, y = (grey.expand(-1, c, -1, -1) for c in channels)
    assert STRUCTURE[name](x, y).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["equal", "negative", "plain", "other"])
def test_gradients_are_finite_and_lead_back(name: str, kind: str) -> None:
    loss, x = STRUCTURE[name], _pictures(3).float()
    made = {"equal": x, "negative": -x, "plain": torch.zeros_like(x), "other": x.roll(1, 3)}[kind]
    y = made.clone().requires_grad_()
    before = loss(x, y)
    before.backward()
    assert y.grad is not None
    assert y.grad.isfinite().all()
    if kind == "other":
        assert loss(x, y.detach() - 0.5 * y.grad / y.grad.abs().max()) < before


def test_mind_is_eq_4_written_out() -> None:
    """Of one place: the exponential of patch distances over their mean to the four nearest, the largest made 1."""
    x = _pictures(11)[:1, :, 3:14, 3:14]
    z = (x - x.mean()) / (x.var(unbiased=False) + 1e-6).sqrt()
    weights = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64) / 4
    offsets = [(i, j) for i in range(-2, 3) for j in range(-2, 3) if (i, j) != (0, 0)]

    def distance(y: int, x: int, i: int, j: int) -> float:
        patch, other = (z[0, 0, a - 1 : a + 2, b - 1 : b + 2] for a, b in ((y, x), (y + i, x + j)))
        return float(((patch - other) ** 2 * weights[:, None] * weights).sum())

    def descriptor(y: int, x: int) -> Tensor:
        variance = sum(distance(y, x, i, j) for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))) / 4
        likeness = torch.tensor([distance(y, x, i, j) for i, j in offsets]).div(-variance).exp()
        return likeness / likeness.max()

    from unpaired.losses.structure import _descriptors, _standardised  # pyright: ignore[reportPrivateUsage]

    ours = _descriptors(_standardised(x))[0]
    for place in ((4, 4), (5, 6), (6, 5)):
        expected, found = descriptor(*place).double().sort()[0], ours[:, *place].sort()[0]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_half_precision_is_looked_at_in_whole() -> None:
    x = _pictures(2).bfloat16()
    for loss in (*STRUCTURE.values(), inversion):
        assert loss(x, x).dtype == torch.float32
    assert mind(x, x) == 0


def test_luminance_is_that_of_the_eye() -> None:
    colours = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]).view(4, 3, 1, 1)
    torch.testing.assert_close(grey_of(colours).flatten(), torch.tensor([0.299, 0.587, 0.114, 1.0]))
    assert grey_of(torch.rand(2, 5, 4, 4)).shape == (2, 1, 4, 4)


# Swapped light and dark.


@settings(deadline=None, max_examples=8)
@given(seeds, st.floats(0.05, 2), st.floats(-1, 1))
def test_only_what_is_swapped_is_punished(seed: int, gain: float, shift: float) -> None:
    x = _pictures(seed)
    assert inversion(x, gain * x + shift) == 0
    assert inversion(x, torch.full_like(x, shift)).item() == pytest.approx(0, abs=1e-9)
    assert inversion(x, -gain * x + shift).item() == pytest.approx(1, abs=0.01)


def test_it_is_the_correlation_of_coarse_luminance_cut_at_0() -> None:
    x, y = _pictures(4), _pictures(5)
    y = torch.cat([y[:1] - 2 * x[:1], y[1:] + 2 * x[1:]])  # one that is swapped, one that is not
    coarse = torch.stack([F.avg_pool2d(z, 3).flatten(1) for z in (x, y)], dim=1)
    r = torch.stack([torch.corrcoef(both)[0, 1] for both in coarse])
    assert r[0] < -0.3
    assert r[1] > 0.3
    assert inversion(x, y).item() == pytest.approx(-r[0].item() / 2, rel=1e-4)


@pytest.mark.parametrize("made", ["nearly a negative", "plain"])
def test_it_has_finite_gradients_and_a_way_out(made: str) -> None:
    x = _pictures(4)
    y = (0.1 * x.flip(3) - x if made != "plain" else torch.zeros_like(x)).requires_grad_()
    before = inversion(x, y)
    before.backward()
    assert y.grad is not None
    assert y.grad.isfinite().all()
    if made != "plain":
        assert inversion(x, y.detach() - 0.1 * y.grad / y.grad.abs().max()) < before
    assert inversion(torch.zeros_like(x), y.detach()) == 0, "a plain source has no light and dark to swap"
