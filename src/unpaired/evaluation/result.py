"""What was measured: one number with its yardsticks, all of a direction, all of both; as JSON and as tables.

Two yardsticks give a number its meaning: "do nothing" (the untranslated inputs in the translations' place)
and "floor" (two halves of the real domain against each other: as good as a perfect translator could look).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from unpaired.config import Direction
from unpaired.evaluation.labels import LabelScores
from unpaired.text import counted, number

if TYPE_CHECKING:
    from rich.table import Table

ARROWS = "↓ lower is better, ↑ higher is."
LEGEND = {
    "±": "± is what chance gives or takes: a smaller difference is none.",
    "do nothing": "Do nothing: the same number of the untranslated inputs.",
    "floor": "Floor: of real pictures beside real ones, as good as a perfect translator could be.",
}
"""What else there may be in a table."""
SERIES = "EfficientNet-"


def heading(name: str, better: str) -> str:
    """A measure at the head of a row of a terminal's table: the arrow first, so that no line holds it alone, and short
    names of networks, which `legend` explains.
    """
    return f"{'↑' if better == 'higher' else '↓'} {name.replace(SERIES, '')}"


def legend(names: Iterable[str], known: Iterable[str] = tuple(LEGEND)) -> str:
    """What stands under a table of such rows, with those of `LEGEND` in it that are `known`."""
    seen = [f"(Lite0): seen through {SERIES}Lite0."] if any(SERIES in name for name in names) else []
    return " ".join([ARROWS, *(LEGEND[one] for one in known), "–: means nothing there.", *seen])


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One number with its yardsticks; None where a yardstick means nothing or cannot be had."""

    translator: float
    do_nothing: float | None = None
    floor: float | None = None
    spread: float | None = None
    """Standard deviation of the translator's number over other pictures of the same kind, where it was estimated."""
    better: Literal["lower", "higher"] = "lower"
    note: str = ""
    classes: LabelScores | None = None
    """The scores of labels behind this number, class by class."""

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Score:
        """From plain JSON values."""
        classes = values.get("classes")
        known: dict[str, Any] = {**values, "classes": LabelScores.from_dict(classes) if classes else None}
        return Score(**known)


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectionScores:
    """All that was measured in one direction."""

    inputs: int
    """Pictures translated."""
    reals: int
    """Pictures of the real domain beside them."""
    pairs: int
    measures: dict[str, Score] = field(default_factory=dict[str, Score])
    left_out: list[str] = field(default_factory=list[str])
    """Why measures are missing, a sentence each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """All that was measured."""

    extractor: str
    side: tuple[int, int]
    """Height and width in px of the pictures that were measured."""
    directions: dict[Direction, DirectionScores]
    unreadable: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Files that could not be measured, and why."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self) | {"side": list(self.side)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Evaluation:
        """The reverse of `to_dict`."""
        directions: dict[Direction, DirectionScores] = {
            direction: DirectionScores(
                **(scores | {"measures": {name: Score.from_dict(score) for name, score in scores["measures"].items()}})
            )
            for direction, scores in values["directions"].items()
        }
        height, width = values["side"]
        unreadable = [(path, why) for path, why in values.get("unreadable", [])]
        return Evaluation(
            extractor=values["extractor"], side=(height, width), directions=directions, unreadable=unreadable
        )

    def table(self) -> Table:
        """For a terminal: one row for each direction and measure."""
        from rich.box import SIMPLE
        from rich.table import Table

        height, width = self.side
        first = next(iter(self.directions.values()))
        counts = f"{counted(first.inputs, 'picture')}, beside {first.reals:,} of the other domain"
        table = Table(title=f"Measured at {width}×{height} px: {counts}", box=SIMPLE)
        table.add_column("")
        table.add_column("measure")
        for column in ("translator", "do nothing", "floor"):
            table.add_column(column, justify="right")
        for direction, scores in self.directions.items():
            table.add_section()
            for row, (name, score) in enumerate(scores.measures.items()):
                table.add_row(
                    "" if row else direction, heading(name, score.better),
                    number(score.translator, score.spread), number(score.do_nothing), number(score.floor),
                )  # fmt: skip
        names = [name for scores in self.directions.values() for name in scores.measures]
        table.caption = "\n".join([legend(names), *self.remarks()])
        table.caption_justify, table.caption_style = "left", ""
        return table

    def distances(self) -> list[str]:
        """The KID of each direction beside its yardsticks, a sentence each."""
        return [
            f"{direction}: {name} {number(score.translator)}; {number(score.do_nothing)} if nothing is done, "
            f"{number(score.floor)} at best"
            for direction, scores in self.directions.items()
            for name, score in scores.measures.items()
            if name.startswith("KID")
        ]

    def class_table(self) -> Table | None:
        """For a terminal: accuracy and IoU of every class; None where no labels were scored."""
        from rich.table import Table

        table = Table(title="Class by class")
        table.add_column("class")
        columns: list[LabelScores] = []
        for direction, scores in self.directions.items():
            for name, score in scores.measures.items():
                if score.classes is not None:
                    columns.append(score.classes)
                    table.add_column(f"{direction} accuracy", justify="right")
                    table.add_column(f"{direction} {name}", justify="right")
        for known in dict.fromkeys(name for scores in columns for name in [*scores.per_class, *scores.never]):
            cells = [scores.per_class.get(known) for scores in columns]
            # A class that the truth never shows has no score.
            table.add_row(known, *(number(v) for pair in cells for v in (pair or (None, None))))
        return table if columns else None

    def remarks(self) -> list[str]:
        """What has to be known beside the numbers, a line each, without repetition."""
        lines: dict[str, None] = {}
        for scores in self.directions.values():
            for name, score in scores.measures.items():
                if score.note:
                    lines[f"{name}: {score.note}."] = None
            for reason in scores.left_out:
                lines[f"Left out: {reason}."] = None
        return list(lines)
