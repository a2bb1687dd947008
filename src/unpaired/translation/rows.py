"""Results larger than a band of rows, in memory while it lasts and in temporary files beyond."""

from __future__ import annotations

import io
import mmap
import os
import tempfile
from math import prod
from typing import Any, cast

import torch
from torch import Tensor

from unpaired.errors import UserError


class Budget:
    """Bytes that may be held in memory, and the temporary files beyond it."""

    def __init__(self, memory: int) -> None:
        self.left = memory
        self._free: dict[int, list[io.FileIO]] = {}

    def file(self, size: int) -> io.FileIO:
        """A temporary file of `size` bytes: one that is free again, whose pages the system need not find anew; else a
        new one, in place of the free ones.
        """
        if self._free.get(size):
            return self._free[size].pop()
        self.close()
        return _file(size)

    def free(self, file: io.FileIO, size: int) -> None:
        """Nobody needs what it holds."""
        self._free.setdefault(size, []).append(file)

    def close(self) -> None:
        """Give back what is free."""
        for file in (file for files in self._free.values() for file in files):
            file.close()
        self._free.clear()


class Rows:
    """(1, C, H, W) that is written and read a band of rows at a time, each band once in channels-last layout.

    Up to `budget` it lies in memory, where rows that are no longer needed are given back one by one; beyond, in a
    nameless temporary file that the system keeps in memory as far as it has any to spare.
    """

    def __init__(self, channels: int, height: int, width: int, dtype: torch.dtype, budget: Budget) -> None:
        self.shape = (height, width, channels)
        self.row = width * channels * dtype.itemsize
        self.budget = budget
        size = height * self.row
        self.on_disk = size > budget.left
        self.held = 0 if self.on_disk else size
        budget.left -= self.held
        self.forgotten = 0  # rows from the top
        self.dtype = dtype
        self._file = budget.file(size) if self.on_disk else None
        self._map: mmap.mmap | None = None
        if not self.on_disk:
            options = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if _CAN_FORGET else {}
            self._map = mmap.mmap(-1, size, **options)
            if hasattr(mmap, "MADV_HUGEPAGE"):  # first touches cost a tenth
                self._map.madvise(mmap.MADV_HUGEPAGE)
            self._all = torch.frombuffer(self._map, dtype=dtype, count=prod(self.shape)).view(self.shape)

    def read(self, first: int, end: int) -> Tensor:
        """Rows [first, end) as (1, C, end - first, W), not to be changed, until they are forgotten."""
        assert first >= self.forgotten
        if self._file is None:
            return self._all[first:end].permute(2, 0, 1)[None]
        band = torch.empty((end - first, *self.shape[1:]), dtype=self.dtype)
        left = _bytes(band)
        self._file.seek(first * self.row)
        while left:
            left = left[self._file.readinto(left) :]
        return band.permute(2, 0, 1)[None]

    def write(self, first: int, band: Tensor) -> None:
        """Put (1, C, rows, W) at row `first`."""
        rows = band[0].permute(1, 2, 0)
        if self._file is None:
            self._all[first : first + len(rows)].copy_(rows)
            return
        left = _bytes(rows.contiguous().cpu())
        self._file.seek(first * self.row)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise no_room(self.shape[0] * self.row, error) from error

    def forget(self, end: int) -> None:
        """Nothing above row `end` is read any more: give its memory back."""
        if self._map is None or not _CAN_FORGET or end <= self.forgotten:
            return
        page = mmap.PAGESIZE
        start, stop = -(-self.forgotten * self.row // page) * page, end * self.row // page * page
        if stop > start:
            self._map.madvise(mmap.MADV_DONTNEED, start, stop - start)
            self.held -= stop - start
            self.budget.left += stop - start
        self.forgotten = end

    def close(self) -> None:
        """Give all of it back. What was read is gone."""
        self.budget.left += self.held
        self.held = 0
        if self._file is not None:
            self.budget.free(self._file, self.shape[0] * self.row)
            self._file = None
        if self._map is not None:
            del self._all
            self._map.close()


def _bytes(rows: Tensor) -> memoryview:
    """What a contiguous tensor holds, to be read and written."""
    return memoryview(cast(Any, rows.flatten().view(torch.uint8).numpy()))


_CAN_FORGET = hasattr(mmap, "MADV_DONTNEED") and hasattr(mmap, "MAP_ANONYMOUS")


def _file(size: int) -> io.FileIO:
    file = tempfile.TemporaryFile(prefix="unpaired-", buffering=0)  # noqa: SIM115 (`Rows` closes it)
    try:
        if hasattr(os, "posix_fallocate"):  # a full disk is told now, not half-way
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        file.close()
        raise no_room(size, error) from error
    return file


def no_room(size: int, error: OSError) -> UserError:
    """The sentence about a disk for temporary files that is too small."""
    return UserError(
        f"{tempfile.gettempdir()} has no room for {size / 1e9:.1f} GB of intermediate results "
        f"({error.strerror}): free some, set TMPDIR to a larger disk, or allow more --max-memory."
    )
