"""Each sign on a case that shows it, and on cases that must not."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from torch.nn import functional as F

from unpaired.data import demo
from unpaired.data.files import default_cache_dir
from unpaired.evaluation.content import INVERTED, luminance_correlation
from unpaired.losses.adversarial import ADVERSARIAL
from unpaired.training import watches
from unpaired.training.watches import DRAWS, SIGNS, SignName, Signs


@pytest.fixture(scope="module")
def emoji() -> watches.Pictures:
    """48 pictures, (48, 64, 64, 3)."""
    folder = demo.unpack(default_cache_dir() / "demo") / "testB"
    files = sorted(folder.iterdir())[:48]
    return np.stack([np.asarray(Image.open(f).convert("RGB").resize((64, 64))) for f in files])


def _fails(name: SignName, value: float) -> bool:
    return SIGNS[name].fails(value)


# The discriminator has won.


@pytest.mark.parametrize("kind", DRAWS)
def test_guessing_is_a_draw(kind: str) -> None:
    """The least that a discriminator can lose with one answer to everything."""
    loss = ADVERSARIAL[kind]
    answers = torch.linspace(-3, 3, 601)[:, None]
    least = min(0.5 * float(loss.real(a) + loss.fake(a)) for a in answers)
    assert DRAWS[kind] == pytest.approx(least, abs=1e-4)
    assert watches.draw([least, least], kind) == pytest.approx(1, abs=1e-3)
    sure = torch.tensor([6.0]) if kind != "lsgan" else torch.tensor([0.95])
    won = 0.5 * float(loss.real(sure) + loss.fake(1 - sure if kind == "lsgan" else -sure))
    assert _fails("draw", watches.draw([won], kind))
    assert not _fails("draw", watches.draw([0.3 * least], kind))


# Collapse.


def test_translations_that_become_one_have_no_diversity() -> None:
    rng = np.random.default_rng(0)
    reals = rng.normal(0, 1, (100, 32))
    many = watches.diversity(rng.normal(3, 1, (100, 32)), reals)
    few = watches.diversity(3 + 0.3 * rng.normal(0, 1, (100, 32)), reals)
    one = watches.diversity(np.ones((100, 32)), reals)
    assert many == pytest.approx(1, abs=0.1)
    assert few == pytest.approx(0.09, abs=0.02)
    assert one == 0
    assert watches.diversity(reals, np.ones((9, 32))) > 1, "real pictures that are all the same divide by nothing"


def _history(name: SignName, values: list[float]) -> list[Signs]:
    return [{"a2b": {name: value}} for value in values]


def test_collapse_is_a_fall_that_stays() -> None:
    bad = {("a2b", "diversity")}
    assert watches.failing(_history("diversity", [0.1, 0.5, 0.9, 0.3, 0.2])) == bad
    assert not watches.failing(_history("diversity", [0.1, 0.5, 0.9, 0.9, 0.2])), "once may be a fluke"
    assert not watches.failing(_history("diversity", [0.05, 0.06, 0.2, 0.4])), "early translations have little"
    assert not watches.failing(_history("diversity", [0.4, 0.4, 0.4])), "and some domains never have more"
    assert watches.failing(_history("diversity", [0.0, 0.0])) == bad, "some are the same from the first look on"
    sentence = watches.told(_history("diversity", [1.0, 0.3, 0.2]), "a2b", "diversity", "horses", "zebras")
    assert "zebras become alike: they differ 20% as much" in sentence


def test_an_evaluation_without_a_sign_is_no_look_at_it() -> None:
    seen = _history("draw", [0.01])
    assert watches.failing([*seen, {"a2b": {"light": 1.0}}, *seen]) == {("a2b", "draw")}
    assert not watches.failing([*seen, *seen, {"a2b": {"light": 1.0}}]), "and tells nothing new"


@given(st.sampled_from(sorted(SIGNS)), st.lists(st.floats(0.01, 100), max_size=6))
def test_one_evaluation_never_warns_and_a_missing_sign_is_none(name: SignName, values: list[float]) -> None:
    assert not watches.failing(_history(name, values[:1]))
    history: list[Signs] = [*_history(name, values), {"a2b": {}}]
    assert not watches.failing(history)


# Colour inversion.


def test_a_negative_is_light_where_the_picture_was_dark(emoji: watches.Pictures) -> None:
    def light(other: watches.Pictures) -> float:
        return float(luminance_correlation(emoji, other).mean())

    assert light(255 - emoji) == pytest.approx(-1, abs=0.01)
    assert _fails("light", light(255 - emoji))
    assert SIGNS["light"].limit == INVERTED, "the same limit as where the measure is told of"
    assert light(emoji) == pytest.approx(1, abs=0.01)
    half = np.concatenate([emoji[:24], 255 - emoji[24:]])
    for other in (emoji[:, :, ::-1], emoji[::-1], half, (emoji // 2 + 60).astype(np.uint8), np.full_like(emoji, 9)):
        assert not _fails("light", light(other))


# Checkerboard.


def _transposed(pictures: watches.Pictures, stride: int) -> watches.Pictures:
    """What a transposed convolution of kernel 3 makes: teeth, since 3 is no multiple of the stride."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    small = F.avg_pool2d(x, stride)
    weight = torch.ones(3, 1, 3, 3)
    made = F.conv_transpose2d(small, weight, stride=stride, padding=1, output_padding=stride - 1, groups=3)
    made = made * (x.mean() / made.mean())
    mixed = 0.85 * F.interpolate(small, scale_factor=stride, mode="bilinear") + 0.15 * made
    return mixed.clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()


def _jpeg(pictures: watches.Pictures, quality: int) -> watches.Pictures:
    found: list[Any] = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file)))
    return np.stack(found)


def test_transposed_convolution_leaves_a_checkerboard(emoji: watches.Pictures) -> None:
    assert _fails("checkerboard", watches.checkerboard(_transposed(emoji, 2), emoji))
    board = (np.indices((64, 64)).sum(axis=0) // 2 % 2 * 8 - 4)[None, :, :, None]
    assert _fails("checkerboard", watches.checkerboard(np.clip(emoji + board, 0, 255).astype(np.uint8), emoji))


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: x[:, ::-1],
        lambda x: np.clip(x + np.random.default_rng(0).normal(0, 8, x.shape), 0, 255).astype(np.uint8),
        lambda x: np.stack([np.asarray(Image.fromarray(p).resize((16, 16)).resize((64, 64))) for p in x]),
        lambda x: np.full_like(x, 128),
    ],
    ids=["same", "mirrored", "noise", "blur", "grey"],
)  # fmt: skip
def test_what_is_no_checkerboard(emoji: watches.Pictures, make: Callable[[Any], Any]) -> None:
    assert not _fails("checkerboard", watches.checkerboard(make(emoji), emoji))


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_in_smooth_translations_only_teeth_that_can_be_seen_count(emoji: watches.Pictures, radius: int) -> None:
    """In a blurred picture anything stands out: teeth of one of 255 steps did a thousand times."""
    board = (np.indices((64, 64)).sum(axis=0) // 2 % 2 * 2 - 1)[None, :, :, None]
    blurred = np.stack([np.asarray(Image.fromarray(p).filter(ImageFilter.GaussianBlur(radius))) for p in emoji])

    def found(height: int) -> float:
        return watches.checkerboard(np.clip(blurred + height * board, 0, 255).astype(np.uint8), emoji)

    assert not _fails("checkerboard", found(0))
    assert not _fails("checkerboard", found(1))
    assert _fails("checkerboard", found(4))


def test_blocks_that_real_pictures_have_too_are_none(emoji: watches.Pictures) -> None:
    assert not _fails("checkerboard", watches.checkerboard(_jpeg(emoji, 30), _jpeg(emoji[::-1].copy(), 30)))


# What is told.


@pytest.mark.parametrize("name", SIGNS)
def test_every_sign_says_what_it_is_and_what_to_do(name: SignName) -> None:
    sign = SIGNS[name]
    history = _history(name, [sign.limit * (0.5 if sign.bad == "below" and sign.limit > 0 else 2)] * 2)
    sentence = watches.told(history, "a2b", name, "horses", "zebras")
    assert "zebras" in sentence
    assert "--" in sign.advice
    assert "Good:" in sign.good
