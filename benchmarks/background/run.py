"""What is not of the domain stays: emoji on backgrounds, of which only the emoji are to change.

    python benchmarks/background/run.py [PHOTOS] --out OUT [--rows plain attention …] [--images 2400] [--seed 0]

A is flat emoji pasted on street photos, B is 3D emoji on others; without PHOTOS, backgrounds are drawn landscapes. Each
row is trained on as many images and judged on the way A → B. Typed again, the command goes on; OUT/table.md is the
table, and OUT/background.webp shows inputs and each row's translations, with maps of attention.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from landscapes import draw
from scenes import SIDE, STREETS, Picture, Scene, write

import unpaired
from unpaired.config import Config
from unpaired.data.grid import preview_grid, spread
from unpaired.data.picture import Picture as Pages
from unpaired.evaluation.distances import kid
from unpaired.evaluation.features import LiteExtractor
from unpaired.presets import demo
from unpaired.run import checkpoint, checkpoints
from unpaired.translation.composite import laid_over

SHOWN = 6


def generator(**values: Any) -> Callable[[Config], Config]:
    """A row's generator."""
    return lambda config: replace(config, generator=replace(config.generator, **values))


MASKED = ("masks", "not-residual-masks")
ROWS: dict[str, Callable[[Config], Config]] = {
    "not-residual": generator(residual=False),
    "not-residual-attention": generator(residual=False, attention=True),
    "not-residual-masks": generator(residual=False),
    "plain": generator(),
    "attention": generator(attention=True),
    "masks": generator(),
}
"""CycleGAN as published, whose generator paints all anew, and plain, where it adds to its input; each with learnt
attention, and trained with masks and an outside-mask loss."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", help="backgrounds, 2,000 or more; drawn if not given")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=ROWS)
    parser.add_argument("--images", type=int, default=2400, help="of each domain seen, a row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    data = options.out / "scenes"
    data.mkdir(parents=True, exist_ok=True)
    made = write(options.photos or draw(options.out / "landscapes", STREETS, SIDE), data)
    judge = Judge([*made["testA"].values()], [*made["testB"].values()])
    path = options.out / "results.json"
    results: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}
    pictures = [scene.picture for scene in judge.inputs]
    results["do nothing"] = judge(pictures)
    shown = spread(pictures, SHOWN)
    captions, columns = ["input"], [shown]
    for name in options.rows:
        run = trained(name, options, data)
        translator = unpaired.Translator.load(run, direction="a2b", checkpoint="latest", device=options.device)
        fakes = translator.translate_arrays(pictures)
        newest = checkpoints.latest(run)
        assert newest is not None
        images = {"images": checkpoint.read(newest).manifest.images}
        results[name] = judge(fakes) | images
        # Whatever it was trained with, masks may be given in translation.
        masked = composites(judge.inputs, fakes)
        results[f"{name}, masks in translation"] = judge(masked) | images
        captions.append(name)
        columns.append(spread(fakes, SHOWN))
        if name in MASKED:
            captions.append("in translation, too")
            columns.append(spread(masked, SHOWN))
        if translator.config.generator.attention:
            captions.append("its map")
            columns.append(translator.attention().translate_arrays(shown))
        path.write_text(json.dumps(results, indent=1))
    preview_grid(columns, captions).save(options.out / "background.webp", quality=85)
    text = table(results)
    (options.out / "table.md").write_text(text)
    print(text)


def trained(name: str, options: argparse.Namespace, data: Path) -> Path:
    """The run of a row, trained to its end."""
    run = options.out / "runs" / name
    if checkpoints.latest(run) is not None:
        return unpaired.resume(run, images=options.images)
    base = demo()
    training = replace(
        base.training, seed=options.seed, device=options.device, minutes=None, images=options.images, held_out=0,
        preview_minutes=1e6,
    )  # fmt: skip
    # As the demo, but the crop is the picture, the way back is learnt as the way there, and streets have many colours.
    config = replace(
        base, data=replace(base.data, size=64, colours_a=0), loss=replace(base.loss, lambda_b=3.0), training=training
    )
    masks: dict[str, Any] = {}
    if name in MASKED:
        masks = {"masks_a": data / "trainA-masks", "masks_b": data / "trainB-masks"}
    return unpaired.train(
        data / "trainA", data / "trainB", out=run, config=ROWS[name](config), test_a=data / "testA",
        test_b=data / "testB", **masks,
    )  # fmt: skip


class Judge:
    """How much of the street changed, and how far the emoji are from real ones of B."""

    def __init__(self, inputs: list[Scene], reals: list[Scene]) -> None:
        self.inputs = inputs
        self.extractor = LiteExtractor()
        self.reals = self.extractor([scene.foreground(scene.picture) for scene in reals])

    def __call__(self, fakes: list[Picture]) -> dict[str, float]:
        pairs = list(zip(self.inputs, fakes, strict=True))
        features = self.extractor([scene.foreground(fake) for scene, fake in pairs])
        return {
            "background change": float(np.mean([scene.background_change(fake) for scene, fake in pairs])),
            "foreground change": float(np.mean([scene.foreground_change(fake) for scene, fake in pairs])),
            "foreground KID": kid(features, self.reals),
        }


def composites(inputs: list[Scene], fakes: list[Picture]) -> list[Picture]:
    """What `unpaired translate --masks` makes of them."""
    return [
        laid_over(Pages(fake[None]), Pages(scene.picture[None]), scene.mask[None, :, :, None]).pages[0]
        for scene, fake in zip(inputs, fakes, strict=True)
    ]


def table(results: dict[str, dict[str, float]]) -> str:
    """Markdown."""
    lines = ["| | background change | foreground change | foreground KID × 1000 | images |", "|---|---|---|---|---|"]
    for name, found in results.items():
        images = f"{found['images']:,}" if "images" in found else ""
        lines.append(
            f"| {name} | {found['background change']:.2f} | {found['foreground change']:.1f} | "
            f"{1000 * found['foreground KID']:.1f} | {images} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
