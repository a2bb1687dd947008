"""Results larger than a band of rows, in memory while it lasts and in temporary files beyond."""

from __future__ import annotations

import mmap
import os
import tempfile
from math import prod

import torch
from torch import Tensor

from unpaired.errors import UserError


class Budget:
    """Bytes that may be held in memory."""

    def __init__(self, memory: int) -> None:
        self.left = memory


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
        self.on_disk = size > budget.left or not _CAN_FORGET
        self.held = 0 if self.on_disk else size
        budget.left -= self.held
        self.forgotten = 0  # rows from the top
        self._map = _file(size) if self.on_disk else mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._all = torch.frombuffer(self._map, dtype=dtype, count=prod(self.shape)).view(self.shape)

    def read(self, first: int, end: int) -> Tensor:
        """Rows [first, end) as (1, C, end - first, W), not to be changed, until they are forgotten."""
        assert first >= self.forgotten
        return self._all[first:end].permute(2, 0, 1)[None]

    def write(self, first: int, band: Tensor, channel: int = 0) -> None:
        """Put (1, C, rows, W) at row `first`, all channels or those from one on."""
        there = self._all[first : first + band.shape[2], :, channel : channel + band.shape[1]]
        there.permute(2, 0, 1)[None].copy_(band)
        if self.on_disk:
            self._release(first, first + band.shape[2])

    def done(self, first: int, end: int, *, forget: bool) -> None:
        """Rows [first, end) need not be in memory for now; with `forget`, nothing up to `end` is read any more."""
        if self.on_disk:
            self._release(first, end)
        elif forget and end > self.forgotten:
            freed = self._release(self.forgotten, end)
            self.held -= freed
            self.budget.left += freed
            self.forgotten = end

    def close(self) -> None:
        """Give all of it back. What was read is gone."""
        self.budget.left += self.held
        self.held = 0
        del self._all
        self._map.close()

    def _release(self, first: int, end: int) -> int:
        """Take whole pages within rows [first, end) out of memory: bytes freed."""
        page = mmap.PAGESIZE
        start, stop = -(-first * self.row // page) * page, end * self.row // page * page
        if not _CAN_FORGET or stop <= start:
            return 0
        self._map.madvise(mmap.MADV_DONTNEED, start, stop - start)
        return stop - start


_CAN_FORGET = hasattr(mmap, "MADV_DONTNEED") and hasattr(mmap, "MAP_ANONYMOUS")


def _file(size: int) -> mmap.mmap:
    with tempfile.TemporaryFile(prefix="unpaired-") as file:
        try:
            if hasattr(os, "posix_fallocate"):  # a full disk is told now, not by a signal when a page is written
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        except OSError as error:
            raise UserError(
                f"{tempfile.gettempdir()} has no room for {size / 1e9:.1f} GB of intermediate results "
                f"({error.strerror}): free some, set TMPDIR to a larger disk, or allow more --max-memory."
            ) from error
        return mmap.mmap(file.fileno(), size)
