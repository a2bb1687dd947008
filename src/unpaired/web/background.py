"""Work beside the requests, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch


class Background:
    """Starts threads that compute with as many of torch's threads as the one that made this."""

    def __init__(self) -> None:
        self._cores = torch.get_num_threads()

    def start(self, name: str, work: Callable[..., None], *args: Any) -> None:
        """Call `work` with `args`; the process may end before it does."""

        def run() -> None:
            torch.set_num_threads(self._cores)  # else: what a batch has set last
            work(*args)

        threading.Thread(target=run, name=name, daemon=True).start()
