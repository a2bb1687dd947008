"""Threads take their memory from the heap that keeps what is freed."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, re, threading
from unpaired.compute.heap import one_heap
if {one}: one_heap()
malloc = ctypes.CDLL(None).malloc
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
def run():
    place = malloc(100_000)
    line = next(line for line in open("/proc/self/maps") if line.rstrip().endswith("[heap]"))
    first, end = (int(n, 16) for n in line.split()[0].split("-"))
    print(first <= place < end)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives threads heaps of their own")
@pytest.mark.parametrize("one", [True, False])
def test_threads_share_the_main_heap_when_asked_to(one: bool) -> None:
    command = [sys.executable, "-c", PROGRAM.format(one=one)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(one)
