"""What a training tells: one JSON object a line in RUN/events.jsonl, and the same to every listener."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Event = dict[str, Any]
Listener = Callable[[Event], None]


class Events:
    """Tells the log and the listeners. With `run` None (another rank than the first) it tells nobody."""

    def __init__(self, run: Path | None, listeners: Iterable[Listener] = ()) -> None:
        self._path = run / "events.jsonl" if run else None
        self._listeners = list(listeners) if run else []

    def tell(self, kind: str, images: int, seconds: float, **facts: Any) -> Event:
        """`kind`: start, resume, progress, preview, checkpoint, evaluation, warning or end. Returns what was told."""
        event = {
            "kind": kind,
            "time": round(time.time(), 3),
            "images": images,
            "seconds": round(seconds, 3),
            **facts,
        }
        if self._path is None:
            return event
        with self._path.open("a", encoding="utf-8") as f:
            f.write(json.dumps(event) + "\n")
        for listener in self._listeners:
            listener(event)
        return event


def rewind(run: Path, images: int) -> None:
    """Drop the lines after `images`, which a training that goes on from an earlier checkpoint tells again."""
    path = run / "events.jsonl"
    if not path.exists():
        return
    kept = [e for e in read(run) if e["images"] <= images and e["kind"] != "end"]
    temporary = path.with_suffix(".writing")
    temporary.write_text("".join(json.dumps(e) + "\n" for e in kept), encoding="utf-8")
    temporary.replace(path)


def read(run: Path) -> list[Event]:
    """All events of a run, oldest first; a line that was cut off by a kill is left out."""
    events: list[Event] = []
    path = run / "events.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return events


class Meter:
    """Means of loss terms over many steps, kept on the device so that no step waits for the host."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, terms: dict[str, Tensor]) -> None:
        for name, term in terms.items():
            term = term.detach().float()
            self._sums[name] = self._sums[name] + term if name in self._sums else term
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """The means since the last call; one transfer from the device for all of them."""
        if not self._sums:
            return {}
        sums = torch.stack(list(self._sums.values())).tolist()
        means = {name: total / self._counts[name] for name, total in zip(self._sums, sums, strict=True)}
        self._sums, self._counts = {}, {}
        return means
