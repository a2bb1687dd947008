"""Six steps of each kind of training, and the losses that they had when they were last looked at.

A refactoring that means to change nothing changes none of these numbers. One that means to, records them anew:

    python tests/training/test_recorded.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unpaired.compute.ranks import Ranks
from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    NceConfig,
    OptimizerConfig,
    PerceptualConfig,
    TrainingConfig,
)
from unpaired.data.tensors import to_float
from unpaired.methods import METHODS
from unpaired.training import engine as engines
from unpaired.training.schedule import learning_rate_factor

RECORD = Path(__file__).with_name("recorded_losses.json")
STEPS, SIDE = 6, 32
TOLERANCE = 1e-4  # relative


def _small(config: Config) -> Config:
    """The same recipe in networks of width 4."""
    return replace(
        config,
        data=replace(config.data, size=SIDE, crop=SIDE),
        generator=replace(config.generator, width=4, blocks=1, depth=3),
        discriminator=replace(config.discriminator, width=4, layers=1, view=32),
        training=TrainingConfig(batch=2, precision="float32", device="cpu", channels_last=False),
    )


def _configs() -> dict[str, Config]:
    """Written out, not taken from the presets: tuning those changes what they mean, which is not what is tested."""
    paper = Config()
    projected = Config(
        generator=GeneratorConfig(kernel=3, upsample="resize"),
        discriminator=DiscriminatorConfig(kind="projected", augment=True),
        loss=LossConfig(adversarial="hinge", identity=0, pool=0),
        optimizer=OptimizerConfig(learning_rate=4e-4, beta2=0.99, ema_images=600, decay_from=0.7),
    )
    nce = NceConfig(layers=(0, 2, 3), patches=16, dimension=8)
    return {
        "paper": paper,
        "projected": projected,
        "both heads, grey": replace(
            projected,
            discriminator=DiscriminatorConfig(kind="projected+patchgan", spectral=True, augment=True, stages=(1, 2)),
            data=DataConfig(channels_a=1, channels_b=1),
        ),
        "unet, batch norm, vanilla": replace(
            paper,
            generator=GeneratorConfig(kind="unet", norm="batch", dropout=0.5),
            loss=LossConfig(adversarial="vanilla"),
        ),
        "residual, group norm, pixels, lazy identity": replace(
            paper,
            generator=GeneratorConfig(norm="group", upsample="resize", padding="zeros", residual=True),
            discriminator=DiscriminatorConfig(kind="pixel", norm="group"),
            loss=LossConfig(identity_every=2, pool=3, lambda_a=4.0),
        ),
        "attention": replace(paper, generator=GeneratorConfig(attention=True, residual=True)),
        "cycle in features": replace(
            paper,
            discriminator=DiscriminatorConfig(kind="multiscale", scales=2),
            loss=LossConfig(cycle_features=0.5),
        ),
        "warp": replace(paper, generator=GeneratorConfig(warp=8, residual=True)),
        "convnext, multi-scale, R1": replace(
            paper,
            generator=GeneratorConfig(kind="convnext"),
            discriminator=DiscriminatorConfig(kind="multiscale", scales=2, r1=1.0, r1_every=2),
        ),
        "pix2pix": replace(paper, method="pix2pix", loss=LossConfig(adversarial="vanilla", pool=0)),
        "pix2pix that colours": replace(
            paper,
            method="pix2pix",
            data=DataConfig(channels_a=1),
            generator=GeneratorConfig(kind="unet", dropout=0.5, noise=True, lab=True),
            loss=LossConfig(identity=0, pool=3),
        ),
        "cut": replace(paper, method="cut", generator=GeneratorConfig(downsample="blur", upsample="blur"), nce=nce),
        "fastcut": replace(paper, method="cut", nce=replace(nce, weight=10.0, identity=0.0, flip=True)),
        "dclgan": replace(paper, method="dclgan", nce=replace(nce, weight=2.0)),
        "sincut": replace(
            paper,
            method="cut",
            nce=replace(nce, patches=2, across=True, l1=1.0),
            discriminator=DiscriminatorConfig(r1=1.0, r1_every=2),
        ),
        "unsb": replace(paper, method="unsb", nce=nce, loss=LossConfig(identity=0, pool=0)),
        "johnson": replace(paper, method="johnson", loss=LossConfig(identity=0)),
        "ulyanov": replace(
            paper,
            method="johnson",
            generator=GeneratorConfig(kind="pyramid"),
            loss=LossConfig(identity=0),
            perceptual=PerceptualConfig(diversity=0.1),
        ),
        "two pairs of eyes": replace(
            projected,
            discriminator=DiscriminatorConfig(kind="projected", eyes=("lite1", "lite2"), stages=(1, 2)),
        ),
    }


def _losses(config: Config) -> list[dict[str, float]]:
    """Loss terms of each step, on pictures that are the same everywhere.

    In float64: in float32 the rounding of another processor grows to per cents in six steps of adversaries.
    """
    config = _small(config)
    rng = np.random.default_rng(0)
    engines.seed_all(0, 0, 0)
    told: list[dict[str, float]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "to_float", lambda x: to_float(x).double())
        engine = engines.Engine(METHODS[config.method](config).double(), config, torch.device("cpu"), Ranks())
        for step in range(STEPS):
            images = step * config.training.batch
            a, b = (
                torch.from_numpy(rng.integers(0, 256, (config.training.batch, channels, SIDE, SIDE), dtype=np.uint8))
                for channels in config.channels("a2b")
            )
            rate = learning_rate_factor(config.optimizer, images, step / STEPS)
            told.append({name: term.item() for name, term in engine.step(a, b, images=images, rate=rate).items()})
    return told


@pytest.mark.parametrize("name", _configs())
def test_losses_are_those_on_record(name: str) -> None:
    recorded = json.loads(RECORD.read_text())[name]
    for step, (now, then) in enumerate(zip(_losses(_configs()[name]), recorded, strict=True)):
        assert now == pytest.approx(then, rel=TOLERANCE), f"step {step}"


def test_the_record_is_of_what_is_tested() -> None:
    assert json.loads(RECORD.read_text()).keys() == _configs().keys()


if __name__ == "__main__":
    torch.set_num_threads(1)
    RECORD.write_text(json.dumps({name: _losses(config) for name, config in _configs().items()}, indent=1) + "\n")
