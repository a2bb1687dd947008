"""A training as a terminal shows it: live where there is one, a line now and then where there is none."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from unpaired.text import duration
from unpaired.training.events import Event

LINE_SECONDS = 30.0  # between lines where the output is not a terminal
ETA_SECONDS = 30.0  # after which the rate is steady enough to say when it will be done

EXPLAINED = {
    "gan_ab": "fooling D_B", "gan_ba": "fooling D_A", "cycle_a": "A → B → A", "cycle_b": "B → A → B",
    "cycle_features_a": "A → B → A seen", "cycle_features_b": "B → A → B seen",
    "identity_a": "A stays A", "identity_b": "B stays B",
    "discriminator_a": "telling A", "discriminator_b": "telling B",
    "nce_a": "places of A", "nce_b": "places of B", "l1_b": "true pairs",
    "structure_a": "structure of A", "structure_b": "structure of B",
    "inversion_a": "A inverted", "inversion_b": "B inverted",
    "outside_a": "A outside masks", "outside_b": "B outside masks",
    "r1_a": "slope of D_A", "r1_b": "slope of D_B",
    "content_a": "shows what A does", "style_b": "painted as B", "smoothness_b": "roughness",
    "diversity_b": "alike despite noise",
    "distance_b": "length of the way", "entropy_b": "variety of ends", "energy_b": "telling variety",
    "warm_up_a2b": "filling in A", "warm_up_b2a": "filling in B",
}  # fmt: skip


class Display:
    """A listener for `unpaired.train`. Use it as a context, so that the terminal is given back."""

    def __init__(self, run: Path, console: Console) -> None:
        self.run, self.console = run, console
        self.total_images: float | None = None
        self.total_seconds: float | None = None
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self.smooth: dict[str, float] = {}
        self.preview: str | None = None
        self.last_line = 0.0
        self.said_eta = False
        self.began = 0.0

    def __enter__(self) -> Display:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def __call__(self, event: Event) -> None:
        kind = event["kind"]
        if kind == "decoding":
            self._decoding(event)
        elif kind in ("start", "resume"):
            self.began, self.last_line = event["seconds"], 0.0
            self.total_images, minutes = event["plan"]["images"], event["plan"]["minutes"]
            self.total_seconds = 60 * minutes if minutes else None
            for sentence in event["sentences"]:
                self.console.print(sentence, soft_wrap=True)
        elif kind == "progress":
            terms: dict[str, float] = event["terms"]
            for name, value in terms.items():
                self.smooth[name] = 0.8 * self.smooth.get(name, value) + 0.2 * value
            self._show(event)
        elif kind == "preview":
            self.preview = str(self.run / next(iter(event["files"].values())))
        elif kind == "warning":
            self.console.print(Text(f"Note: {event['text']}", style="yellow"))

    def _decoding(self, event: Event) -> None:
        text = f"Decoding {event['domain'].upper()}: {event['done']:,} of {event['total']:,} pictures, once for all"
        if self.live:
            self.live.update(Text(text if event["done"] < event["total"] else ""))
        elif self._is_time():
            self.console.print(text, soft_wrap=True)

    def _is_time(self) -> bool:
        """Whether another line is due where the output is not a terminal."""
        now = time.monotonic()
        due = self.last_line == 0 or now - self.last_line > LINE_SECONDS
        self.last_line = now if due else self.last_line
        return due

    def _show(self, event: Event) -> None:
        left = self._left(event)
        if self.live:
            self.live.update(self._panel(event, left))
        elif self._is_time():
            losses = ", ".join(f"{name} {value:.3f}" for name, value in self.smooth.items())
            eta = f", {duration(left)} left" if left is not None else ""
            self.console.print(f"{event['images']:,} images, {event['rate']:.1f}/s{eta}: {losses}", soft_wrap=True)
        if not self.said_eta and left is not None and event["seconds"] - self.began >= ETA_SECONDS:
            self.said_eta = True
            done_at = time.strftime("%a %H:%M", time.localtime(time.time() + left))
            self.console.print(f"At this rate it will be done in {duration(left)}, about {done_at}.")

    def _left(self, event: Event) -> float | None:
        lefts: list[float] = []
        if self.total_images and event["rate"] > 0:
            lefts.append((self.total_images - event["images"]) / event["rate"])
        if self.total_seconds:
            lefts.append(self.total_seconds - event["seconds"])
        return max(0.0, min(lefts)) if lefts else None

    def _panel(self, event: Event, left: float | None) -> Table:
        table = Table.grid(padding=(0, 2))
        bar_width = 30
        filled = round(bar_width * event["done"])
        head: list[Any] = [
            Text("━" * filled, style="green") + Text("━" * (bar_width - filled), style="bright_black"),
            f"{event['images']:,} images", f"{event['rate']:.1f} images/s",
            f"{duration(left)} left" if left is not None else f"{duration(event['seconds'])} so far",
        ]  # fmt: skip
        table.add_row(*head)
        losses = Table.grid(padding=(0, 2))
        for name, value in self.smooth.items():
            losses.add_row(name, f"{value:.3f}", Text(EXPLAINED.get(name, ""), style="bright_black"))
        outer = Table.grid()
        outer.add_row(table)
        outer.add_row(losses)
        if self.preview:
            outer.add_row(Text(f"last preview: {self.preview}", style="bright_black"))
        return outer
