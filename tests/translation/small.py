"""Small checkpoints and networks to translate with."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from unpaired.config import Config, DataConfig, Direction, GeneratorConfig
from unpaired.networks import build_generator
from unpaired.networks.layers import initialise
from unpaired.run import checkpoint

SMALL = Config(data=DataConfig(size=32, crop=32), generator=GeneratorConfig(width=4, blocks=1))
NAMES: dict[Direction, str] = {"a2b": "generator_ab", "b2a": "generator_ba"}


def weights(config: Config, direction: Direction, seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    network = build_generator(*config.channels(direction), config.generator)
    initialise(network, 0.3)  # strong enough that outputs differ from picture to picture
    return network.state_dict()


def write_checkpoint(
    run: Path, config: Config = SMALL, *, images: int = 100, seed: int = 0, averaged: bool = False
) -> Path:
    manifest = checkpoint.Manifest(images=images, seconds=1.0, world=1, config=config, provenance={})
    tensors = {name: weights(config, way, seed) for way, name in NAMES.items()}
    if averaged:
        tensors |= {f"{name}.ema": weights(config, way, seed + 100) for way, name in NAMES.items()}
    return checkpoint.write(run, manifest, tensors, {})


class Same(nn.Module):
    """The translator that changes nothing."""

    multiple = 4

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[-1] % 4 == 0
        assert x.shape[-2] % 4 == 0
        return x
