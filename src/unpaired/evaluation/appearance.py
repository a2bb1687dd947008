"""Distances between two collections of pictures in colour and in spectrum: no network takes part.

- colour: how far the colours of one collection have to move to become those of the other (sliced Wasserstein-1
  distance of pixels in CIE Lab), wherever in a picture they are.
- spectrum: how the power of details of each size differs (azimuthally averaged power spectrum of luminance, as in
  Durall et al. 2020, "Watch your up-convolution", section 3). Blur, noise and checkerboards show in it.
"""

from __future__ import annotations

import numpy as np
import torch

from unpaired.data.decode import LUMINANCE
from unpaired.evaluation.distances import Array
from unpaired.evaluation.pictures import Pictures, blocks, shape_of
from unpaired.networks.colour import to_lab

PIXELS = 65536
"""Pixels of each collection whose colours are compared."""
_DIRECTIONS = 32


def colour_distance(x: Pictures, y: Pictures, *, seed: int = 0) -> float:
    """In units of CIE Lab (100 from black to white; 2 is just visible), the mean over directions in colour space.

    `PIXELS` of each collection, spread evenly over its pictures, stand for it. One seed, one result.
    """
    rng = np.random.default_rng(seed)
    axes = rng.standard_normal((3, _DIRECTIONS))
    axes /= np.linalg.norm(axes, axis=0)
    p, q = (np.sort(_colours(z, rng) @ axes, axis=0) for z in (x, y))
    return float(np.abs(p - q).mean())


def _colours(pictures: Pictures, rng: np.random.Generator) -> Array:
    """(PIXELS, 3) colours in Lab."""
    height, width, _ = shape_of(pictures)
    shares = np.bincount(np.arange(PIXELS) * len(pictures) // PIXELS, minlength=len(pictures))
    found, done = np.empty((PIXELS, 3), np.uint8), 0
    for picture, share in zip(pictures, shares.tolist(), strict=True):
        found[done : done + share] = picture.reshape(-1, 3)[rng.integers(0, height * width, share)]
        done += share
    rgb = torch.from_numpy(found).double() / 127.5 - 1
    return to_lab(rgb.T[None, :, :, None])[0, :, :, 0].T.numpy()


def spectrum(pictures: Pictures) -> Array:
    """Mean power of luminance (0…1) in dB at 0, 1, 2, … cycles a side, up to half the shorter side in px.

    The border is faded out (Hann window), so that its jump from right to left counts for nothing.
    """
    height, width, _ = shape_of(pictures)
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    radius = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width) * width).round().astype(int)
    rings = min(height, width) // 2 + 1
    inside = radius < rings
    total = np.zeros(rings)
    for block in blocks(pictures):
        grey = block @ np.array(LUMINANCE) / 255
        power = np.abs(np.fft.rfft2((grey - grey.mean(axis=(1, 2), keepdims=True)) * window)) ** 2
        total += np.bincount(radius[inside], power.sum(axis=0)[inside], minlength=rings)
    mean = total / np.bincount(radius[inside], minlength=rings) / len(pictures) / (height * width)
    # One step of 8 bits is −48 dB; below −100 dB nothing is there to be compared.
    return 10 * np.log10(mean.clip(min=1e-10))


def spectrum_distance(x: Pictures, y: Pictures) -> float:
    """Root mean square difference of the two spectra in dB, over all frequencies but 0."""
    return float(np.sqrt(np.square(spectrum(x) - spectrum(y))[1:].mean()))
