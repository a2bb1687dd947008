"""What each method of a bake-off reached: as a table, as advice, as JSON."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unpaired.config import DIRECTIONS, Direction
from unpaired.evaluation.result import Evaluation, Score, heading, legend
from unpaired.text import number

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Contestant:
    """What one method reached."""

    method: str
    run: Path
    images: int
    """Images of each domain seen."""
    minutes: float
    result: Evaluation

    @property
    def kid(self) -> Score:
        """KID from A to B, which every method can; lower is better."""
        return next(score for name, score in self.scores("a2b").items() if name.startswith("KID"))

    @property
    def spread(self) -> float:
        """Standard deviation of `kid`."""
        return self.kid.spread or 0.0

    def scores(self, direction: Direction) -> dict[str, Score]:
        """Measures by name; none in a direction that the method does not know."""
        found = self.result.directions.get(direction)
        return found.measures if found else {}


@dataclass(frozen=True, slots=True)
class Bakeoff:
    """The contestants, best first."""

    contestants: list[Contestant]
    exploded: dict[str, str] = field(default_factory=dict[str, str])
    """Methods whose training exploded, and the sentence about it. They are not measured."""

    def table(self) -> Table:
        """For a terminal: a column for each method, a row for each measure and direction."""
        from rich.box import SIMPLE
        from rich.table import Table

        table = Table(title="The same pictures, the same time", box=SIMPLE)
        table.add_column("")
        for c in self.contestants:
            table.add_column(c.method, justify="right")
        table.add_column("do nothing", justify="right")
        table.add_row("minutes of training", *(f"{c.minutes:.1f}" for c in self.contestants))
        table.add_row("images seen", *(f"{c.images:,}" for c in self.contestants))
        names: dict[str, None] = {}
        for direction in DIRECTIONS:
            table.add_section()
            rows = dict.fromkeys(name for c in self.contestants for name in c.scores(direction))
            for name in rows:
                found = [c.scores(direction).get(name) for c in self.contestants]
                known = next(score for score in found if score is not None)
                cells = [number(score.translator) if score else "–" for score in found]
                row = f"{direction} {heading(name, known.better)}"
                table.add_row(row, *cells, number(known.do_nothing))
            names |= rows
        table.caption, table.caption_justify, table.caption_style = legend(names, ["do nothing"]), "left", ""
        return table

    def advice(self) -> str:
        """Which to go on with, why, and how."""
        best, *others = self.contestants
        close = [c.method for c in others if c.kid.translator - best.kid.translator <= best.spread + c.spread]
        why = f"its translations of A are nearest to B (KID {best.kid.translator:.3f} ± {best.spread:.3f})"
        if close:
            why += f"; too near to call: {', '.join(close)}, so let your eyes decide"
        nothing = best.kid.do_nothing
        if nothing is not None and best.kid.translator >= nothing:
            why += f"; but untranslated pictures are as near ({nothing:.3f}): no method had time to learn much"
        minutes = max(10, round(6 * best.minutes))
        return (
            f"Go on with {best.method}: {why}.\n"
            f"unpaired train --resume {shlex.quote(str(best.run))} --minutes {minutes}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        measured = {
            c.method: {"run": str(c.run), "images": c.images, "minutes": c.minutes, "result": c.result.to_dict()}
            for c in self.contestants
        }
        return measured | {method: {"exploded": why} for method, why in self.exploded.items()}
