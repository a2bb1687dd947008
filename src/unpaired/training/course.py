"""What the evaluations of a training tell together: that it is flat, that something goes wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from unpaired.config import Direction
from unpaired.training import plateau, watches
from unpaired.training.best import Verdict
from unpaired.training.events import Event
from unpaired.training.watches import SignName, Signs

SHARE = 0.05
"""Of the time of training that evaluations may take, where they were not asked for at fixed places."""


@dataclass(slots=True)
class Course:
    """The evaluations so far. All that it says follows from the log, so a resumed training says the same."""

    evaluations: list[Event] = field(default_factory=list[Event])
    """Oldest first, all by one measure."""

    @property
    def flat(self) -> bool:
        """Whether the newest evaluation found that nothing gets better any more."""
        return bool(self.evaluations) and bool(self.evaluations[-1]["flat"])

    def affordable(self, seconds: float) -> bool:
        """Whether another evaluation after so many seconds of training takes no more than its share of the time."""
        last = self.evaluations[-1] if self.evaluations else None
        return last is None or seconds - last["seconds"] >= last["took"] / SHARE

    def judged(self, images: int, verdict: Verdict) -> tuple[plateau.Flat | None, list[tuple[Direction, SignName]]]:
        """What a new verdict makes of it: whether it is flat now, and which signs are bad for the first time."""
        values = [*(float(e["value"]) for e in self.evaluations), verdict.value]
        spreads = [*(float(e["spread"]) for e in self.evaluations), verdict.spread]
        seen = [*(int(e["images"]) for e in self.evaluations), images]
        known = {(d, n) for e in self.evaluations for d, n in e["warnings"]}
        bad = watches.failing(self._signs(verdict)) - known
        return plateau.flat(seen, values, spreads), sorted(bad)

    def sentences(
        self, verdict: Verdict, flat: plateau.Flat | None, bad: Iterable[tuple[Direction, SignName]], best: str
    ) -> list[str]:
        """What is new, in plain words."""
        history = self._signs(verdict)
        found = [
            watches.told(history, direction, name, *(("A", "B") if direction == "a2b" else ("B", "A")))
            for direction, name in bad
        ]
        if flat and not self.flat:
            found.append(
                f"No better for {flat.images:,} images: KID fell by {flat.fall:.2g} ± {flat.error:.2g} over them, and "
                f"less than {flat.noise:.2g} can't be told from noise. You can stop; the best checkpoint is {best}."
            )
        return found

    def _signs(self, verdict: Verdict) -> list[Signs]:
        return [*(e["signs"] for e in self.evaluations), verdict.signs]
