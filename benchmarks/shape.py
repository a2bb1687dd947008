"""Shape must change: B is A in another shape, and it is known which.

    python benchmarks/shape.py --out OUT [--change squeeze] [--rows cyclegan cut …] [--images 1600] [--seeds 0 1 2]

A is flat emoji at 32 px on white, B other flat emoji squeezed to 0.6 of their width, or narrower and leaning to the
right (`--change lean`): nothing but the geometry differs. Names of the two share no glyph, so nothing says how one
should look. A test emoji's true counterpart is itself, changed. Each row is trained on as many pictures. Typed again,
the command goes on; OUT/table.md is the table and OUT/shape.png shows inputs, each row's translations, and the true
counterparts.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seeds import Picture, command, found_before, generator, method, tell, trained, translated
from unpaired.config import Config
from unpaired.data import demo
from unpaired.data.files import default_cache_dir
from unpaired.data.grid import preview_grid, spread
from unpaired.evaluation.distances import kid
from unpaired.evaluation.features import LiteExtractor
from unpaired.presets import fast

SIDE, SHOWN = 32, 7
CHANGES: dict[str, tuple[float, float]] = {"squeeze": (0.6, 0.0), "lean": (0.75, 0.25)}
"""What B is of A: its width, and how far its top stands to the right of its bottom, both as shares of the height."""


def loss(**values: Any) -> Callable[[Config], Config]:
    return lambda config: replace(config, loss=replace(config.loss, **values))


ROWS: dict[str, Callable[[Config], Config]] = {
    "cyclegan": lambda config: config,
    "residual": generator(residual=True),
    "lambda-1": loss(lambda_a=1.0, lambda_b=1.0),
    "cycle-floor-0": loss(cycle_floor=0.0),
    "cycle-coarse-4": loss(cycle_coarse=4),
    "convnext": generator(kind="convnext", width=16, blocks=4),
    "unet": generator(kind="unet", depth=5),
    "warp": generator(residual=True, warp=16),
    "cut": method("cut"),
    "dclgan": method("dclgan"),
}


def main() -> None:
    parser = command(__doc__, ROWS)
    parser.add_argument("--change", choices=list(CHANGES), default="squeeze")
    parser.add_argument("--images", type=int, default=1600, help="of each domain seen, a row and seed")
    options = parser.parse_args()
    inputs, truth = write(options.out / "data", CHANGES[options.change])
    extractor = LiteExtractor()
    reals = extractor(truth)
    path = options.out / "results.json"
    results = found_before(path)
    results["do nothing"] = {"": judged(inputs, truth, extractor, reals)}
    columns = {"input": spread(inputs, SHOWN)}
    for name in options.rows:
        for seed in options.seeds:
            run = options.out / "runs" / f"{name}-{seed}"
            config, folders = configured(name, options.change), [options.out / "data" / f"train{d}" for d in "AB"]
            trained(config, *folders, run, images=options.images, seed=seed)
            fakes = translated(run, "a2b", inputs)
            results.setdefault(name, {})[str(seed)] = judged(fakes, truth, extractor, reals)
            path.write_text(json.dumps(results, indent=1))
            if seed == options.seeds[0]:
                columns[name] = spread(fakes, SHOWN)
    columns["truth"] = spread(truth, SHOWN)
    preview_grid(list(columns.values()), list(columns)).save(options.out / "shape.png")
    tell(results, options.out)


def write(data: Path, change: tuple[float, float]) -> tuple[list[Picture], list[Picture]]:
    """trainA and trainB, of different glyphs; the test inputs and their true counterparts."""
    emoji = demo.unpack(default_cache_dir() / "demo")
    for number, folder in enumerate(("trainA", "trainB")):
        (data / folder).mkdir(parents=True, exist_ok=True)
        for file in sorted((emoji / "trainA").iterdir())[number::2]:
            picture = on_white(file, *(change if folder == "trainB" else ()))
            Image.fromarray(picture).save(data / folder / f"{file.stem}.png")
    tests = sorted((emoji / "testA").iterdir())
    return [on_white(file) for file in tests], [on_white(file, *change) for file in tests]


def on_white(file: Path, width: float = 1.0, lean: float = 0.0) -> Picture:
    """(SIDE, SIDE, 3): the emoji on white, in the middle, this share as wide as high, and leaning to the right."""
    with Image.open(file) as opened:
        small = opened.convert("RGBA").resize((round(SIDE * width), SIDE), Image.Resampling.BICUBIC)
    canvas = Image.new("RGBA", (SIDE, SIDE), (255, 255, 255, 0))
    canvas.paste(small, ((SIDE - small.width) // 2, 0))
    if lean:  # each row is taken from as far to the left as it is above the middle
        back = (1, lean, -lean * SIDE / 2, 0, 1, 0)
        canvas = canvas.transform(canvas.size, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC)
    white = Image.new("RGBA", (SIDE, SIDE), "white")
    return np.array(Image.alpha_composite(white, canvas).convert("RGB"))


def configured(name: str, change: str) -> Config:
    base = fast()
    return ROWS[name](
        replace(
            base,
            data=replace(base.data, size=SIDE, crop=SIDE, flip=change != "lean"),  # mirrored, it leans to the left
            generator=replace(base.generator, width=24, blocks=4),
            discriminator=replace(base.discriminator, view=64),
            nce=replace(base.nce, layers=(0, 1, 2, 3, 6)),
        )
    )


def judged(fakes: list[Picture], truth: list[Picture], extractor: LiteExtractor, reals: Any) -> dict[str, float]:
    """How far translations are from the true counterparts, and from B."""
    pairs = list(zip(fakes, truth, strict=True))
    features = extractor(fakes)
    return {
        "silhouette IoU": statistics.fmean(iou(silhouette(fake), silhouette(true)) for fake, true in pairs),
        "L1": statistics.fmean(float(np.abs(fake.astype(float) - true).mean()) for fake, true in pairs),
        "feature distance": float(np.linalg.norm(features - reals, axis=1).mean()),
        "KID": kid(features, reals),
    }


def silhouette(picture: Picture) -> NDArray[np.bool_]:
    """Where a picture is not white."""
    return (picture.astype(int) < 235).any(axis=-1)


def iou(x: NDArray[np.bool_], y: NDArray[np.bool_]) -> float:
    return float((x & y).sum() / max(1, (x | y).sum()))


if __name__ == "__main__":
    main()
