"""A cycle that hides, and what cures it: honesty and KID before and after some training, one remedy a row.

    python benchmarks/hidden_signal.py [--steps 300] [--seed 0] [--paint] [--rows plain …] [--picture FILE]

Grey pictures (A) and coloured ones (B), made of the built-in 3D emoji at 32 px. Grey can't hold colours, and the cycle
B → A → B asks for them back. The start is one that Chu et al. 2017 found trained translators at: B → A fades colours to
8 %, too little to see, and A → B enlarges what is left. Both are one 3×3 matrix of colours a pixel, so that it takes
seconds and what they hide is known; adversaries, objective and optimiser are those of every training. A matrix can
colour a grey picture by enlarging what is left of its colours only; with `--paint` each has a small ResNet beside it,
faint at the start, that can paint colours and grey by what it sees. FILE shows inputs, each row's grey fakes, and what
comes back of them as they are and with noise too faint to see.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from unpaired.compute.ranks import Ranks
from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    OptimizerConfig,
    TrainingConfig,
)
from unpaired.data import demo
from unpaired.data.decode import LUMINANCE, decode
from unpaired.data.files import default_cache_dir
from unpaired.data.grid import preview_grid, spread
from unpaired.data.tensors import to_uint8
from unpaired.evaluation.distances import kid
from unpaired.evaluation.features import LiteExtractor, to_tensor
from unpaired.evaluation.honesty import examine, noise
from unpaired.methods.cyclegan import CycleGAN
from unpaired.training.engine import Engine

SIDE, BATCH, FADED, SHOWN = 32, 4, 0.08, 5
ROWS: dict[str, dict[str, Any]] = {
    "plain": {},
    "--cycle-noise 0.05": {"cycle_noise": 0.05},
    "--cycle-noise 0.1": {"cycle_noise": 0.1},
    "--cycle-noise 0.2": {"cycle_noise": 0.2},
    "--cycle-noise 0.3": {"cycle_noise": 0.3},
    "--cycle-noise 0.4": {"cycle_noise": 0.4},
    "--cycle-noise 0.2 --lambda-b 3": {"cycle_noise": 0.2, "lambda_b": 3.0},
    "--cycle-noise 0.2 --lambda-b 2": {"cycle_noise": 0.2, "lambda_b": 2.0},
    "--cycle-noise 0.2 --lambda-b 1": {"cycle_noise": 0.2, "lambda_b": 1.0},
    "--cycle-coarse 4": {"cycle_coarse": 4},
    "--cycle-features 0.5": {"cycle_features": 0.5},
    "--cycle-features 1": {"cycle_features": 1.0},
    "--cycle-floor 0": {"cycle_floor": 0.0},
}


def pictures(folder: str, count: int, *, grey: bool) -> NDArray[np.uint8]:
    """(N, SIDE, SIDE, 3) of the built-in emoji, the first of the folder by name."""
    files = sorted((demo.unpack(default_cache_dir() / "demo") / folder).iterdir())[:count]
    small = [Image.fromarray(decode(file)).resize((SIDE, SIDE), Image.Resampling.BOX) for file in files]
    return np.stack([np.array(p.convert("L").convert("RGB") if grey else p) for p in small])


def faded(share: float) -> nn.Conv2d:
    """A matrix of colours that leaves luminance as it is and multiplies what else there is by `share`."""
    grey = torch.tensor(LUMINANCE).expand(3, 3)
    matrix = nn.Conv2d(3, 3, 1)
    matrix.weight.data = (grey + share * (torch.eye(3) - grey)).view(3, 3, 1, 1)
    nn.init.zeros_(matrix.bias)  # pyright: ignore[reportArgumentType]
    return matrix


class Painting(nn.Module):
    """A matrix of colours, and a faint network beside it."""

    def __init__(self, matrix: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.matrix, self.network = matrix, network
        self.strength = nn.Parameter(torch.tensor(0.05))

    def forward(self, x: Tensor) -> Tensor:
        return self.matrix(x) + self.strength * self.network(x)


def hiding(loss: dict[str, Any], seed: int, *, paint: bool) -> Engine:
    """A CycleGAN whose translators hide colours, ready to train on."""
    config = Config(
        data=DataConfig(size=SIDE, crop=SIDE),
        generator=GeneratorConfig(width=16, blocks=2, kernel=3, upsample="blur"),
        discriminator=DiscriminatorConfig(width=16 if paint else 8, layers=1),
        loss=replace(LossConfig(identity=0, pool=0), **loss),
        optimizer=OptimizerConfig(learning_rate=0.003 if paint else 0.05, discriminator_learning_rate=1e-3),
        training=TrainingConfig(batch=BATCH, device="cpu", precision="float32", seed=seed),
    )
    torch.manual_seed(seed)
    method = CycleGAN(config)
    for name, share in (("generator_ba", FADED), ("generator_ab", 1 / FADED)):
        matrix = faded(share)
        setattr(method.ways, name, Painting(matrix, getattr(method.ways, name)) if paint else matrix)
    return Engine(method, config, torch.device("cpu"), Ranks())


def trained(engine: Engine, a: NDArray[np.uint8], b: NDArray[np.uint8], steps: int) -> None:
    rng = np.random.default_rng(engine.config.training.seed)
    for step in range(steps):
        x, y = (torch.from_numpy(z[rng.integers(len(z), size=BATCH)].transpose(0, 3, 1, 2)) for z in (a, b))
        done = step / steps
        engine.step(x, y, images=step * BATCH, rate=min(1.0, 2 * (1 - done)), done=done)


def there_and_back(engine: Engine, inputs: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """(N, SIDE, SIDE, 3) each: grey fakes, what comes back of them, and what comes back of them with faint noise."""
    grey, colour = engine.method.networks()["generator_ba"], engine.method.networks()["generator_ab"]
    with torch.no_grad():
        fakes: Tensor = grey(to_tensor(inputs))
        made = fakes, colour(fakes), colour(noise(fakes))
    return [to_uint8(x).permute(0, 2, 3, 1).numpy() for x in made]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--paint", action="store_true", help="translators that can paint, too")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--picture", type=Path, help="a file for some inputs, fakes, and what comes back")
    options = parser.parse_args()
    a, b = pictures("trainA", 200, grey=True), pictures("trainB", 200, grey=False)
    test_a, test_b = pictures("testB", 64, grey=True), pictures("testB", 128, grey=False)[64:]
    extractor = LiteExtractor()
    real = extractor(list(test_a))

    def measured(engine: Engine) -> str:
        there, back = engine.method.networks()["generator_ba"], engine.method.networks()["generator_ab"]
        found = examine(test_b, test_a, there, back)
        distance = kid(extractor(list(there_and_back(engine, test_b)[0])), real, minimum=2)
        return (
            f"{found.lost('noise') or 0:.3f} | {found.sensitivity or 0:.2f} | {found.clean:.3f} | "
            f"{found.changed['noise']:.3f} | {distance:.3f} |"
        )

    print("| | hidden information | sensitivity | L1 back, clean | L1 back, noise | KID of grey |")
    print("|---|---|---|---|---|---|")
    print("| the start |", measured(hiding({}, options.seed, paint=options.paint)), flush=True)
    shown = np.stack(spread(list(test_b), SHOWN))
    captions, columns = ["input"], [list(shown)]
    for name in options.rows:
        engine = hiding(ROWS[name], options.seed, paint=options.paint)
        trained(engine, a, b, options.steps)
        print(f"| {name} |", measured(engine), flush=True)
        captions += [name, "back", "noised, back"]
        columns += map(list, there_and_back(engine, shown))
    if options.picture:
        preview_grid(columns, captions, scale=4).save(options.picture, quality=85)


if __name__ == "__main__":
    main()
