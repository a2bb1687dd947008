"""Feed-forward style transfer against the loss of its paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from unpaired.config import Config, DataConfig, GeneratorConfig, LossConfig, PerceptualConfig
from unpaired.errors import UserError
from unpaired.losses.perceptual import gram
from unpaired.methods.johnson import Johnson

TINY = Config(
    method="johnson",
    data=DataConfig(size=32, crop=32),
    generator=GeneratorConfig(width=4, blocks=1),
    loss=LossConfig(identity=0),
    perceptual=PerceptualConfig(content=2.0, style=3.0, smoothness=4.0),
)
A, B = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_loss_is_content_style_and_smoothness() -> None:
    torch.manual_seed(0)
    method = Johnson(TINY)
    [step] = method.generator_step(A, B, 0)
    fake, eyes = method.generator_ab(A), method.perceptual
    (f,), (p,) = eyes.maps(fake, eyes.content), eyes.maps(A, eyes.content)
    content = ((f - p).square().sum((1, 2, 3)) / p.square().sum((1, 2, 3))).mean()
    style = torch.zeros(())
    for m, w in zip(eyes.maps(fake, eyes.style), eyes.maps(B, eyes.style), strict=True):
        aim = gram(w).mean(0)
        style = style + ((gram(m) - aim).square().sum((1, 2)) / aim.square().sum()).mean() / len(eyes.style)
    rough = (fake[..., 1:] - fake[..., :-1]).abs().mean() + (fake[..., 1:, :] - fake[..., :-1, :]).abs().mean()
    torch.testing.assert_close(step.loss, 2 * content + 3 * style + 4 * rough, rtol=1e-4, atol=1e-4)
    assert step.terms.keys() == {"content_a", "style_b", "smoothness_b"}


def test_its_eyes_are_not_those_that_measure() -> None:
    assert Johnson.networks_seen(TINY) == {"efficientnet-lite1"}
    vgg = replace(TINY, perceptual=PerceptualConfig(eyes="somewhere/vgg19.pth"))
    assert Johnson.networks_seen(vgg) == {"vgg"}
    with pytest.raises(UserError, match="are those that runs are measured with"):
        Johnson.check(replace(TINY, perceptual=PerceptualConfig(eyes="lite0")))
    with pytest.raises(UserError, match="are both 0"):
        Johnson.check(replace(TINY, perceptual=PerceptualConfig(content=0.0, style=0.0)))


PYRAMID = replace(
    TINY,
    generator=GeneratorConfig(kind="pyramid", width=2, depth=2),
    perceptual=replace(TINY.perceptual, diversity=5.0),
)


def test_a_texture_network_is_asked_for_diversity_as_well() -> None:
    torch.manual_seed(0)
    method = Johnson(PYRAMID)
    [plain] = Johnson(replace(PYRAMID, perceptual=TINY.perceptual)).generator_step(A, B, 0)
    assert "diversity_b" not in plain.terms
    [step] = method.generator_step(A, B, 0)
    terms = step.terms
    asked = {"content_a": 2, "style_b": 3, "smoothness_b": 4, "diversity_b": 5}
    assert terms.keys() == asked.keys()
    torch.testing.assert_close(
        step.loss, sum((weight * terms[name] for name, weight in asked.items()), torch.zeros(()))
    )
    assert step.fakes["fake_b"].shape == A.shape
    step.loss.backward()
    noisy = [enter[1].weight.grad[:, 3:] for enter in method.generator_ab.enter]  # pyright: ignore
    assert all(slope.abs().sum() > 0 for slope in noisy), "it learns what to do with the noise of every scale"


def test_diversity_needs_noise() -> None:
    Johnson.check(PYRAMID)
    dropped = replace(PYRAMID, generator=GeneratorConfig(dropout=0.5, noise=True))
    Johnson.check(dropped)
    with pytest.raises(UserError, match=r"needs a generator with noise.*--generator\.kind pyramid"):
        Johnson.check(replace(PYRAMID, generator=GeneratorConfig()))
