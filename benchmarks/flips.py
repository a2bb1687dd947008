"""Light and dark that swap, and what brings them back: r of luminance of inputs and translations, one remedy a row.

    python benchmarks/flips.py [negative | fresh] [--steps 400] [--seeds 0 1] [--rows "no remedy" …] [--picture FILE]

A is plain shapes on plain grounds, B other ones with stripes, in any colours: a negative looks as real as its picture,
so that neither adversary nor cycle minds one. The start `negative` is two small networks that were taught to give the
negative of whatever they see; `fresh` is first weights, and asks how often a flip arises by itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

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
from unpaired.data.decode import LUMINANCE
from unpaired.data.grid import preview_grid
from unpaired.data.tensors import to_float, to_uint8
from unpaired.evaluation.content import luminance_correlation
from unpaired.evaluation.features import to_tensor
from unpaired.methods.cyclegan import CycleGAN
from unpaired.training.engine import Engine

SIDE, BATCH, PICTURES, TESTS, SHOWN = 32, 4, 300, 60, 6
FLIPPED = -0.3
"""r below which a direction counts as flipped, as in the signs while training."""
Pictures = NDArray[np.uint8]

BASE = Config(
    data=DataConfig(size=SIDE, crop=SIDE),
    generator=GeneratorConfig(width=8, blocks=1, kernel=3, upsample="resize"),
    discriminator=DiscriminatorConfig(width=16, layers=2),
    loss=LossConfig(identity=0, pool=0),
    optimizer=OptimizerConfig(learning_rate=1e-3),
    training=TrainingConfig(batch=BATCH, device="cpu", precision="float32"),
)


def asked(config: Config, **loss: float) -> Config:
    return replace(config, loss=replace(config.loss, **loss))


def built(config: Config, **generator: Any) -> Config:
    return replace(config, generator=replace(config.generator, **generator))


def initial(config: Config, **optimizer: Any) -> Config:
    return replace(config, optimizer=replace(config.optimizer, **optimizer))


# Instance norm hides how light a plain ground is: without it a negative is one in full.
NEGATIVE = initial(built(BASE, norm="none"), init="xavier", init_gain=1.0)
ROWS: dict[str, dict[str, Config]] = {
    "negative": {
        "no remedy": NEGATIVE,
        "--inversion 1": asked(NEGATIVE, inversion=1.0),
        "--inversion 5": asked(NEGATIVE, inversion=5.0),
        "--identity 0.5": asked(NEGATIVE, identity=0.5),
        "--identity 5": asked(NEGATIVE, identity=5.0),
        "--generator.residual": built(NEGATIVE, residual=True),
    },
    "fresh": {
        "--init-gain 0.002": initial(BASE, init_gain=0.002),
        "--init-gain 0.02": BASE,
        "--init-gain 0.2": initial(BASE, init_gain=0.2),
        "--inversion 5": asked(BASE, inversion=5.0),
        "--identity 0.5": asked(BASE, identity=0.5),
        "--generator.residual": built(BASE, residual=True),
    },
}


def shapes(count: int, *, striped: bool, seed: int) -> Pictures:
    """(N, SIDE, SIDE, 3): a disc, square or triangle on a ground, one clearly lighter than the other."""
    rng = np.random.default_rng(seed)
    return np.stack([shape(rng, striped=striped) for _ in range(count)])


def shape(rng: np.random.Generator, *, striped: bool) -> Pictures:
    while True:
        ground, figure = rng.integers(20, 236, (2, 3))
        if abs(float((ground - figure) @ np.array(LUMINANCE))) > 60:
            break
    fine = 4 * SIDE  # drawn larger and averaged, for soft edges
    mask = Image.new("L", (fine, fine))
    draw = ImageDraw.Draw(mask)
    (x, y), r = rng.uniform(0.4, 0.6, 2) * fine, rng.uniform(0.2, 0.35) * fine
    sides = int(rng.choice([3, 4, 40]))
    draw.regular_polygon((x, y, r), sides, rotation=int(rng.integers(360)), fill=255)
    share = np.array(mask.resize((SIDE, SIDE), Image.Resampling.BOX))[..., None] / 255
    picture = share * figure + (1 - share) * ground
    if striped:
        picture += share * 20 * np.sin(np.arange(SIDE) * np.pi / 2 + np.pi / 4)[:, None, None]
    return (picture + 0.5).clip(0, 255).astype(np.uint8)


def begun(config: Config, seed: int, reals: Sequence[Pictures], *, negative: bool) -> Engine:
    """A training whose translators were taught to give negatives, or a fresh one."""
    config = replace(config, training=replace(config.training, seed=seed))
    torch.manual_seed(seed)
    method = CycleGAN(config)
    if negative:
        generators = list(method.generators().values())
        optimizer = torch.optim.Adam([p for g in generators for p in g.parameters()], 2e-3)
        for step in range(200):
            x = torch.cat([to_float(batch(z, seed, step)) for z in reals])
            optimizer.zero_grad()
            for generator in generators:
                (generator(x) + x).abs().mean().backward()
            optimizer.step()
    return Engine(method, config, torch.device("cpu"), Ranks())


def batch(pictures: Pictures, seed: int, step: int) -> Tensor:
    """uint8 (BATCH, 3, SIDE, SIDE)."""
    chosen = np.random.default_rng((seed, step)).integers(len(pictures), size=BATCH)
    return torch.from_numpy(pictures[chosen].transpose(0, 3, 1, 2))


def train(engine: Engine, a: Pictures, b: Pictures, begin: int, end: int, steps: int) -> None:
    """From step `begin` to `end` of a training of `steps`."""
    seed = engine.config.training.seed
    for step in range(begin, end):
        done = step / steps
        engine.step(
            batch(a, seed, step), batch(b, seed + 1000, step), images=step * BATCH, rate=min(1.0, 2 * (1 - done)),
            done=done,
        )  # fmt: skip


def translated(engine: Engine, name: str, pictures: Pictures) -> Pictures:
    with torch.no_grad():
        return to_uint8(engine.method.networks()[name](to_tensor(pictures))).permute(0, 2, 3, 1).numpy()


def correlations(engine: Engine, a: Pictures, b: Pictures) -> tuple[float, float]:
    """Mean r of luminance of inputs and translations, A → B and B → A."""
    ab, ba = (
        float(luminance_correlation(pictures, translated(engine, name, pictures)).mean())
        for name, pictures in (("generator_ab", a), ("generator_ba", b))
    )
    return ab, ba


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", nargs="?", default="negative", choices=list(ROWS))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--rows", nargs="*", help="all if not given")
    parser.add_argument("--picture", type=Path, help="a file for some inputs and translations A → B of the first seed")
    options = parser.parse_args()
    rows = ROWS[options.start]
    chosen = options.rows or list(rows)
    if unknown := [name for name in chosen if name not in rows]:
        parser.error(f"rows of {options.start} are {', '.join(rows)}; not {', '.join(unknown)}")
    a, b = shapes(PICTURES, striped=False, seed=0), shapes(PICTURES, striped=True, seed=1)
    test_a, test_b = shapes(TESTS, striped=False, seed=2), shapes(TESTS, striped=True, seed=3)
    sheet = {"input": test_a[:SHOWN]}
    at = [0, options.steps // 8, options.steps]
    print("| |", " | ".join(f"seed {seed}, step {step}" for seed in options.seeds for step in at), "| flipped |")
    print("|---" * (2 + len(options.seeds) * len(at)) + "|")
    for name in chosen:
        found: list[str] = []
        flipped = 0
        for seed in options.seeds:
            engine = begun(rows[name], seed, (a, b), negative=options.start == "negative")
            r = (0.0, 0.0)
            for begin, end in zip([0, *at], at, strict=False):
                train(engine, a, b, begin, end, options.steps)
                r = correlations(engine, test_a, test_b)
                found.append(f"{r[0]:+.2f}, {r[1]:+.2f}")
                if seed == options.seeds[0] and end in (0, options.steps):
                    label = "the start" if end == 0 else name
                    sheet.setdefault(label, translated(engine, "generator_ab", test_a[:SHOWN]))
            flipped += sum(x < FLIPPED for x in r)
        print(f"| {name} |", " | ".join(found), f"| {flipped} of {2 * len(options.seeds)} |", flush=True)
    if options.picture:
        preview_grid([list(column) for column in sheet.values()], list(sheet)).save(options.picture, quality=85)


if __name__ == "__main__":
    main()
