"""The training loop. It knows no method: it takes batches, steps the engine, keeps time in images seen."""

from __future__ import annotations

import signal
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import FrameType
from typing import Literal

from unpaired.training.energy import Energy
from unpaired.training.events import Meter
from unpaired.training.schedule import learning_rate_factor, progress
from unpaired.training.session import Clock, Session
from unpaired.training.stability import Watch

Ending = Literal["images", "minutes", "flat", "interrupted"]

PROGRESS_SECONDS = 2.0  # between lines of the log; also how late an exploded loss is noticed at most
AGREE_EVERY = 10  # steps between the ranks' agreements on time and on stopping


def train(session: Session) -> Ending:
    """Train to the end of the plan, or until SIGINT or SIGTERM; leave a checkpoint and say why it ended."""
    config, clock, ranks, stride = session.config.training, session.clock, session.ranks, session.stride
    total_seconds = config.minutes * 60 if config.minutes else None
    began, meter, watch, energy = time.monotonic() - clock.seconds, Meter(), Watch(session.run, stride), Energy()
    last_step, told = (clock.images, clock.seconds)
    previewed, saved, steps = clock.seconds, replace(clock), 0
    ending: Ending | None = _ended(clock, config.images, total_seconds, False)
    with interruptible() as interrupted:
        for batch in session.batches.prefetch(clock.images, stride) if not ending else ():
            done = progress(clock.images, clock.seconds, config.images, total_seconds)
            rate = learning_rate_factor(session.config.optimizer, clock.images, done)
            terms = session.engine.step(batch.a, batch.b, images=clock.images, rate=rate, done=done, masks=batch.masks)
            meter.add(terms)
            watch.see(terms, clock.images)
            clock.images += stride
            steps += 1
            stop = bool(interrupted)
            # All ranks count the same images, so all of them come here at the same step.
            planned = config.images is not None and clock.images >= config.images
            if ranks.world == 1 or steps % AGREE_EVERY == 0 or planned:
                clock.seconds, stopping = ranks.agree([time.monotonic() - began, stop])
                ending = _ended(clock, config.images, total_seconds, bool(stopping))
            # An evaluation looks at the losses before it, so there have to be some.
            judged = session.reached(config.evaluate_every) and clock.seconds > told
            if ending or judged or clock.seconds - told >= PROGRESS_SECONDS:
                watch.check(ranks)
                speed = (clock.images - last_step) / max(1e-9, clock.seconds - told)
                learning_rate = session.config.optimizer.learning_rate * rate
                session.tell(
                    "progress", terms=meter.take(), rate=speed, learning_rate=learning_rate, done=done,
                    joules=energy.take(),
                )  # fmt: skip
                last_step, told = clock.images, clock.seconds
            if ending:
                break
            if clock.seconds - previewed >= 60 * config.preview_minutes:
                session.show()
                previewed = clock.seconds
            every = config.checkpoint_images
            if (
                clock.seconds - saved.seconds >= 60 * config.checkpoint_minutes
                or (every and clock.images - saved.images >= every)
                or session.reached(config.evaluate_every)
            ):
                watch.check(ranks)
                session.save()
                saved = replace(clock)
                if config.stop_when_flat and session.flat:
                    ending = "flat"
                    break
        assert ending is not None
        if clock.images > saved.images or clock.images == 0:
            session.save(last=True)
        session.show()
        if ending != "interrupted":
            session.look_back()
    session.tell("end", reason=ending)
    return ending


def _ended(clock: Clock, images: int | None, seconds: float | None, stop: bool) -> Ending | None:
    if images and clock.images >= images:
        return "images"
    if seconds and clock.seconds >= seconds:
        return "minutes"
    return "interrupted" if stop else None


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
