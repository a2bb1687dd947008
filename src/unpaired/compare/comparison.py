"""What runs cost and how good they are, measure by measure, and which of them is the best where that can be said."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

from unpaired.config import DIRECTIONS, PLAIN, Config, Direction, option
from unpaired.config_json import from_dict
from unpaired.evaluation.result import heading, legend
from unpaired.report.pieces import thousands
from unpaired.run.folder import Record, mapping
from unpaired.text import duration, number

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

SETTINGS = 12
"""Settings in which runs differ that are shown."""
SHOWN = ("method", "data.crop", "generator.kind", "generator.width")
"""Settings that are shown anyway."""
WIDTH = 24
"""Characters of the names of measures in a line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run."""

    name: str
    record: Record
    scores: dict[tuple[Direction, str], dict[str, Any]]
    """What `Score` holds, by direction and measure."""
    pictures: str | None
    """Which pictures that was measured on: runs with the same compare."""
    checkpoint: str = ""
    """The one that was measured, by what it had seen."""
    measured_on: str = ""
    """How many pictures of each domain."""

    @property
    def settings(self) -> dict[str, str]:
        """Every value of the configuration that its method and networks read, by its dotted name."""
        from unpaired.methods.reading import read

        config = from_dict(Config, self.record.config, str(self.record.run / "run.json"))
        return {name: value for name, value in _flat(self.record.config) if read(config, name)}

    def facts(self) -> dict[str, str]:
        """What the run is and what it cost."""
        config = self.record.config
        parameters = mapping(config.get("generator"))
        return {
            "method": str(config.get("method", "")),
            "checkpoint measured": self.checkpoint or "–",
            "pictures measured": self.measured_on or "–",
            "preset": str(self.record.facts.get("preset") or "–"),
            "size": f"{mapping(config.get('data')).get('crop', '–')} px",
            "generator": f"{parameters.get('kind', '–')}, width {parameters.get('width', '–')}",
            "images seen": thousands(self.record.images),
            "time": duration(self.record.seconds),
            "energy": f"{self.record.joules / 3.6e6:.3g} kWh" if self.record.joules else "–",
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs, in the order in which they were named."""

    entries: list[Entry]
    remarks: list[str]
    """What has to be known beside the numbers."""

    def facts(self) -> list[dict[str, str]]:
        """What each run is and cost, and the settings in which they differ, by their options' names."""
        settings = [entry.settings for entry in self.entries]
        shared = [name for name in settings[0] if all(name in s for s in settings) and name not in SHOWN]
        differing = [name for name in shared if len({s[name] for s in settings}) > 1]
        facts = [
            entry.facts() | {_typed(name): own[name] for name in differing[:SETTINGS]}
            for entry, own in zip(self.entries, settings, strict=True)
        ]
        more = len(differing) - SETTINGS
        return [f | {"other settings": f"{more} more differ"} for f in facts] if more > 0 else facts

    @property
    def comparable(self) -> bool:
        """Whether all that were measured were measured on the same pictures."""
        return len({entry.pictures for entry in self.entries if entry.scores}) <= 1

    def best(self, scores: Sequence[dict[str, Any]]) -> int | None:
        """Which run is the best of a row: None where that can't be said, also for noise."""
        return _best(scores) if self.comparable else None

    def rows(self) -> Iterator[tuple[Direction, str, list[dict[str, Any]]]]:
        """Direction, measure, and the score of each run (empty where it has none)."""
        keys = dict.fromkeys(key for entry in self.entries for key in entry.scores)
        for direction, name in sorted(keys, key=lambda key: DIRECTIONS.index(key[0])):
            yield direction, name, [entry.scores.get((direction, name), {}) for entry in self.entries]

    def in_vain(self) -> list[Direction]:
        """Directions in which no run has a better KID than pictures that are left as they are."""
        return [d for d, name, scores in self.rows() if name.startswith("KID") and not any(map(_helps, scores))]

    def tables(self) -> Group:
        """For a terminal: what the runs are and cost, and how good they are, a column for each run."""
        from rich.console import Group

        facts = self.facts()
        made, measured = self._table("Side by side"), self._table("Measured")
        for name in facts[0]:
            made.add_row(name, *(fact[name] for fact in facts))
        for column in ("do nothing", "floor"):
            measured.add_column(column, justify="right")
        for direction, name, scores in self.rows():
            best = self.best(scores)
            cells = [f"[bold]{cell(s)}[/bold]" if i == best else cell(s) for i, s in enumerate(scores)]
            known = next(s for s in scores if s)
            yardsticks = (number(known.get("do_nothing")), number(known.get("floor")))
            told = f"{direction} {heading(name, known.get('better', 'lower'))}"
            told = fill(told, WIDTH, break_long_words=False, break_on_hyphens=False)
            measured.add_row(told, *cells, *yardsticks)
        names = (name for _, name, _ in self.rows())
        measured.caption, measured.caption_justify = "\n".join([legend(names), *self.remarks]), "left"
        measured.caption_style = ""
        return Group(made, measured)

    def _table(self, title: str) -> Table:
        """An empty one, whose names stay whole however narrow the terminal is."""
        from rich.box import SIMPLE
        from rich.table import Table

        table = Table(title=title, box=SIMPLE)
        table.add_column("", no_wrap=True)
        for entry in self.entries:
            table.add_column(entry.name, justify="right", overflow="fold")
        return table

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            entry.name: {
                "run": str(entry.record.run), "images": entry.record.images, "seconds": entry.record.seconds,
                "scores": {f"{d} {n}": s for (d, n), s in entry.scores.items()},
            }
            for entry in self.entries
        }  # fmt: skip


def _flat(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(mapping(value), f"{above}{name}.")
        else:
            yield f"{above}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _typed(name: str) -> str:
    """The option of a dotted name."""
    group, _, field = name.rpartition(".")
    return option(field, group) if group else option(name, PLAIN[0])


def _helps(score: dict[str, Any]) -> bool:
    """Whether translations have a lower distance than untranslated pictures."""
    ours, nothing = score.get("translator"), score.get("do_nothing")
    return ours is not None and nothing is not None and ours < nothing


def _best(scores: Sequence[dict[str, Any]]) -> int | None:
    values = {i: float(s["translator"]) for i, s in enumerate(scores) if "translator" in s}
    if len(values) < 2:
        return None
    higher = any(s.get("better") == "higher" for s in scores)
    first, second, *_ = sorted(values, key=lambda i: values[i], reverse=higher)
    spreads = [float(s) for i in (first, second) if (s := scores[i].get("spread")) is not None]
    if len(spreads) < 2:  # nobody knows what chance does to it
        return None
    return first if abs(values[first] - values[second]) > math.hypot(*spreads) else None


def cell(score: dict[str, Any]) -> str:
    return number(score.get("translator"), score.get("spread"))


def arrow(score: dict[str, Any]) -> str:
    return "↑" if score.get("better") == "higher" else "↓"
