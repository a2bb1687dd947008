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
from unpaired.style.options import StyleOptions
from unpaired.style.transfer import stylise

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


def _options(**options: Any) -> StyleOptions:
    return StyleOptions(**{"steps": 50, "device": "cpu", **options})


def _stylised(**options: Any) -> Picture:
    return stylise(_content(), [_stripes()], _options(**options))


def test_it_comes_nearer_to_the_style_and_still_shows_the_content() -> None:
    told: list[tuple[int, int]] = []
    made = stylise(_content(), [_stripes()], _options(), tell=lambda done, total: told.append((done, total)))
    assert made.shape == (SIDE, SIDE, 3)
    assert sorted(told) == told
    assert {step for step, total in told if total == 50} == set(range(51))
    assert len(told) < 75, "a step looks once, or a few times where its first trial is no better"
    before, after = _distances(_content(), _content(), _stripes())[1], _distances(made, _content(), _stripes())
    assert after[1] < 0.5 * before
    assert after[0] < _distances(_stripes()[:SIDE, :SIDE], _content(), _stripes())[0]
    assert (made == _stylised()).all(), "and the same every time"


def test_a_flat_drawing_is_painted_however_bad_the_first_trial_of_a_step() -> None:
    """On plain white the first trial is worse in every step; without a second one nothing would ever change."""
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    made = stylise(white, [_stripes()], _options(steps=4))
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
    only = stylise(_content(), [_stripes(), flat], _options(shares=(1, 0), steps=3))
    assert (only == _stylised(steps=3)).all()
    half = stylise(_content(), [_stripes(), _stripes()], _options(steps=3))
    assert (half == only).all()


@pytest.mark.parametrize(
    ("eyes", "told"), [("lite7", "perhaps you meant 'lite"), ("no/such.pth", "no file of that name")]
)
def test_missing_eyes_are_told(eyes: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        _stylised(eyes=eyes)


@pytest.mark.parametrize(
    "wrong", [np.zeros((40, 40), np.uint8), np.zeros((40, 40, 4), np.uint8), np.zeros((40, 40, 3))]
)
def test_pictures_of_other_shapes_and_types_are_told(wrong: Any) -> None:
    for content, styles in ((wrong, [_stripes()]), (_content(), [_stripes(), wrong])):
        with pytest.raises(UserError, match=r"one is \(40, 40.* of "):
            stylise(content, styles, _options())
