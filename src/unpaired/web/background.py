"""Work beside the requests, each in a thread of its own, which ends with the server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch


class Stopped(Exception):
    """Nobody wants the work any more."""


class Background:
    """Starts threads that compute with as many of torch's threads as the one that made this.

    The process waits for them (ending it below torch's feet aborts it), so work calls `check` often: between pictures.
    """

    def __init__(self) -> None:
        self._cores = torch.get_num_threads()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[..., None], *args: Any) -> None:
        """Call `work` with `args`."""

        def run() -> None:
            torch.set_num_threads(self._cores)  # else: what a batch has set last
            try:
                self.check()
                work(*args)
            except Stopped:
                pass

        thread = threading.Thread(target=run, name=name)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def check(self, *_: object) -> None:
        """Raise `Stopped` where the work is to end; whatever tells how far it is, it can be told to."""
        if self._stopping.is_set():
            raise Stopped

    def stop(self) -> None:
        """Tell all work to end at its next `check`. May be called in a signal handler."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until all work has ended."""
        for thread in self._threads:
            thread.join()
