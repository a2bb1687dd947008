"""Backgrounds that anybody may give away: hills under a sky, drawn from a seed."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]


def draw(folder: Path, count: int, side: int) -> Path:
    """Landscapes 0 to `count` - 1 as `folder`/NUMBER.png, those that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        file = folder / f"{number:04}.png"
        if not file.exists():
            Image.fromarray(landscape(number, side)).save(file)
    return folder


def landscape(number: int, side: int) -> NDArray[np.uint8]:
    """(side, side, 3): a sky with clouds and two to four ranges of hills, always the same for the same number."""
    rng = np.random.default_rng(number)
    height = np.linspace(1.0, 0.0, side)[:, None, None]
    sky = colour(rng, hue=(0.5, 0.68), saturation=(0.1, 0.6), value=(0.6, 1.0))
    haze = colour(rng, hue=(0.03, 0.15), saturation=(0.0, 0.4), value=(0.8, 1.0))
    picture = height * sky + (1 - height) * haze
    clouds = np.clip(cloudy((side, side), 1.6, rng), 0, 2)[..., None] * rng.uniform(0.05, 0.4)
    picture = clouds + (1 - clouds) * picture
    ranges = rng.integers(2, 5)
    for i in range(ranges):
        near = (i + 1) / ranges
        ridge = side * (0.3 + 0.5 * i / ranges) + side * 0.08 * cloudy((side,), 1.3, rng)
        ground = colour(rng, hue=(0.06, 0.42), saturation=(0.2, 0.7), value=(0.2, 0.7))
        ground = near * ground + (1 - near) * haze
        texture = 1 + near * 0.2 * cloudy((side, side), rng.uniform(0.7, 1.3), rng)[..., None]
        share = np.clip(np.arange(side)[:, None] - ridge + 0.5, 0, 1)[..., None]
        picture = (1 - share) * picture + share * ground * texture
    return (255 * picture.clip(0, 1) + 0.5).astype(np.uint8)


def colour(
    rng: np.random.Generator,
    *,
    hue: tuple[float, float],
    saturation: tuple[float, float],
    value: tuple[float, float],
) -> Floats:
    """(3,) RGB in 0…1, drawn between two ends each."""
    return np.array(colorsys.hsv_to_rgb(*(rng.uniform(*ends) for ends in (hue, saturation, value))))


def cloudy(shape: tuple[int, ...], roughness: float, rng: np.random.Generator) -> Floats:
    """Noise whose amplitude falls with frequency to this power, mean 0 and deviation 1."""
    frequency = np.sqrt(sum(f**2 for f in np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij", sparse=True)))
    frequency.flat[0] = np.inf  # no constant part
    made = np.fft.ifftn(np.fft.fftn(rng.standard_normal(shape)) / frequency**roughness).real
    return made / made.std()
