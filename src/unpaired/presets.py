"""Named configurations. Each says its command, its cost and what it reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    OptimizerConfig,
    TrainingConfig,
)


def paper() -> Config:
    """The recipe of the CycleGAN paper, exactly: ResNet-9 at 256 px, LSGAN, λ 10, identity 0.5, 200 passes.

    unpaired train DIR_A DIR_B --out RUN --preset paper
    """
    return Config()


def fast() -> Config:
    """The default: worth looking at after minutes on a plain CPU. Projected heads on a frozen ImageNet network make
    pictures real, a small PatchGAN beside them watches what that network does not see, fine texture; resize
    convolutions leave no checkerboard, averaged weights no jitter. Why each choice: docs/recipe.md.

    unpaired train DIR_A DIR_B --out RUN
    """
    return Config(
        data=DataConfig(size=144, crop=128),
        generator=GeneratorConfig(width=32, blocks=6, kernel=3, upsample="resize"),
        discriminator=DiscriminatorConfig(
            kind="projected+patchgan", stages=(1, 2, 3), view=128, width=32, layers=2, augment=True
        ),
        loss=LossConfig(adversarial="hinge", lambda_a=5, lambda_b=5, identity=0, pool=0),
        optimizer=OptimizerConfig(learning_rate=6e-4, beta2=0.99, ema_images=600, decay_from=0.7),
        training=TrainingConfig(batch=4),
    )


def demo() -> Config:
    """`fast` for the built-in emoji at 64 px and five minutes: narrower generators that begin as "change nothing".

    unpaired demo
    """
    base = fast()
    return replace(
        base,
        data=replace(base.data, size=72, crop=64),
        generator=replace(base.generator, width=24, blocks=4, residual=True),
        discriminator=replace(base.discriminator, view=96),
        loss=replace(base.loss, lambda_a=3, lambda_b=3),
        training=replace(base.training, minutes=5),
    )


PRESETS: dict[str, Callable[[], Config]] = {"fast": fast, "paper": paper, "demo": demo}
