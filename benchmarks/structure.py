"""Anatomy that drifts, and what holds it: trainings with and without a loss on structure, one a row.

    python benchmarks/structure.py [--images 2000] [--seed 0] [--rows plain "mind 5" …]

Phantoms: a body with organs of several tissues. Domain A shows them on one scale of grey, domain B other bodies on a
curved and inverted scale, with noise, and there three bodies of four have a lesion, the darkest of all; in A none has.
A translator A → B that paints some convinces the discriminator and is wrong (Cohen, Luck and Honari 2018, "Distribution
matching losses can hallucinate features in medical image translation"). How the bodies of A look in B is known.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

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
from unpaired.data.tensors import to_float, to_uint8
from unpaired.evaluation.content import structure_agreement
from unpaired.methods.cyclegan import CycleGAN
from unpaired.training.engine import Engine

SIDE, BATCH, NOISE = 32, 8, 0.03
PICTURES = 600
ROWS: dict[str, LossConfig] = {
    "plain": LossConfig(),
    "mind 1": LossConfig(structure="mind", structure_weight=1),
    "mind 5": LossConfig(structure="mind", structure_weight=5),
    "mind 20": LossConfig(structure="mind", structure_weight=20),
    "lncc 1": LossConfig(structure="lncc", structure_weight=1),
    "lncc 5": LossConfig(structure="lncc", structure_weight=5),
    "ngf 1": LossConfig(structure="ngf", structure_weight=1),
    "ngf 5": LossConfig(structure="ngf", structure_weight=5),
}
Floats = NDArray[np.float64]
Pictures = NDArray[np.uint8]


def bodies(count: int, *, lesions: float, seed: int) -> Floats:
    """(N, SIDE, SIDE) in 0…1: tissues of random bodies, four times finer and then averaged; 1 is a lesion."""
    rng, fine = np.random.default_rng(seed), 4 * SIDE
    y, x = np.mgrid[:fine, :fine] / fine * 2 - 1
    made = np.zeros((count, fine, fine))

    def paint(picture: Floats, at: Floats, radii: Floats, tissue: float) -> None:
        turn = rng.uniform(0, np.pi)
        u, v = (
            (x - at[0]) * np.cos(turn) + (y - at[1]) * np.sin(turn),
            (y - at[1]) * np.cos(turn) - (x - at[0]) * np.sin(turn),
        )
        picture[(u / radii[0]) ** 2 + (v / radii[1]) ** 2 < 1] = tissue

    for picture in made:
        paint(picture, rng.uniform(-0.1, 0.1, 2), rng.uniform(0.7, 0.9, 2), 0.3)
        for _ in range(rng.integers(3, 7)):
            paint(picture, rng.uniform(-0.45, 0.45, 2), rng.uniform(0.1, 0.3, 2), rng.choice([0.15, 0.45, 0.6, 0.75]))
        if rng.random() < lesions:
            paint(picture, rng.uniform(-0.45, 0.45, 2), rng.uniform(0.15, 0.2, 2), 1.0)
    return made.reshape(count, SIDE, 4, SIDE, 4).mean(axis=(2, 4))


def as_a(tissue: Floats) -> Pictures:
    """(N, 1, H, W) on the scale of domain A."""
    return (255 * tissue + 0.5).astype(np.uint8)[:, None]


def as_b(tissue: Floats, *, noise: float = 0.0, seed: int = 0) -> Pictures:
    """(N, 1, H, W) on that of B: dark where A is bright, and curved."""
    shown = (1 - tissue) ** 2 + noise * np.random.default_rng(seed).standard_normal(tissue.shape)
    return (255 * shown.clip(0, 1) + 0.5).astype(np.uint8)[:, None]


def trained(loss: LossConfig, a: Pictures, b: Pictures, images: int, seed: int) -> torch.nn.Module:
    """The translator A → B."""
    config = Config(
        data=DataConfig(size=SIDE, crop=SIDE, channels_a=1, channels_b=1),
        generator=GeneratorConfig(width=12, blocks=2, kernel=3, upsample="resize"),
        discriminator=DiscriminatorConfig(width=16, layers=2),
        loss=replace(loss, identity=0.0),
        optimizer=OptimizerConfig(learning_rate=1e-3, ema_images=500),
        training=TrainingConfig(batch=BATCH, device="cpu", precision="float32", seed=seed),
    )
    torch.manual_seed(seed)
    engine, rng = Engine(CycleGAN(config), config, torch.device("cpu"), Ranks()), np.random.default_rng(seed)
    for done in range(0, images, BATCH):
        x, y = (torch.from_numpy(z[rng.integers(len(z), size=BATCH)]) for z in (a, b))
        engine.step(x, y, images=done, rate=min(1.0, 2 * (1 - done / images)), done=done / images)
    return engine.translators()["generator_ab"].eval()


def translated(network: torch.nn.Module, pictures: Pictures) -> Pictures:
    with torch.no_grad():
        return to_uint8(network(to_float(torch.from_numpy(pictures)))).numpy()


def made_up(fakes: Pictures, truth: Pictures) -> float:
    """Share of pictures with 8 px or more as dark as lesions alone are (0; the darkest organ is 16 of 255) where the
    truth is lighter than that organ by far. A lesion has 18 to 32 px.
    """
    return float((((fakes < 12) & (truth > 35)).sum(axis=(1, 2, 3)) >= 8).mean())


def sheet(shown: dict[str, Pictures]) -> Image.Image:
    """Twelve of each, a row for each name."""
    side, label = 2 * SIDE, 80
    made = Image.new("L", (label + 12 * side, len(shown) * side), 255)
    for row, (name, pictures) in enumerate(shown.items()):
        ImageDraw.Draw(made).text((8, row * side + side / 2), name, fill=0, anchor="lm", font_size=16)
        for column, picture in enumerate(pictures[:12, 0]):
            grown = Image.fromarray(picture).resize((side, side), Image.Resampling.NEAREST)
            made.paste(grown, (label + column * side, row * side))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--picture", type=Path, help="a file for some sources, true counterparts and translations")
    options = parser.parse_args()
    a, b = as_a(bodies(PICTURES, lesions=0, seed=1)), as_b(bodies(PICTURES, lesions=0.75, seed=2), noise=NOISE)
    test = bodies(100, lesions=0, seed=3)
    source, truth = as_a(test), as_b(test)
    shown = {"source": source, "truth": truth}
    print("| | PSNR, dB | structure agreement | dark as a lesion | s |\n|---|---|---|---|---|")
    for name in options.rows:
        begun = time.process_time()
        fakes = shown[name] = translated(trained(ROWS[name], a, b, options.images, options.seed), source)
        spent = time.process_time() - begun
        error = ((fakes.astype(float) - truth) / 255) ** 2
        psnr = -10 * np.log10(error.mean(axis=(1, 2, 3))).mean()
        agreed = structure_agreement(*(p.transpose(0, 2, 3, 1).repeat(3, axis=3) for p in (truth, fakes))).mean()
        print(f"| {name} | {psnr:.1f} | {agreed:.3f} | {made_up(fakes, truth):.0%} | {spent:.0f} |", flush=True)
    if options.picture:
        sheet(shown).save(options.picture, quality=80)


if __name__ == "__main__":
    main()
