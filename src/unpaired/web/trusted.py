"""How unusual a picture is for a run, without making anybody wait for the first look at the training pictures."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from time import monotonic

import numpy as np

from unpaired.config import Direction, Domain, source
from unpaired.data.picture import Picture
from unpaired.errors import UserError
from unpaired.evaluation.trust import Trust
from unpaired.web.background import Background

PATIENCE = 3.0
"""Seconds for which a picture waits for that look; what a training has kept is read in one or two."""


class Trusted:
    """What the domains of runs looked like in training, each looked at once, beside the requests."""

    def __init__(self, background: Background) -> None:
        self._looked: dict[tuple[Path, Domain], threading.Event] = {}
        self._known: dict[tuple[Path, Domain], Trust] = {}
        self._lock, self._background = threading.Lock(), background

    async def ready(self, run: Path, direction: Direction) -> bool:
        """Look, if nobody has yet, and wait for that, though not for long; whether that is done."""
        looked, end = self._begun(run, source(direction)), monotonic() + PATIENCE
        while not looked.is_set() and monotonic() < end:
            await asyncio.sleep(0.05)
        return looked.is_set()

    def percentile(self, run: Path, direction: Direction, picture: Picture) -> float | None:
        """How many of the training pictures are less unusual, in percent; None where that can't be said, or not yet."""
        trust = self._known.get((run, source(direction)))
        if trust is None or picture.dtype != np.uint8 or picture.bands not in (1, 3):
            return None
        return trust(picture.rgb)

    def _begun(self, run: Path, domain: Domain) -> threading.Event:
        with self._lock:
            if (run, domain) not in self._looked:
                self._looked[run, domain] = threading.Event()
                self._background.start("trust", self._look, run, domain)
            return self._looked[run, domain]

    def _look(self, run: Path, domain: Domain) -> None:
        try:
            self._known[run, domain] = Trust.load(run, domain, progress=self._background.check)
        except UserError:  # too few pictures, or they are gone: nothing can be said of this run
            pass
        finally:
            self._looked[run, domain].set()
