"""A CycleGAN whose translators hide colours in grey pictures goes on hiding, and less where it pays less."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unpaired.compute.ranks import Ranks
from unpaired.config import Config, DataConfig, DiscriminatorConfig, LossConfig, OptimizerConfig, TrainingConfig
from unpaired.evaluation.honesty import examine
from unpaired.methods.cyclegan import CycleGAN
from unpaired.training.engine import Engine

FADED = 0.08
GREY = torch.full((3, 3), 1 / 3)


def _matrix(share: float) -> nn.Conv2d:
    """Of colours: brightness stays as it is, what else there is is multiplied by `share`."""
    matrix = nn.Conv2d(3, 3, 1, bias=False)
    matrix.weight.data = (GREY + share * (torch.eye(3) - GREY)).view(3, 3, 1, 1)
    return matrix


def _coloured(seed: int, count: int) -> NDArray[np.uint8]:
    rough = np.random.default_rng(seed).integers(40, 216, (count, 4, 4, 3), dtype=np.uint8)
    return rough.repeat(4, axis=1).repeat(4, axis=2)


def _grey(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pictures.mean(axis=3, keepdims=True).repeat(3, axis=3).astype(np.uint8)


def _hidden(**loss: Any) -> tuple[float, float]:
    """Share of what the way back knows that faint noise destroys, before and after 150 steps."""
    config = Config(
        data=DataConfig(size=16, crop=16),
        discriminator=DiscriminatorConfig(width=4, layers=1),
        loss=LossConfig(identity=0, pool=0, **loss),
        optimizer=OptimizerConfig(learning_rate=0.05, discriminator_learning_rate=1e-3),
        training=TrainingConfig(batch=4, device="cpu", precision="float32"),
    )
    torch.manual_seed(0)
    method = CycleGAN(config)
    method.ways.generator_ba, method.ways.generator_ab = _matrix(FADED), _matrix(1 / FADED)  # pyright: ignore
    engine = Engine(method, config, torch.device("cpu"), Ranks())

    def found() -> float:
        there, back = method.ways.generator_ba, method.ways.generator_ab
        return examine(_coloured(1, 16), _grey(_coloured(2, 16)), there, back).lost("noise") or 0.0

    before = found()
    for step in range(150):
        a, b = (_batch(z) for z in (_grey(_coloured(10 + step, 4)), _coloured(1000 + step, 4)))
        engine.step(a, b, images=4 * step, rate=min(1.0, 2 - step / 75))
    return before, found()


def _batch(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())


def test_left_alone_it_goes_on_hiding() -> None:
    before, after = _hidden()
    assert before > 0.2
    assert after > 0.7 * before


def test_where_faint_signals_are_lost_it_hides_less() -> None:
    before, after = _hidden(cycle_noise=0.1)
    assert after < before / 2
