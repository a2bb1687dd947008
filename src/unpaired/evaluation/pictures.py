"""Pictures that wait on disk: measuring ten thousand takes no more memory than measuring ten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.data.files import default_cache_dir
from unpaired.errors import UserError
from unpaired.evaluation.features import Picture, Pictures, stack
from unpaired.text import counted

BLOCK = 64
"""Pictures that are held in memory together."""


def shelf(
    count: int,
    height: int,
    width: int,
    bands: int = 3,
    dtype: np.dtype[Any] = np.dtype(np.uint8),  # noqa: B008
) -> NDArray[Any]:
    """Room for `count` pictures, (count, height, width, bands), in a nameless file that is mapped into memory.

    The file is gone with the array, however the program ends. Raises `UserError` where the disk has no room.
    """
    if not count:
        return np.empty((0, height, width, bands), dtype)
    folder = default_cache_dir()  # rather than the system's folder, which may be memory
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            file.truncate(count * height * width * bands * dtype.itemsize)
            return np.memmap(file, dtype, "r+", shape=(count, height, width, bands))
    except OSError as error:
        raise UserError(f"{folder} has no room for the pictures to measure ({error.strerror}): free some.") from error


def blocks(pictures: Pictures, size: int = BLOCK) -> Iterator[Picture]:
    """All of `pictures` in turn, as arrays (up to `size`, H, W, 3) in memory."""
    for start in range(0, len(pictures), size):
        yield np.array(stack(pictures[start : start + size]))


def mapped(
    pictures: Sequence[NDArray[Any]] | NDArray[Any], change: Callable[[list[NDArray[Any]]], Sequence[NDArray[Any]]]
) -> NDArray[Any]:
    """`change` of all pictures, block by block, on a shelf. They may have any type and bands.

    Raises `UserError` where `change` does not give one picture for each, or gives other sizes.
    """
    made: NDArray[Any] | None = None
    done = 0
    for start in range(0, len(pictures), BLOCK):
        given = [np.asarray(picture) for picture in pictures[start : start + BLOCK]]
        new = change(given)
        if len(new) != len(given):
            raise UserError(
                f"{counted(len(given), 'picture')} became {counted(len(new), 'translation')}: not one each."
            )
        if made is None:
            made = shelf(len(pictures), *new[0].shape, dtype=new[0].dtype)
        if any(picture.shape != made.shape[1:] for picture in new):
            raise UserError("Translations of pictures of one size have different sizes: they can't be measured.")
        made[done : done + len(given)] = np.stack(list(new))
        done += len(given)
    return shelf(0, 1, 1) if made is None else made


def read_all(
    files: Sequence[Path],
    read: Callable[[Path], NDArray[Any] | list[NDArray[Any]]],
    unreadable: list[tuple[Path, str]],
) -> tuple[list[Path], NDArray[Any]]:
    """The files that can be read, as often as they have pages, and these on a shelf; the others are added to
    `unreadable`, with reasons.

    Raises `UserError` where none can be read.
    """
    whole: list[Path] = []
    pictures: NDArray[Any] | None = None
    for path in files:
        try:
            found = read(path)
        except UserError as error:
            unreadable.append((path, str(error)))
            continue
        pages = found if isinstance(found, list) else [found]
        if pictures is None:
            pictures = shelf(len(files), *pages[0].shape, dtype=pages[0].dtype)
        if len(whole) + len(pages) > len(pictures):  # some files have several pages
            room = shelf(2 * (len(whole) + len(pages)), *pages[0].shape, dtype=pages[0].dtype)
            room[: len(whole)] = pictures[: len(whole)]
            pictures = room
        pictures[len(whole) : len(whole) + len(pages)] = np.stack(pages)
        whole += [path] * len(pages)
    if pictures is None:
        path, why = unreadable[-1]
        raise UserError(f"Of {counted(len(files), 'picture')} in {path.parent} none can be read: {why}")
    return whole, pictures[: len(whole)]
