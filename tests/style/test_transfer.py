"""A picture is painted as others are: by the real network, on pictures of few pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unpaired.data.tensors import luminance, to_float
from unpaired.errors import UserError
from unpaired.losses.perceptual import content_loss, gram, style_loss
from unpaired.networks.perceptual import load_perceptual
from unpaired.style.transfer import FIRST, _levels, stylise

Picture = NDArray[np.uint8]
SIDE = 48


def _content() -> Picture:
    """A dark disc on a light ground."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    return np.where((x**2 + y**2 < 200)[..., None], (40, 60, 50), (200, 190, 180)).astype(np.uint8)


def _stripes(period: int = 6) -> Picture:
    x = np.arange(64) // (period // 2) % 2
    line = np.where(x[:, None] == 0, (220, 40, 30), (30, 40, 200))
    return np.broadcast_to(line, (64, 64, 3)).astype(np.uint8)


def _tensor(picture: Picture) -> torch.Tensor:
    return to_float(torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None])


def _distances(made: Picture, content: Picture, style: Picture) -> tuple[float, float]:
    """Of the content and of the style, through the network that painted."""
    eyes = load_perceptual("lite1")
    x, c, s = (_tensor(p) for p in (made, content, style))
    shown = content_loss(eyes.maps(x, eyes.content), eyes.maps(c, eyes.content)).item()
    grams = [[gram(m) for m in eyes.maps(t, eyes.style)] for t in (x, s)]
    return shown, style_loss(*grams).item()


def _stylised(**options: Any) -> Picture:
    return stylise(_content(), [_stripes()], **{"steps": 50, "device": "cpu", **options})


def test_it_comes_nearer_to_the_style_and_still_shows_the_content() -> None:
    told: list[tuple[int, int]] = []
    made = _stylised(tell=lambda done, total: told.append((done, total)))
    assert made.shape == (SIDE, SIDE, 3)
    assert told[-1] == (50, 50)
    before, after = _distances(_content(), _content(), _stripes())[1], _distances(made, _content(), _stripes())
    assert after[1] < 0.5 * before
    assert after[0] < _distances(_stripes()[:SIDE, :SIDE], _content(), _stripes())[0]
    assert (made == _stylised()).all(), "and the same every time"


def test_a_flat_drawing_is_painted_however_bad_the_first_trial_of_a_step() -> None:
    """On plain white the first trial is worse in every step; without a second one nothing would ever change."""
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    made = stylise(white, [_stripes()], steps=4, device="cpu")
    assert np.abs(made.astype(int) - white).mean() > 0.1


def test_without_a_style_weight_nothing_changes() -> None:
    made = _stylised(style_weight=0.0, smoothness=0.0)
    assert np.abs(made.astype(int) - _content()).max() <= 1


@pytest.mark.parametrize("colours", ["luminance", "histogram"])
def test_the_contents_colours_can_be_kept(colours: Any) -> None:
    made, taken = _stylised(colours=colours), _stylised()

    def saturation(picture: Picture) -> float:
        x = _tensor(picture)
        return (x - luminance(x)).abs().mean().item()

    assert saturation(taken) > 1.5 * saturation(made)
    assert np.abs(made.astype(int) - _content()).mean() > 2, "and yet it is painted"


def test_shares_say_how_much_each_style_counts() -> None:
    flat = np.full((64, 64, 3), 128, np.uint8)
    only = stylise(_content(), [_stripes(), flat], shares=(1, 0), steps=3, device="cpu")
    assert (only == stylise(_content(), [_stripes()], steps=3, device="cpu")).all()


def test_large_pictures_begin_small() -> None:
    assert _levels(1024, 2048, 4096) == [(128, 256), (256, 512), (512, 1024), (1024, 2048)]
    assert _levels(100, 200, 4096) == [(100, 200)], "what is small is not enlarged"
    assert _levels(900, 600, 300) == [(300, 200)]
    assert max(_levels(50, 5000, 5000)[0]) >= FIRST


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"steps": 0}, "steps 0"),
        ({"size": 20}, "smaller than 32 px"),
        ({"style_weight": -1.0}, "not negative"),
        ({"scale": 0.0}, "scale"),
        ({"shares": (1.0, 2.0)}, "2 shares do not belong to 1 style"),
        ({"shares": (0.0,)}, "nor all 0"),
        ({"eyes": "lite7"}, "perhaps you meant 'lite"),
        ({"eyes": "no/such.pth"}, "no file of that name"),
    ],
)
def test_what_cannot_be_painted_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        _stylised(**options)


def test_a_style_is_needed() -> None:
    with pytest.raises(UserError, match="at least one style"):
        stylise(_content(), [], device="cpu")
