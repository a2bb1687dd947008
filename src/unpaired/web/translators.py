"""Translators that are kept ready, each the newest best of its run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path

import torch

from unpaired.compute.device import keep_freed_memory
from unpaired.config import Direction
from unpaired.errors import UserError
from unpaired.methods import METHODS
from unpaired.run import checkpoint, checkpoints
from unpaired.translation.translator import Translator

KEPT = 4
"""Generators in memory at most."""


class Translators:
    """Loads translators when they are first asked for, and again where a training has written a better one."""

    def __init__(self, device: str = "auto") -> None:
        self.device = device
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, Direction], tuple[Path, int, Translator]] = OrderedDict()
        keep_freed_memory()  # a network of the same size runs again and again

    def get(self, run: Path, direction: Direction) -> Translator:
        """The translator of a run in one direction, its weights read. Blocks. Raises `UserError`."""
        with self._lock:
            try:
                return self._get(run, direction)
            except UserError:
                # A training that goes on deletes old checkpoints: the one that was just chosen may be gone.
                return self._get(run, direction)

    def _get(self, run: Path, direction: Direction) -> Translator:
        folder, written = newest(run)
        key = (run, direction)
        known = self._kept.pop(key, None)
        if known is None or known[:2] != (folder, written):
            translator = Translator.load(folder, direction=direction, device=self.device)
            translator.translate(torch.zeros(1, 3, 16, 16), direction)  # reads the weights now, not in a request
            known = (folder, written, translator)
        self._kept[key] = known
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return known[2]


def newest(run: Path) -> tuple[Path, int]:
    """The best checkpoint of a run, or its latest, and when it was written. Raises `UserError` where there is none."""
    folder = checkpoints.best(run) or checkpoints.latest(run)
    if folder is None:
        raise UserError(f"{run.name} holds no checkpoint yet: its training has not written one.")
    return folder, (folder / "manifest.json").stat().st_mtime_ns


def directions(run: Path) -> tuple[Direction, ...]:
    """Which ways the translators of a run go. Raises `UserError` where there is no checkpoint."""
    return _directions(*newest(run))


@lru_cache(maxsize=64)  # asked for with every picture, and 1.5 ms each time
def _directions(folder: Path, written: int) -> tuple[Direction, ...]:
    return tuple(METHODS[checkpoint.read(folder).manifest.config.method].translators)
