"""One heap for all threads of this process. A module of its own, as it comes before torch is imported."""

from __future__ import annotations

import ctypes
import sys

ARENAS = -8
"""M_ARENA_MAX of glibc's malloc.h."""


def one_heap() -> None:
    """Ask glibc for one heap. The heaps that it gives to threads hold nothing above 64 MB, so what is larger is mapped
    and cleared anew each time: of a batch of four 256 px pictures, a fifth of the time. Threads that have a heap keep
    it, so this comes first in a process. Elsewhere this does nothing.
    """
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).mallopt(ARENAS, 1)
        except (OSError, AttributeError):
            return  # not glibc
