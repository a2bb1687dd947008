"""Emoji on streets: pictures whose background is known, each with the mask of what is to be translated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unpaired.data.demo import unpack
from unpaired.data.discover import discover

SIDE = 64
STREETS = 2000
"""Backgrounds needed, so that each folder has its own."""
SIDES = (28, 45)
"""Of an emoji: from the first to below the second, in px."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """A picture (SIDE, SIDE, 3), its mask (SIDE, SIDE), 255 where the emoji hides the street, and the emoji's box."""

    picture: Picture
    mask: Picture
    box: tuple[slice, slice]

    def foreground(self, picture: Picture) -> Picture:
        """What `picture` shows of the emoji, on white, (SIDE, SIDE, 3)."""
        share = self.mask[self.box][..., None] / 255
        cut = np.rint(share * picture[self.box] + (1 - share) * 255).astype(np.uint8)
        return np.array(Image.fromarray(cut).resize((SIDE, SIDE), Image.Resampling.BICUBIC))

    def background_change(self, picture: Picture) -> float:
        """Mean absolute difference of `picture` to this one where the street shows, 0 to 255."""
        return self._change(picture, self.mask == 0)

    def foreground_change(self, picture: Picture) -> float:
        """The same where the emoji is."""
        return self._change(picture, self.mask > 0)

    def _change(self, picture: Picture, where: NDArray[np.bool_]) -> float:
        return float(np.abs(picture.astype(np.int16) - self.picture.astype(np.int16))[where].mean())


def pasted(street: Image.Image, emoji: Image.Image, rng: np.random.Generator) -> Scene:
    """`emoji` (RGBA) in a random size at a random place of `street`, mirrored half of the time."""
    side = int(rng.integers(*SIDES))
    top, left = (int(rng.integers(SIDE - side + 1)) for _ in range(2))
    small = emoji.resize((side, side), Image.Resampling.BICUBIC)
    values = np.array(street.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    if rng.random() < 0.5:
        values = np.ascontiguousarray(values[:, ::-1])
    box = slice(top, top + side), slice(left, left + side)
    alpha = np.array(small.getchannel("A"))
    share = alpha[..., None] / 255
    values[box] = np.rint(share * np.array(small.convert("RGB")) + (1 - share) * values[box])
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[box] = alpha
    return Scene(values, mask, box)


def scenes(emoji: Path, streets: list[Path], seed: int) -> dict[str, Scene]:
    """One scene for each emoji of a folder, by its name; each on another street, drawn from `streets`."""
    rng = np.random.default_rng(seed)
    found = discover(emoji).files
    order = rng.permutation(len(streets))
    made: dict[str, Scene] = {}
    for i, path in enumerate(found):
        with Image.open(path) as drawing, Image.open(streets[order[i % len(order)]]) as street:
            made[path.stem] = pasted(street, drawing.convert("RGBA"), rng)
    return made


def write(photos: Path, out: Path) -> dict[str, dict[str, Scene]]:
    """trainA, trainB, testA and testB in `out`, the masks in trainA-masks, …; no street is in two of them.

    Returns the scenes by folder.
    """
    demo = unpack(out / "emoji")
    streets = list(discover(photos).files)
    folders = ("trainA", "trainB", "testA", "testB")
    if len(streets) < STREETS:
        raise SystemExit(f"{photos} holds {len(streets)} photos: {STREETS} are needed so that each folder has its own.")
    made: dict[str, dict[str, Scene]] = {}
    for number, folder in enumerate(folders):
        made[folder] = scenes(demo / folder, streets[number :: len(folders)], number)
        for kind in (folder, f"{folder}-masks"):
            (out / kind).mkdir(exist_ok=True)
        for name, scene in made[folder].items():
            Image.fromarray(scene.picture).save(out / folder / f"{name}.png")
            Image.fromarray(scene.mask).save(out / f"{folder}-masks" / f"{name}.png")
    return made
