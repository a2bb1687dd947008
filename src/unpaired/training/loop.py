"""The training loop. It knows no method: it takes batches, steps the engine, keeps time in images seen."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Literal

import torch
from torch import Tensor

from unpaired.config import Config
from unpaired.data.sampler import Batches
from unpaired.errors import UserError
from unpaired.training.engine import Engine
from unpaired.training.events import Events, Meter
from unpaired.training.ranks import Ranks
from unpaired.training.schedule import learning_rate_factor, progress

Ending = Literal["images", "minutes", "interrupted"]


@dataclass(slots=True)
class Clock:
    """How far a training is."""

    images: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Session:
    """A training, ready to go on from where its clock stands."""

    run: Path
    config: Config
    engine: Engine
    batches: Batches
    ranks: Ranks
    events: Events
    save: Callable[[Clock], None]
    """Write a checkpoint, and whatever is done once a checkpoint."""
    preview: Callable[[Clock], None]
    clock: Clock = field(default_factory=Clock)


PROGRESS_SECONDS = 2.0  # between lines of the log; also how late a non-finite loss is noticed at most
AGREE_EVERY = 10  # steps between the ranks' agreements on time and on stopping


def train(session: Session) -> Ending:
    """Train to the end of the plan, or until SIGINT or SIGTERM; leave a checkpoint and say why it ended."""
    config, clock, ranks = session.config.training, session.clock, session.ranks
    stride = config.batch * ranks.world
    total_seconds = config.minutes * 60 if config.minutes else None
    began, meter, finite = time.monotonic() - clock.seconds, Meter(), Finite()
    last_step, told = (clock.images, clock.seconds)
    previewed = saved = clock.seconds
    saved_images, steps = clock.images, 0
    ending: Ending | None = _ended(clock, config.images, total_seconds, False)
    with interruptible() as interrupted:
        for batch in session.batches.prefetch(clock.images, stride) if not ending else ():
            done = progress(clock.images, clock.seconds, config.images, total_seconds)
            rate = learning_rate_factor(session.config.optimizer, clock.images, done)
            terms = session.engine.step(batch.a, batch.b, images=clock.images, rate=rate)
            meter.add(terms)
            finite.watch(terms, clock.images)
            clock.images += stride
            steps += 1
            stop = bool(interrupted)
            # All ranks count the same images, so all of them come here at the same step.
            planned = config.images is not None and clock.images >= config.images
            if ranks.world == 1 or steps % AGREE_EVERY == 0 or planned:
                clock.seconds, stopping = ranks.agree([time.monotonic() - began, stop], session.engine.device)
                ending = _ended(clock, config.images, total_seconds, bool(stopping))
            if ending or clock.seconds - told >= PROGRESS_SECONDS:
                finite.check(ranks, session.engine.device)
                speed = (clock.images - last_step) / max(1e-9, clock.seconds - told)
                learning_rate = session.config.optimizer.learning_rate * rate
                facts = {"terms": meter.take(), "rate": speed, "learning_rate": learning_rate, "done": done}
                session.events.tell("progress", clock.images, clock.seconds, **facts)
                last_step, told = clock.images, clock.seconds
            if ending:
                break
            if clock.seconds - previewed >= 60 * config.preview_minutes:
                session.preview(clock)
                previewed = clock.seconds
            every = config.checkpoint_images
            if clock.seconds - saved >= 60 * config.checkpoint_minutes or (
                every and clock.images - saved_images >= every
            ):
                finite.check(ranks, session.engine.device)
                session.save(clock)
                saved, saved_images = clock.seconds, clock.images
        assert ending is not None
        if clock.images > saved_images or clock.images == 0:
            session.save(clock)
        session.preview(clock)
    session.events.tell("end", clock.images, clock.seconds, reason=ending)
    return ending


def _ended(clock: Clock, images: int | None, seconds: float | None, stop: bool) -> Ending | None:
    if images and clock.images >= images:
        return "images"
    if seconds and clock.seconds >= seconds:
        return "minutes"
    return "interrupted" if stop else None


class Finite:
    """Notices the first step whose loss was not a finite number, without making each step wait for the answer."""

    def __init__(self) -> None:
        self._pending: list[tuple[int, Tensor]] = []

    def watch(self, terms: dict[str, Tensor], images: int) -> None:
        if terms:
            self._pending.append((images, sum(t.float() for t in terms.values()).isfinite()))  # pyright: ignore

    def check(self, ranks: Ranks, device: torch.device) -> None:
        """Raise `UserError`, on all ranks, where a loss watched since the last check was NaN or infinite."""
        pending, self._pending = self._pending, []
        first = next((images for images, fine in pending if not fine), math.inf)
        [told] = ranks.agree([-first], device)
        if told > -math.inf:
            raise UserError(
                f"The loss was not a finite number at image {-told:.0f}: training stopped before it could spoil a "
                "checkpoint; go on from the last one, or start anew with a lower --learning-rate."
            )


@contextmanager
def interruptible() -> Generator[list[int]]:
    """Collect SIGINT and SIGTERM in a list in place of dying of them; a second one kills as usual."""
    caught: list[int] = []
    before: dict[int, object] = {}

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, before[number])  # pyright: ignore[reportArgumentType]

    with suppress(ValueError):  # not in the main thread, where signals can't be caught
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, catch)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]
