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


class Memory:
    """A block in memory, given back to the system when nobody refers to it."""

    def __init__(self, size: int) -> None:
        options = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
        self._map = mmap.mmap(-1, size, **options)
        if hasattr(mmap, "MADV_HUGEPAGE"):  # fewer first touches
            self._map.madvise(mmap.MADV_HUGEPAGE)

    def rows(self, first: int, end: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Rows [first, end) of `shape`, to be read and written."""
        row = prod(shape)
        values = torch.frombuffer(
            self._map, dtype=dtype, count=(end - first) * row, offset=first * row * dtype.itemsize
        )
        return values.view(-1, *shape)


class Part:
    """A block of a temporary file."""

    def __init__(self, file: io.FileIO, offset: int) -> None:
        self._file, self._offset = file, offset

    def read(self, into: Tensor, start: int) -> None:
        """Fill a contiguous tensor with what begins at a byte of the block."""
        left = _bytes(into)
        self._file.seek(self._offset + start)
        while left:
            left = left[self._file.readinto(left) :]

    def write(self, rows: Tensor, start: int) -> None:
        left = _bytes(rows.contiguous().cpu())
        self._file.seek(self._offset + start)
        while left:
            left = left[self._file.write(left) :]


class Budget:
    """Blocks of one size: in memory up to a limit, and beyond it in one nameless temporary file, which the system keeps
    in memory as far as it has any to spare.

    What is given back is taken again, the last first: the first touch of a page costs more than all later ones.
    """

    def __init__(self, memory: int, block: int) -> None:
        self.block = block
        self.left = memory
        """Bytes that may still be taken from the system."""
        self._memory: list[Memory] = []
        self._parts: list[Part] = []
        self._file: io.FileIO | None = None
        self._length = 0

    def take(self) -> Memory | Part:
        if self._memory:
            return self._memory.pop()
        if self.left >= self.block:
            self.left -= self.block
            return Memory(self.block)
        return self._parts.pop() if self._parts else self._appended()

    def give(self, block: Memory | Part) -> None:
        """Nobody needs what it holds."""
        if isinstance(block, Memory):
            self._memory.append(block)
        else:
            self._parts.append(block)

    def _appended(self) -> Part:
        """A block more of the file."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="unpaired-", buffering=0)  # noqa: SIM115
        part = Part(self._file, self._length)
        self._length += self.block
        try:
            if hasattr(os, "posix_fallocate"):  # a full disk is told here, before anything is written to it
                os.posix_fallocate(self._file.fileno(), self._length - self.block, self.block)
        except OSError as error:
            raise no_room(self._length, error) from error
        return part

    def close(self) -> None:
        """Give everything back to the system. Nothing may be taken any more."""
        self._memory.clear()
        self._parts.clear()
        if self._file is not None:
            self._file.close()


class Rows:
    """(1, C, H, W) that is written and read a band of rows at a time, channels last.

    It lies in blocks of `deep` rows, a power of 2, as many as fit. A block is taken when its first row is written and
    given back when its last is forgotten.
    """

    def __init__(self, channels: int, height: int, width: int, dtype: torch.dtype, budget: Budget) -> None:
        self.shape = (width, channels)
        self.row = width * channels * dtype.itemsize
        self.dtype, self.budget = dtype, budget
        self.deep = rows_in(budget.block, self.row)
        assert self.deep * self.row <= budget.block, "a row fits into a block"
        self._blocks: list[Memory | Part | None] = [None] * -(-height // self.deep)
        self._forgotten = 0  # blocks from the top

    def read(self, first: int, end: int) -> Tensor:
        """Rows [first, end) as (1, C, end - first, W), not to be changed, until they are forgotten; no copy where they
        lie in one block in memory.
        """
        pieces = [self._read(number, start, stop) for number, start, stop, _ in self._pieces(first, end)]
        rows = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        return rows.permute(2, 0, 1)[None]

    def _read(self, number: int, start: int, stop: int) -> Tensor:
        block = self._blocks[number]
        assert block is not None, "rows are read after they were written, and before they are forgotten"
        if isinstance(block, Memory):
            return block.rows(start, stop, self.shape, self.dtype)
        rows = torch.empty((stop - start, *self.shape), dtype=self.dtype)
        block.read(rows, start * self.row)
        return rows

    def write(self, first: int, band: Tensor) -> None:
        """Put (1, C, rows, W) at row `first`."""
        rows = band[0].permute(1, 2, 0)
        for number, start, stop, done in self._pieces(first, first + len(rows)):
            block = self._blocks[number] = self._blocks[number] or self.budget.take()
            piece = rows[done : done + stop - start]
            if isinstance(block, Memory):
                block.rows(start, stop, self.shape, self.dtype).copy_(piece)
                continue
            try:
                block.write(piece, start * self.row)
            except OSError as error:
                raise no_room(len(self._blocks) * self.budget.block, error) from error

    def _pieces(self, first: int, end: int) -> list[tuple[int, int, int, int]]:
        """The blocks in which rows [first, end) lie: number, rows from and to within it, rows in the blocks before."""
        deep = self.deep
        return [
            (number, max(first - number * deep, 0), min(end - number * deep, deep), max(number * deep - first, 0))
            for number in range(first // deep, -(-end // deep))
        ]

    def forget(self, end: int) -> None:
        """Nothing above row `end` is read any more: give its blocks back."""
        for number in range(self._forgotten, end // self.deep):
            self._give(number)
        self._forgotten = max(self._forgotten, end // self.deep)

    def close(self) -> None:
        """Give all of it back. What was read is gone."""
        for number in range(self._forgotten, len(self._blocks)):
            self._give(number)
        self._forgotten = len(self._blocks)

    def _give(self, number: int) -> None:
        block, self._blocks[number] = self._blocks[number], None
        if block is not None:
            self.budget.give(block)


def rows_in(size: int, row: float) -> int:
    """The largest power of 2 that many rows do not take more than `size` bytes, and at least 1."""
    return 1 << max(0, int(size / row).bit_length() - 1)


def _bytes(rows: Tensor) -> memoryview:
    """What a contiguous tensor holds, to be read and written."""
    return memoryview(cast(Any, rows.flatten().view(torch.uint8).numpy()))


def no_room(size: int, error: OSError) -> UserError:
    """The sentence about a disk for temporary files that is too small."""
    return UserError(
        f"{tempfile.gettempdir()} has no room for {size / 1e9:.1f} GB of intermediate results "
        f"({error.strerror}): free some, set TMPDIR to a larger disk, or allow more --max-memory."
    )
