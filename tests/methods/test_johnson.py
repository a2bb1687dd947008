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
    with pytest.raises(UserError, match="not negative"):
        Johnson.check(replace(TINY, perceptual=PerceptualConfig(style=-1.0)))
