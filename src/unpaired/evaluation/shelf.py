"""Arrays that wait in a file: measuring fifty thousand pictures takes no more memory than measuring ten."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from unpaired.data.files import default_cache_dir
from unpaired.errors import UserError

BLOCK = 64
"""Pictures that are held in memory together."""
Indices = Sequence[int] | NDArray[np.integer[Any]]


class Shelf(Sequence[NDArray[Any]]):
    """Rows of one shape and type, kept in a file; what is asked for is read, and nothing else is in memory.

        shelf = Shelf((64, 64, 3), np.uint8)
        shelf.append(pictures)  # (N, 64, 64, 3)
        shelf[3], shelf[10:20], shelf[[5, 2, 5]]  # (64, 64, 3), (10, 64, 64, 3), (3, 64, 64, 3): each a copy

    The file has no name and is gone with the shelf, however the program ends. It is read rather than mapped, so that a
    full disk is an error and not the end of the process, and pages that were read once do not count as memory in use.
    Raises `UserError` where the disk has no room.
    """

    def __init__(self, row: tuple[int, ...], dtype: DTypeLike) -> None:
        self._row, self.dtype = row, np.dtype(dtype)
        self._file: BinaryIO | None = None
        self._count = 0
        self._part_of: tuple[Shelf, NDArray[np.int64]] | None = None

    @staticmethod
    def of(rows: Iterable[NDArray[Any]]) -> Shelf:
        """A shelf of rows, or of nothing at all."""
        shelf: Shelf | None = None
        for row in rows:
            if shelf is None:
                shelf = Shelf(row.shape, row.dtype)
            shelf.append(row[None])
        return Shelf((), np.uint8) if shelf is None else shelf

    @staticmethod
    def opened(path: Path, row: tuple[int, ...], dtype: DTypeLike, count: int) -> Shelf | None:
        """What `write` left in a file; None where that is not there, or does not hold `count` rows."""
        shelf = Shelf(row, dtype)
        try:
            file = path.open("rb", buffering=0)
        except OSError:
            return None
        if os.fstat(file.fileno()).st_size != count * shelf._size:
            file.close()
            return None
        shelf._keep(file)
        shelf._count = count
        return shelf

    def write(self, file: BinaryIO) -> None:
        """Write all rows, one after the other, in this machine's byte order."""
        for start in range(0, len(self), BLOCK):
            file.write(self[start : start + BLOCK].tobytes())

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self), *self._row

    @property
    def _size(self) -> int:
        """Bytes of a row."""
        return int(np.prod(self._row, dtype=np.int64)) * self.dtype.itemsize

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows (N, …). Raises `UserError` where they have another shape or type, or the disk has no room."""
        assert self._part_of is None, "a part of a shelf is read only"
        if rows.shape[1:] != self._row or rows.dtype != self.dtype:
            raise UserError(
                f"What is measured together needs one shape and type, not {self._row} of {self.dtype} and "
                f"{rows.shape[1:]} of {rows.dtype}."
            )
        if not rows.size:
            return
        folder = default_cache_dir()  # rather than the system's folder, which may be memory
        try:
            if self._file is None:
                folder.mkdir(parents=True, exist_ok=True)
                self._keep(TemporaryFile(dir=folder, buffering=0))  # noqa: SIM115
            assert self._file is not None
            self._file.seek(self._count * self._size)
            rest = memoryview(rows.tobytes())
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise UserError(f"{folder} has no room for what is measured ({error.strerror}): free some.") from error
        self._count += len(rows)

    def part(self, indices: Indices) -> Shelf:
        """Some rows in some order, read when they are asked for."""
        part = Shelf(self._row, self.dtype)
        part._part_of = self, np.asarray(indices, np.int64)
        part._count = len(indices)
        return part

    def __len__(self) -> int:
        return self._count

    def __getitem__(  # pyright: ignore[reportIncompatibleMethodOverride]  # more than a sequence takes, and arrays
        self, index: int | np.integer[Any] | slice | Indices
    ) -> NDArray[Any]:
        if isinstance(index, int | np.integer):
            return self._read(np.array([range(len(self))[index]]))[0]
        if isinstance(index, slice):
            return self._read(np.arange(*index.indices(len(self))))
        return self._read(np.asarray(index, np.int64))

    def _read(self, places: NDArray[np.integer[Any]]) -> NDArray[Any]:
        if self._part_of is not None:
            whole, chosen = self._part_of
            return whole._read(chosen[places])
        content = bytearray(len(places) * self._size)
        rows = np.ndarray((len(places), *self._row), self.dtype, content)
        if not content:
            return rows
        assert self._file is not None
        room = memoryview(content)
        # Rows that lie side by side are read together.
        borders = [0, *(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), len(places)]
        for first, last in pairwise(borders):
            self._file.seek(int(places[first]) * self._size)
            part = room[first * self._size : last * self._size]
            while part:
                got = self._file.readinto(part)  # pyright: ignore
                assert got, "the file is shorter than it was"
                part = part[got:]
        return rows

    def _keep(self, file: BinaryIO) -> None:
        self._file = file
        weakref.finalize(self, file.close)


Rows = NDArray[Any] | Shelf
"""Features (N, D), in memory or on disk."""
