"""What a run folder tells about itself, finished or not."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard, cast

from unpaired.config import DIRECTIONS
from unpaired.run.record import read_facts

Event = dict[str, Any]


@dataclass(slots=True)
class Series:
    """One quantity over a training."""

    images: list[float] = field(default_factory=list[float])
    values: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview grids of one moment, by direction."""

    images: int
    seconds: float
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class Record:
    """A run as read from its folder."""

    run: Path
    facts: dict[str, Any]
    """run.json."""
    events: list[Event]
    damaged: int
    """Lines of events.jsonl that could not be read, as a kill leaves them."""

    @property
    def config(self) -> dict[str, Any]:
        return mapping(self.facts.get("config"))

    @property
    def directions(self) -> list[str]:
        """The directions that are learnt."""
        told = next(
            (e["directions"] for e in reversed(self.of("start") + self.of("resume")) if "directions" in e), None
        )
        return [str(d) for d in cast(list[Any], told)] if isinstance(told, list) and told else list(DIRECTIONS)

    @property
    def paired(self) -> bool:
        """Whether pairs are what is learnt from."""
        return any(e.get("paired") is True for e in self.of("start") + self.of("resume"))

    @property
    def images(self) -> int:
        """Images of each domain seen."""
        return max((int(e["images"]) for e in self.events), default=0)

    @property
    def seconds(self) -> float:
        """Seconds trained, over all resumes."""
        return max((float(e["seconds"]) for e in self.events), default=0.0)

    @property
    def joules(self) -> float | None:
        """Energy that the processors took, where the machine told."""
        told = [float(e["joules"]) for e in self.of("progress") if is_number(e.get("joules"))]
        return sum(told) if told else None

    def of(self, kind: str) -> list[Event]:
        return [e for e in self.events if e["kind"] == kind]

    def terms(self) -> dict[str, Series]:
        """Loss terms by name, in the order of their first appearance; what is no number is left out."""
        found: dict[str, Series] = {}
        for event in self.of("progress"):
            for name, value in mapping(event.get("terms")).items():
                if is_number(value):
                    series = found.setdefault(str(name), Series())
                    series.images.append(event["images"])
                    series.values.append(float(value))
        return found

    def series(self, name: str) -> Series:
        """A number of the progress events: rate, learning_rate."""
        found = Series()
        for event in self.of("progress"):
            if is_number(event.get(name)):
                found.images.append(event["images"])
                found.values.append(float(event[name]))
        return found

    def previews(self) -> list[Preview]:
        """Moments with at least one grid that is there, oldest first; of one moment the last counts."""
        found: dict[int, Preview] = {}
        for event in self.of("preview"):
            named = {str(d): self.inside(str(f)) for d, f in mapping(event.get("files")).items()}
            files = {d: f for d, f in named.items() if f}
            if files:
                found[event["images"]] = Preview(event["images"], event["seconds"], files)
        return [found[k] for k in sorted(found)]

    def inside(self, name: str) -> Path | None:
        """The file of that name in the run's folder, where there is one, and nowhere else."""
        file = self.run / name
        return file if file.is_file() and file.resolve().is_relative_to(self.run.resolve()) else None


def read_record(run: Path) -> Record:
    """Read a run's folder. Raises `UserError` where it is not one, or is of a newer version."""
    facts = read_facts(run)
    events, damaged = _read_events(run / "events.jsonl")
    return Record(run, facts, events, damaged)


def _read_events(path: Path) -> tuple[list[Event], int]:
    events: list[Event] = []
    damaged = 0
    for line in path.read_bytes().splitlines() if path.exists() else ():
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and "kind" in event and is_number(event.get("images")):
            event["seconds"] = event["seconds"] if is_number(event.get("seconds")) else 0.0
            events.append(cast(Event, event))
        else:
            damaged += 1
    return events, damaged


def mapping(value: Any) -> dict[str, Any]:
    """`value` where it is a mapping, else an empty one: files may say less than we hope for."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
