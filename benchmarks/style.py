"""How painted `unpaired style` paints, by its defaults and otherwise: a way to paint a row, and a picture of them.

    python benchmarks/style.py PHOTO PAINTING OTHER [--size 512] [--rows default …] [--picture FILE]

Distances are the losses of style transfer, relative to what is aimed at: how far a result's Gram matrices are from the
painting's, and its maps from the photo's. They are seen through eyes that did not paint (EfficientNet-Lite0), at 384 px
and at a quarter of it, where long strokes and places of one colour show. Seconds are those of one thread's processor.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from unpaired.data.decode import decode
from unpaired.data.grid import preview_grid
from unpaired.evaluation.features import to_tensor
from unpaired.losses.perceptual import content_loss, gram, style_loss
from unpaired.networks.perceptual import Perceptual, load_perceptual
from unpaired.style.options import StyleOptions
from unpaired.style.transfer import stylise

Picture = NDArray[np.uint8]
JUDGED = (384, 96)
"""Pixels of the longer side at which results are looked at."""
WIDTH = 280
"""Of a picture in the sheet."""
BOTH = "both paintings"
SHOWN = (BOTH, "default", "--begin-size 512", "--colours luminance", "--colours histogram")
"""Rows that the sheet shows."""
ROWS = {
    "default": StyleOptions(),
    "--steps 100": StyleOptions(steps=100),
    "--begin-size 512": StyleOptions(begin_size=512),
    "--begin-size 512 --style-weight 100": StyleOptions(begin_size=512, style_weight=100),
    "--style-weight 100": StyleOptions(style_weight=100),
    "--colours luminance": StyleOptions(colours="luminance"),
    "--colours histogram": StyleOptions(colours="histogram"),
    BOTH: StyleOptions(),
}


def distances(eyes: Perceptual, made: Picture, photo: Picture, painting: Picture, side: int) -> tuple[float, float]:
    """Of `made` to the style of the painting, and to the content of the photo."""
    with torch.no_grad():
        maps = [eyes.maps(to_tensor(resized(p, side)[None]), (*eyes.content, *eyes.style)) for p in
                (made, photo, painting)]  # fmt: skip
    shown, count = [m[: len(eyes.content)] for m in maps], len(eyes.content)
    painted = [[gram(x) for x in m[count:]] for m in maps]
    return style_loss(painted[0], painted[2]).item(), content_loss(shown[0], shown[1]).item()


def resized(picture: Picture, side: int) -> Picture:
    """With `side` pixels on its longer side."""
    image = Image.fromarray(picture)
    share = side / max(image.size)
    size = round(image.width * share), round(image.height * share)
    return np.array(image.resize(size, Image.Resampling.LANCZOS))


def sheet(photo: Picture, painting: Picture, other: Picture, made: dict[str, Picture]) -> Image.Image:
    """What went in, and below it what came out, four pictures a row, all cut to the shape of the photo."""
    cells = {"photo": photo, "painting": painting, "other painting": other}
    cells |= {name: made[name] for name in SHOWN if name in made}
    size = WIDTH, round(WIDTH * photo.shape[0] / photo.shape[1])
    cut = {name: np.array(ImageOps.fit(Image.fromarray(p), size)) for name, p in cells.items()}
    names = list(cells)
    rows = [preview_grid([[cut[name]] for name in row], row, scale=1, gap=8)
            for row in (names[i : i + 4] for i in range(0, len(names), 4))]  # fmt: skip
    made_of = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), rows[0].getpixel((0, 0)))
    for index, row in enumerate(rows):
        made_of.paste(row, (0, sum(above.height for above in rows[:index])))
    return made_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("painting", type=Path)
    parser.add_argument("other", type=Path, help=f"the second painting of the row '{BOTH}'")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--eyes", default="lite1")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--picture", type=Path, help="a file for what went in and what came out")
    options = parser.parse_args()
    photo, painting, other = (decode(path) for path in (options.photo, options.painting, options.other))
    judge, made = load_perceptual("lite0"), dict[str, Picture]()
    print("| |", " | ".join(f"to the style, {side} px | to the content" for side in JUDGED), "| s |")
    print("|---" * (2 + 2 * len(JUDGED)) + "|")

    def row(name: str, picture: Picture, seconds: str) -> None:
        found = (x for side in JUDGED for x in distances(judge, picture, photo, painting, side))
        print(f"| {name} |", " | ".join(f"{x:.2f}" for x in found), f"| {seconds} |", flush=True)

    row("the photo", photo, "")
    for name in options.rows:
        begun = time.process_time()
        styles = [painting, other] if name == BOTH else [painting]
        chosen = replace(ROWS[name], size=options.size, eyes=options.eyes, device="cpu")
        made[name] = stylise(photo, styles, chosen)
        row(name, made[name], f"{time.process_time() - begun:.0f}")
    if options.picture:
        sheet(photo, painting, other, made).save(options.picture, quality=80)


if __name__ == "__main__":
    main()
