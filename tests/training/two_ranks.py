"""Two ranks as torchrun starts them, each with an exit status and an error stream of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any


def two_ranks(words: Callable[[int], Sequence[object]], **options: Any) -> list[tuple[int, str, str]]:
    """Status, output and errors of `python words(rank)` for both ranks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, *map(str, words(rank))], env={**os.environ, **place, "RANK": str(rank)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **(options if rank == 0 else {}),
        )
        for rank in (0, 1)
    ]  # fmt: skip
    try:
        told = [process.communicate(timeout=100) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, out, err) for process, (out, err) in zip(processes, told, strict=True)]


def one_sentence(ranks: list[tuple[int, str, str]]) -> str:
    """What both end with, if they do as they should: status 1, and one sentence of the first rank."""
    assert [status for status, _, _ in ranks] == [1, 1], ranks
    assert ranks[1][1:] == ("", ""), ranks
    (sentence,) = ranks[0][2].splitlines()
    return sentence
