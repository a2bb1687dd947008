"""The built-in pair by backbones and methods, as much processor time for each: KID, and true pairs of unlike shapes.

    python benchmarks/emoji.py --out OUT [--rows demo convnext …] [--seconds 150] [--seeds 0 1 2]

Steps of each row are timed first, and its training gets as many images as fit into the seconds, so that its learning
rate ends where it should. Test emoji have true counterparts: the same glyph in the other style. A quarter of them,
whose outlines overlap least, are drawn in another shape, and distances to the counterparts are told of these alone,
too. Typed again, the command goes on; OUT/table.md is the table, OUT/emoji.png shows the pairs that differ most, and
each row's translations.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from seeds import Found, Picture, command, discriminator, found_before, generator, method, tell, trained, translated
from unpaired.compute.ranks import Ranks
from unpaired.config import Config
from unpaired.data import demo
from unpaired.data.decode import decode
from unpaired.data.files import default_cache_dir
from unpaired.evaluation.distances import kid
from unpaired.evaluation.features import LiteExtractor
from unpaired.methods import METHODS
from unpaired.presets import PRESETS
from unpaired.training.engine import Engine

SIDE, SHOWN = 64, 12


def published(config: Config) -> Config:
    """CycleGAN as it was published (ResNet-9 of width 64, batch 1), at this size."""
    paper = PRESETS["paper"]()
    return replace(paper, data=replace(paper.data, size=72, crop=SIDE), training=replace(config.training, batch=1))


ROWS: dict[str, Callable[[Config], Config]] = {
    "published": published,
    "resnet-9": generator(width=64, blocks=9),
    "demo": lambda config: config,
    "not residual": generator(residual=False),
    "convnext": generator(kind="convnext", width=16, blocks=2),
    "unet": generator(kind="unet", depth=5),
    "warp": generator(warp=16),
    "cut": method("cut"),
    "dclgan": method("dclgan"),
    "two pairs of eyes": discriminator(eyes=("lite1", "lite2")),
    "warm-up": lambda config: replace(config, loss=replace(config.loss, warm_up_images=400)),
    "patchgan": discriminator(kind="patchgan"),
    "patchgan, spectral": discriminator(kind="patchgan", spectral=True),
    "patchgan, R1": discriminator(kind="patchgan", r1=10.0),
    "multiscale": discriminator(kind="multiscale"),
}
"""What each makes of the preset `demo`."""


def main() -> None:
    parser = command(__doc__, ROWS)
    parser.add_argument("--seconds", type=float, default=150, help="of processor time, a row and seed")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    data = demo.unpack(default_cache_dir() / "demo")
    pairs = Pairs(data)
    path = options.out / "results.json"
    results = found_before(path)
    results["do nothing"] = {"": {"images": 0, **pairs.judged(pairs.flat, pairs.round)}}
    sheet = [pairs.flat, pairs.round]
    for name in options.rows:
        config = ROWS[name](PRESETS["demo"]())
        row = results.setdefault(name, {})
        images = int(next(iter(row.values()))["images"]) if row else images_in(options.seconds, config)
        for seed in options.seeds:
            run = options.out / "runs" / f"{name.replace(' ', '-')}-{seed}"
            trained(config, data / "trainA", data / "trainB", run, images=images, seed=seed)
            fakes = translated(run, "a2b", pairs.flat)
            back = translated(run, "b2a", pairs.round) if "b2a" in METHODS[config.method].translators else None
            row[str(seed)] = {"images": images, **pairs.judged(fakes, back)}
            path.write_text(json.dumps(results, indent=1))
            if seed == options.seeds[0]:
                sheet.append(fakes)
    shown = pairs.least_alike[:SHOWN]
    rows = [np.concatenate([pictures[i] for i in shown], axis=1) for pictures in sheet]
    Image.fromarray(np.concatenate(rows)).save(options.out / "emoji.png")
    tell(results, options.out)


class Pairs:
    """The test emoji, flat (A), and their counterparts, round (B)."""

    def __init__(self, data: Path) -> None:
        flat, round_ = (sorted((data / folder).iterdir()) for folder in ("testA", "testB"))
        self.flat, self.round = [decode(file) for file in flat], [decode(file) for file in round_]
        overlaps = [overlap(outline(x), outline(y)) for x, y in zip(flat, round_, strict=True)]
        self.least_alike = np.argsort(overlaps, kind="stable")[: len(overlaps) // 4]
        self.extractor = LiteExtractor()
        self.features = {"flat": self.extractor(self.flat), "round": self.extractor(self.round)}

    def judged(self, fakes: list[Picture], back: list[Picture] | None) -> Found:
        """How far translations are from B, and from their counterparts: of all, and where shapes differ; and how far
        translations the other way are from A."""
        features = self.extractor(fakes)
        away = np.linalg.norm(features - self.features["round"], axis=1)
        l1 = np.array([np.abs(x.astype(float) - y).mean() for x, y in zip(fakes, self.round, strict=True)])
        return {
            "KID A → B": kid(features, self.features["round"]),
            "KID B → A": float("nan") if back is None else kid(self.extractor(back), self.features["flat"]),
            "feature distance": float(away.mean()),
            "L1": float(l1.mean()),
            "feature distance, other shape": float(away[self.least_alike].mean()),
            "L1, other shape": float(l1[self.least_alike].mean()),
        }


def outline(file: Path) -> NDArray[np.bool_]:
    """Where an emoji is not transparent."""
    with Image.open(file) as opened:
        return np.array(opened.convert("RGBA"))[..., 3] > 127


def overlap(x: NDArray[np.bool_], y: NDArray[np.bool_]) -> float:
    return float((x & y).sum() / max(1, (x | y).sum()))


def images_in(seconds: float, config: Config, steps: int = 12) -> int:
    """How many images of each domain one thread trains on in that time: whole batches."""
    torch.set_num_threads(1)
    engine = Engine(METHODS[config.method](config), config, torch.device("cpu"), Ranks())
    batch = config.training.batch
    x = torch.randint(0, 256, (2, batch, 3, SIDE, SIDE), dtype=torch.uint8)
    taken: list[float] = []
    for step in range(steps):
        before = time.process_time()
        # A warm-up's steps are cheap, and soon over.
        engine.step(x[0], x[1], images=config.loss.warm_up_images + step * batch, rate=1.0)
        taken.append(time.process_time() - before)
    return batch * round(seconds / statistics.median(taken[2:]))


if __name__ == "__main__":
    main()
