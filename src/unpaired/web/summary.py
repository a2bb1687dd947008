"""How a run stands, in the words and numbers that pages and the API show."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from unpaired.report.pieces import names, title
from unpaired.run.folder import Record, is_number, mapping
from unpaired.text import duration

State = Literal["training", "finished", "stopped", "flat", "failed"]

SILENT = 180.0
"""Seconds without a word after which a training that this server did not start counts as cut off."""

TOLD = frozenset({"start", "resume", "progress", "preview", "checkpoint", "end"})
"""What only a training tells; an evaluation may come later."""

MEANINGS: dict[State, str] = {
    "training": "It is learning right now.",
    "finished": "All that was planned is done. It can go on for longer.",
    "stopped": "It was stopped and can go on from where it was.",
    "flat": "Its curves no longer move: more time is unlikely to help.",
    "failed": "It ended by itself before it was done.",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in a few numbers."""

    name: str
    title: str
    """What its page is headed with: what it translates where that has a name, else its own name."""
    domains: tuple[str, str]
    state: State
    sentence: str
    """The state in one sentence."""
    method: str
    preset: str | None
    size: int | None
    """Side of the crops in px."""
    directions: list[str]
    images: int
    seconds: float
    done: float
    """Share of the plan, 0 to 1."""
    left: float | None
    """Seconds to go, while it is training."""
    rate: float | None
    """Images a second."""
    judged: float | None
    """Distance (KID) of the newest measured checkpoint, the mean of its directions; lower is better."""
    warnings: list[str]
    previews: dict[str, str]
    """The newest preview by direction: file names within the run."""
    moments: int
    """How many moments have previews."""


def summary(name: str, record: Record, *, alive: bool | None, failure: str | None = None) -> Summary:
    """`alive` says whether the process that this server started for the run is there; None where it started none.

    `failure` is the last that such a process said, if it ended badly.
    """
    state, sentence = _state(record, alive, failure)
    progress = record.of("progress")
    last = progress[-1] if progress else {}
    done = float(last["done"]) if is_number(last.get("done")) else 0.0
    rates = [float(e["rate"]) for e in progress[-15:] if is_number(e.get("rate"))]
    rate = sum(rates) / len(rates) if rates else None
    shots = record.previews()
    data, domains = mapping(record.config.get("data")), names(record)
    return Summary(
        name=name, title=name if domains == ("A", "B") else title(record), domains=domains, state=state,
        sentence=sentence, method=str(record.config.get("method", "")), preset=_text(record.facts.get("preset")),
        size=data.get("crop"), directions=record.directions, images=record.images, seconds=record.seconds,
        done=1.0 if state == "finished" else done, left=_left(record, rate) if state == "training" else None, rate=rate,
        judged=judged(record), warnings=warnings(record),
        previews={d: f.name for d, f in shots[-1].files.items()} if shots else {}, moments=len(shots),
    )  # fmt: skip


def _state(record: Record, alive: bool | None, failure: str | None) -> tuple[State, str]:
    told = [e for e in record.events if e["kind"] in TOLD]
    last = told[-1] if told else {}
    if alive:
        return "training", _under_way(record)
    if last.get("kind") == "end":
        if str(last.get("reason")) == "interrupted":
            return "stopped", f"Stopped after {duration(record.seconds)}; it can go on from there."
        return ("flat", MEANINGS["flat"]) if is_flat(record) else ("finished", _finished(record))
    if failure:
        return "failed", failure
    if alive is None and time.time() - float(last.get("time", 0)) < SILENT:
        return "training", _under_way(record)
    return "stopped", "Cut off; it can go on from its last checkpoint."


def _under_way(record: Record) -> str:
    if not record.of("progress"):
        return "Getting ready: decoding pictures, building networks."
    flat = " Its curves no longer move." if is_flat(record) else ""
    return f"Learning for {duration(record.seconds)} so far.{flat}"


def _finished(record: Record) -> str:
    return f"Finished after {duration(record.seconds)}."


def is_flat(record: Record) -> bool:
    """Whether the newest evaluation, or the end, says that nothing gets better any more."""
    for event in reversed(record.events):
        if event["kind"] == "end" and event.get("reason") == "flat":
            return True
        if "flat" in event:
            return event["flat"] is True
    return False


def _left(record: Record, rate: float | None) -> float | None:
    """Seconds to the end of the plan, whichever limit comes first."""
    plans = record.of("start") + record.of("resume")
    plan = mapping(plans[-1].get("plan")) if plans else {}
    lefts: list[float] = []
    if is_number(plan.get("images")) and rate:
        lefts.append((plan["images"] - record.images) / rate)
    if is_number(plan.get("minutes")):
        lefts.append(60 * plan["minutes"] - record.seconds)
    return max(0.0, min(lefts)) if lefts else None


def judged(record: Record) -> float | None:
    """The newest evaluation's distance."""
    for event in reversed(record.of("evaluation") + record.of("checkpoint")):
        values = [event["value"]] if is_number(event.get("value")) else mapping(event.get("judged")).values()
        numbers = [float(v) for v in values if is_number(v)]
        if numbers:
            return sum(numbers) / len(numbers)
    return None


def warnings(record: Record) -> list[str]:
    return list(dict.fromkeys(str(e["text"]) for e in record.of("warning") if e.get("text")))


def _text(value: Any) -> str | None:
    return str(value) if value else None


def broken(name: str, sentence: str) -> Summary:
    """A run whose record can't be read."""
    return Summary(
        name=name, title=name, domains=("A", "B"), state="failed", sentence=sentence, method="", preset=None, size=None,
        directions=[], images=0, seconds=0.0, done=0.0, left=None, rate=None, judged=None, warnings=[], previews={},
        moments=0,
    )  # fmt: skip
