"""Trainings that take a second: real folders, the real loop, networks of width 4."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    OptimizerConfig,
    TrainingConfig,
)
from unpaired.run import checkpoint, checkpoints

TINY = Config(
    data=DataConfig(size=40, crop=32),
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, layers=1),
    optimizer=OptimizerConfig(ema_images=20),
    training=TrainingConfig(images=8, held_out=0, device="cpu", precision="float32", preview_minutes=60),
)
OPTIONS = [
    *("--preset", "paper", "--size", "40", "--crop", "32", "--generator.width", "4", "--generator.blocks", "1"),
    *("--discriminator.width", "4", "--discriminator.layers", "1", "--ema-images", "20"),
    *("--held-out", "0", "--device", "cpu", "--precision", "float32", "--preview-minutes", "60"),
]
"""`TINY` as a person types it, but for how long."""


def plan(config: Config = TINY, **training: Any) -> Config:
    """`config` with another plan."""
    return replace(config, training=replace(config.training, **training))


def paint(folder: Path, count: int = 12, *, seed: int) -> Path:
    """`count` pictures of 40×40 px: soft random colours."""
    folder.mkdir(parents=True)
    for i in range(count):
        rough = np.random.default_rng([seed, i]).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(rough).resize((40, 40), Image.Resampling.BICUBIC).save(folder / f"{i:02}.png")
    return folder


def bits(run: Path, images: int) -> dict[str, str]:
    """SHA-256 of all that a checkpoint holds: weights, averages, optimisers, pools. Checks every file."""
    saved = checkpoint.read(run / "checkpoints" / f"images-{images:09d}")
    saved.verify()
    assert {"state.pt", "rank-0.pt", "generator_ab.safetensors", "discriminator_b.safetensors"} <= saved.files.keys()
    return saved.files


def seen(run: Path) -> list[int]:
    """Images of the checkpoints that are there."""
    return [int(p.name.removeprefix("images-")) for p in checkpoints.of(run)]
