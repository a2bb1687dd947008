"""What `--smooth` does to a film: flicker where nothing moves, and sharpness where something does.

    python benchmarks/flicker.py RUN [--direction a2b] [--smooth 0.8] [--frames 24]

The film is made here, so that it is known where nothing moves: a still, textured background with the noise of a sensor
(standard deviation 2 of 255), over which a smaller textured picture glides by 3 px a frame.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unpaired.translation.steady import Steady
from unpaired.translation.translator import Translator

HEIGHT, WIDTH, SIDE, SPEED, NOISE = 128, 192, 48, 3, 2.0


def texture(random: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    """Soft spots of a few pixels and of many."""
    layers = []
    for cell in (4, 16, 64):
        rough = random.integers(0, 256, (height // cell + 2, width // cell + 2, 3), np.uint8)
        layers.append(np.asarray(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC), float))
    return np.mean(layers, axis=0)


def film(frames: int) -> tuple[list[NDArray[np.uint8]], NDArray[np.bool_], list[tuple[slice, slice]]]:
    """Frames, where nothing ever moves (with 12 px of distance), and where the gliding picture is."""
    random = np.random.default_rng(0)
    ground, piece = texture(random, HEIGHT, WIDTH), texture(random, SIDE, SIDE) * 0.5 + 100
    still, places, shown = np.ones((HEIGHT, WIDTH), bool), [], []
    top = (HEIGHT - SIDE) // 2
    for n in range(frames):
        left = 10 + SPEED * n
        picture = ground.copy()
        picture[top : top + SIDE, left : left + SIDE] = piece
        still[top - 12 : top + SIDE + 12, max(0, left - 12) : left + SIDE + 12] = False
        places.append((slice(top, top + SIDE), slice(left, left + SIDE)))
        shown.append((picture + random.normal(0, NOISE, picture.shape)).clip(0, 255).astype(np.uint8))
    return shown, still, places


def flicker(made: list[NDArray[np.uint8]], still: NDArray[np.bool_]) -> float:
    """Mean difference of one frame to the next where nothing moves, in steps of 255."""
    return float(np.mean([np.abs(b[still].astype(float) - a[still]).mean() for a, b in pairwise(made)]))


def sharpness(made: list[NDArray[np.uint8]], places: list[tuple[slice, slice]]) -> float:
    """Mean slope from pixel to pixel in what moves: blur and trails lower it."""
    return float(
        np.mean([np.abs(np.diff(m[p].astype(float), axis=1)).mean() for m, p in zip(made, places, strict=True)])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--direction", default="a2b", choices=["a2b", "b2a"])
    parser.add_argument("--smooth", type=float, default=0.8)
    parser.add_argument("--frames", type=int, default=24)
    options = parser.parse_args()
    translator = Translator.load(options.run, direction=options.direction)
    shown, still, places = film(options.frames)
    raw = translator.translate_arrays(shown)
    steady = Steady(options.smooth)
    steadied = [steady(x, y) for x, y in zip(shown, raw, strict=True)]
    moved = np.mean([np.abs(a[p].astype(float) - b[p]).mean() for a, b, p in zip(raw, steadied, places, strict=True)])
    print(f"the film itself     flicker {flicker(shown, still):.2f}  sharpness {sharpness(shown, places):.2f}")
    print(f"translated          flicker {flicker(raw, still):.2f}  sharpness {sharpness(raw, places):.2f}")
    print(f"with --smooth {options.smooth:<5} flicker {flicker(steadied, still):.2f}  sharpness "
          f"{sharpness(steadied, places):.2f}  (what moves differs by {moved:.2f} from before)")  # fmt: skip


if __name__ == "__main__":
    main()
