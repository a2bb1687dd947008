"""What a translation changed in a picture, as a picture: dark where it is as before, bright where it is another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from unpaired.data.decode import decode
from unpaired.data.files import not_written, replacing
from unpaired.errors import UserError
from unpaired.evaluation.pictures import Picture
from unpaired.networks.colour import to_lab

MOST = 60.0
"""Difference of colours in CIE Lab at which the map is brightest; 2 is just visible, 100 is from black to white."""
_STOPS = np.array([(0, 0, 0), (60, 15, 110), (185, 55, 85), (250, 150, 40), (255, 250, 200)], np.float64)


def changes(before: Picture, after: Picture) -> NDArray[np.float32]:
    """Distance of the colours of two uint8 pictures (H, W, 3) in CIE Lab (ΔE of 1976), pixel by pixel: (H, W).

    Raises `UserError` where they differ in size.
    """
    if before.shape != after.shape:
        raise UserError(
            f"Pictures of {before.shape[1]}×{before.shape[0]} and {after.shape[1]}×{after.shape[0]} px cannot be "
            "compared pixel by pixel."
        )
    a, b = (to_lab(torch.from_numpy(np.array(p)).permute(2, 0, 1)[None].float() / 127.5 - 1) for p in (before, after))
    return (a - b).square().sum(dim=1).sqrt()[0].numpy()


def change_map(before: Picture, after: Picture) -> Picture:
    """`changes` as a uint8 picture (H, W, 3), from black (nothing) over violet and orange to pale yellow (`MOST`)."""
    place = np.clip(changes(before, after) / MOST, 0, 1) * (len(_STOPS) - 1)
    stops = np.arange(len(_STOPS))
    return np.stack([np.interp(place, stops, _STOPS[:, c]) for c in range(3)], axis=2).round().astype(np.uint8)


def write_change_map(before: Path, after: Path, target: Path) -> None:
    """The map of two picture files as a PNG file. Transparent parts are seen over white.

    Raises `UserError` where one can't be read, is not of 8 bits, sizes differ, or `target` can't be written; `DiskFull`
    where there is no room.
    """
    made = change_map(*map(_eight_bits, (before, after)))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            Image.fromarray(made).save(file, "PNG")
    except OSError as error:
        raise not_written(target, error) from error


def _eight_bits(path: Path) -> Picture:
    picture = decode(path)
    if picture.dtype != np.uint8 or picture.shape[2] != 3:
        raise UserError(f"{path} is not a colour or grey picture of 8 bits, which a map of changes is made of.")
    return picture
