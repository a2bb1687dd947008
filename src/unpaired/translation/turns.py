"""Which computations of one process run beside each other, and which alone."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager


class Turns:
    """What runs alone waits for those under way, and those that come after it wait for it."""

    def __init__(self) -> None:
        self._alone = threading.RLock()
        self._ended = threading.Condition()
        self._count = 0

    @contextmanager
    def beside(self) -> Generator[None]:
        """A computation beside others; none may begin within it."""
        with self._alone, self._ended:
            self._count += 1
        try:
            yield
        finally:
            with self._ended:
                self._count -= 1
                self._ended.notify_all()

    @contextmanager
    def alone(self) -> Generator[None]:
        """A computation while no other thread computes; others may begin within it, in the same thread."""
        with self._alone:
            with self._ended:
                self._ended.wait_for(lambda: not self._count)
            yield


TURNS = Turns()
"""Of all translators: they share the memory, and tracing a network changes how torch calls every other."""
