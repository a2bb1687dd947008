"""How unusual a picture is for a run, without making anybody wait for the first look at the training pictures."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from unpaired.config import Direction, source
from unpaired.data.picture import Picture
from unpaired.errors import UserError
from unpaired.evaluation.trust import Trust
from unpaired.web.background import Background


class Trusted:
    """What the domains of runs looked like in training, each looked at once, beside the requests."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, str], Trust | None] = {}
        self._lock, self._background = threading.Lock(), Background()

    def percentile(self, run: Path, direction: Direction, picture: Picture) -> float | None:
        """How many of the training pictures are less unusual, in percent; None where that can't be said, or not yet."""
        key = (run, source(direction))
        with self._lock:
            if key not in self._known:
                self._known[key] = None
                self._background.start("trust", self._look, *key)
            trust = self._known[key]
        if trust is None or picture.dtype != np.uint8 or picture.bands not in (1, 3):
            return None
        return trust(picture.rgb)

    def _look(self, run: Path, domain: str) -> None:
        try:
            found = Trust.load(run, "a" if domain == "a" else "b")
        except UserError:  # too few pictures, or they are gone: nothing can be said of this run
            return
        with self._lock:
            self._known[run, domain] = found
