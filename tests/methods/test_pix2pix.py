"""pix2pix's two steps against the paper's equations."""

from __future__ import annotations

from dataclasses import replace

import torch

from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    OptimizerConfig,
    Pix2PixConfig,
)
from unpaired.methods.pix2pix import Pix2Pix

TINY = Config(
    method="pix2pix",
    data=DataConfig(size=16, crop=16, channels_a=1),
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, layers=1),
    loss=LossConfig(adversarial="vanilla", pool=0, gan_weight=2.0),
    pix2pix=Pix2PixConfig(l1=30.0),
    optimizer=OptimizerConfig(init_gain=0.3),
)
A = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
B = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(2)) * 2 - 1


def _method(config: Config = TINY) -> Pix2Pix:
    torch.manual_seed(0)
    return Pix2Pix(config)


def test_the_objective_is_that_of_the_paper() -> None:
    method = _method()
    fake = method.way.generator_ab(A)

    def d(b: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(method.way.adversary_b.discriminator(torch.cat([A, b], dim=1))[0].double())

    [made] = method.generator_step(A, B, 0)
    expected = 2.0 * -torch.log(d(fake)).mean() + 30.0 * (fake - B).abs().mean()
    torch.testing.assert_close(made.loss, expected.float(), rtol=1e-5, atol=1e-5)
    [judged] = method.discriminator_step(A, B, made.fakes, 0)
    expected = 0.5 * (-torch.log(d(B)).mean() - torch.log(1 - d(fake.detach())).mean())
    torch.testing.assert_close(judged.loss, expected.float(), rtol=1e-5, atol=1e-5)


def test_the_pool_keeps_pairs_together() -> None:
    method = _method(replace(TINY, loss=replace(TINY.loss, pool=4)))
    [made] = method.generator_step(A, B, 0)
    list(method.discriminator_step(A, B, made.fakes, 0))
    kept = torch.stack(method.pools()["pool_b"].fakes)
    torch.testing.assert_close(kept, torch.cat([A, made.fakes["fake_b"]], dim=1))


def test_real_and_fake_pairs_are_augmented_as_wholes() -> None:
    """What is shifted or cut is shifted and cut in the source, too: the frame of zeros is the same in both."""
    method = _method(replace(TINY, discriminator=replace(TINY.discriminator, augment=True)))
    torch.manual_seed(0)
    seen = method.way.adversary_b._seen(torch.full((4, 4, 16, 16), 5.0))  # pyright: ignore
    cut = seen == 0
    assert cut.any()
    assert all(torch.equal(cut[:, 0], cut[:, c]) for c in range(4))
