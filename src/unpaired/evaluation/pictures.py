"""Collections of pictures: in memory as arrays, from files and through functions onto shelves, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.shelf import BLOCK, Shelf
from unpaired.text import counted

Picture = NDArray[np.uint8]
"""(H, W, 3), 0…255."""
Pictures = Sequence[Picture] | Picture
"""A list of pictures, one array (N, H, W, 3), or a `Collection`."""
Values = NDArray[np.float64]
"""(N,), one for each picture or pair."""


def stack(pictures: Pictures) -> Picture:
    """Pictures of one size as one array (N, H, W, 3); `UserError` where sizes, channels or type differ."""
    if not len(pictures):
        return np.empty((0, 0, 0, 3), np.uint8)
    shape_of(pictures)
    return pictures if isinstance(pictures, np.ndarray) else np.stack(list(pictures))


def shape_of(pictures: Pictures) -> tuple[int, int, int]:
    """(H, W, 3) of all of them; `UserError` where there are none, or sizes, channels or type differ."""
    if not len(pictures):
        raise UserError("There are no pictures to measure.")
    # A list may hold anything; arrays and collections hold pictures of one shape.
    some = pictures if isinstance(pictures, list | tuple) else pictures[:1]
    shapes = sorted({tuple(int(s) for s in picture.shape) for picture in some})
    kinds = {picture.dtype for picture in some}
    if len(shapes) > 1:
        a, b = (f"{s[1]}×{s[0]}" for s in shapes[:2])
        raise UserError(f"Pictures of different sizes ({a} and {b} px) cannot be measured together: resize them.")
    shape = shapes[0]
    if len(shape) != 3 or shape[2] != 3 or any(kind != np.uint8 for kind in kinds):
        raise UserError(
            f"Pictures to measure are 8-bit RGB arrays (height, width, 3), but one is {kinds.pop()} of shape {shape}."
        )
    return shape[0], shape[1], 3


def blocks(pictures: Pictures, size: int = BLOCK) -> Iterator[Picture]:
    """All of `pictures` in turn, as arrays (up to `size`, H, W, 3) in memory."""
    for start in range(0, len(pictures), size):
        yield stack(pictures[start : start + size])


def mapped(pictures: Sequence[NDArray[Any]], change: Callable[[list[NDArray[Any]]], Sequence[NDArray[Any]]]) -> Shelf:
    """`change` of all pictures, block by block. They may have any type and bands.

    Raises `UserError` where `change` does not give one picture for each, or gives other sizes.
    """
    made: Shelf | None = None
    for start in range(0, len(pictures), BLOCK):
        given = list(pictures[start : start + BLOCK])
        new = change(given)
        if len(new) != len(given):
            raise UserError(
                f"{counted(len(given), 'picture')} became {counted(len(new), 'translation')}: not one each."
            )
        if made is None:
            made = Shelf(new[0].shape, new[0].dtype)
        if any(picture.shape != made.shape[1:] for picture in new):
            raise UserError("Translations of pictures of one size have different sizes: they can't be measured.")
        made.append(np.stack(list(new)))
    return Shelf.of(()) if made is None else made


def read_all(
    files: Sequence[Path],
    read: Callable[[Path], NDArray[Any] | list[NDArray[Any]]],
    unreadable: list[tuple[Path, str]],
) -> tuple[list[Path], Shelf]:
    """The files that can be read, as often as they have pages, and these on a shelf; the others are added to
    `unreadable`, with reasons.

    Raises `UserError` where none can be read.
    """
    whole: list[Path] = []
    shelf: Shelf | None = None
    for path in files:
        try:
            found = read(path)
        except UserError as error:
            unreadable.append((path, str(error)))
            continue
        pages = np.stack(found) if isinstance(found, list) else found[None]
        if shelf is None:
            shelf = Shelf(pages.shape[1:], pages.dtype)
        shelf.append(pages)
        whole += [path] * len(pages)
    if shelf is None:
        path, why = unreadable[-1]
        raise UserError(f"Of {counted(len(files), 'picture')} in {path.parent} none can be read: {why}")
    return whole, shelf
