"""Pictures that wait on disk: measuring ten thousand takes no more memory than measuring ten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from unpaired.data.cache import default_cache_dir
from unpaired.errors import UserError
from unpaired.evaluation.features import Picture, Pictures, shape_of, stack

BLOCK = 64
"""Pictures that are held in memory together."""


def shelf(count: int, height: int, width: int) -> Picture:
    """Room for `count` pictures, uint8 (count, height, width, 3), in a nameless file that is mapped into memory.

    The file is gone with the array, however the program ends. Raises `UserError` where the disk has no room.
    """
    if not count:
        return np.empty((0, height, width, 3), np.uint8)
    folder = default_cache_dir()  # rather than the system's folder, which may be memory
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            file.truncate(count * height * width * 3)
            return np.memmap(file, np.uint8, "r+", shape=(count, height, width, 3))
    except OSError as error:
        raise UserError(f"{folder} has no room for the pictures to measure ({error.strerror}): free some.") from error


def blocks(pictures: Pictures, size: int = BLOCK) -> Iterator[Picture]:
    """All of `pictures` in turn, as arrays (up to `size`, H, W, 3) in memory."""
    for start in range(0, len(pictures), size):
        yield np.array(stack(pictures[start : start + size]))


def mapped(pictures: Pictures, change: Callable[[list[Picture]], Sequence[Picture]]) -> Picture:
    """`change` of all pictures, block by block, on a shelf.

    Raises `UserError` where `change` does not give one picture for each, or gives other sizes.
    """
    made: Picture | None = None
    done = 0
    for start in range(0, len(pictures), BLOCK):
        given = [np.asarray(picture) for picture in pictures[start : start + BLOCK]]
        new = change(given)
        if len(new) != len(given):
            raise UserError(f"{len(given)} pictures were translated into {len(new)}: not one each.")
        if made is None:
            height, width, _ = shape_of(new)
            made = shelf(len(pictures), height, width)
        made[done : done + len(given)] = stack(new)
        done += len(given)
    return shelf(0, 1, 1) if made is None else made


def read_all(
    files: Sequence[Path], read: Callable[[Path], Picture], unreadable: list[tuple[Path, str]]
) -> tuple[list[Path], Picture]:
    """The files that can be read and their pictures, on a shelf; the others are added to `unreadable`, with reasons.

    Raises `UserError` where none can be read.
    """
    whole: list[Path] = []
    pictures: Picture | None = None
    for path in files:
        try:
            picture = read(path)
        except UserError as error:
            unreadable.append((path, str(error)))
            continue
        if pictures is None:
            pictures = shelf(len(files), *picture.shape[:2])
        pictures[len(whole)] = picture
        whole.append(path)
    if pictures is None:
        path, why = unreadable[-1]
        raise UserError(f"None of the {len(files)} pictures in {path.parent} can be read: {why}")
    return whole, pictures[: len(whole)]
