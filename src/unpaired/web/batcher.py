"""Pictures of many requests through one network: those of a size that wait together go together.

Nothing is delayed to fill a batch: while some are computed, the next collects by itself. Where much waits, several
batches are computed beside each other, each with its share of the cores: threads that work on one batch wait for each
other after every layer, and for a core that the network's traffic has taken just then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import torch

from unpaired.config import Direction
from unpaired.data.picture import Picture
from unpaired.translation import values
from unpaired.translation.translator import Translator
from unpaired.web.refused import Refused

LANES = 4
"""Batches that are computed beside each other on a CPU, at most."""


class Busy(Exception):
    """No more pictures may wait; `seconds` says when to come back."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many pictures are waiting: try again in {seconds} s.")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Job:
    """One picture that waits."""

    translator: Translator
    direction: Direction
    picture: Picture
    made: asyncio.Future[Picture]

    def fits(self, other: Job) -> bool:
        """Whether both may go through the network together."""
        return (
            self.translator is other.translator
            and self.direction == other.direction
            and self.picture.size == other.picture.size
        )


class Batcher:
    """A bounded queue before the threads that compute. Use it inside one event loop, with `run` as a task."""

    def __init__(self, places: int, *, lanes: int = 1) -> None:
        """`lanes` batches at most are computed beside each other, with torch's threads shared among them."""
        self.places, self.taken = places, 0
        self.batches = self.pictures = 0
        self._lanes, self._computing, self._cores = lanes, 0, torch.get_num_threads()
        self._waiting: deque[Job] = deque()
        self._some = asyncio.Event()
        self._threads = ThreadPoolExecutor(lanes, "translate")
        self._seconds = 0.1  # a picture takes, as a running mean

    @contextmanager
    def place(self) -> Generator[None]:
        """A place in the queue, taken before a request's body is read. Raises `Busy` where none is free."""
        if self.taken >= self.places:
            raise Busy(min(60, 1 + int(self.taken * self._seconds)))
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def translate(self, translator: Translator, picture: Picture, direction: Direction) -> Picture:
        """A picture → its translation; cancelled, it gives up its place in the next batch.

        Raises `Refused` where the picture does not fit into memory.
        """
        job = Job(translator, direction, picture, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._some.set()
        return await job.made

    async def run(self) -> None:
        """Translate what waits, until cancelled."""
        await asyncio.gather(*(self._lane() for _ in range(self._lanes)))

    async def _lane(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            group = self._next()
            if not group:
                self._some.clear()
                await self._some.wait()
                continue
            self._computing += 1
            began = monotonic()
            try:
                made = await loop.run_in_executor(self._threads, _translated, group, self._share())
            except Exception as error:
                for job in group:
                    if not job.made.done():
                        job.made.set_exception(_told(error, job.picture))
                continue
            finally:
                self._computing -= 1
            for job, picture in zip(group, made, strict=True):
                if not job.made.done():
                    job.made.set_result(picture)
            self.batches += 1
            self.pictures += len(group)
            seconds = (monotonic() - began) / len(group) / (self._computing + 1)
            self._seconds += 0.1 * (seconds - self._seconds)

    def _share(self) -> int:
        """Threads for a batch: all, where it is alone."""
        beside = min(self._lanes, self._computing + bool(self._waiting))
        return max(1, self._cores // beside)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _next(self) -> list[Job]:
        """The job that has waited longest, and those that fit to it, up to what goes together."""
        left = deque(job for job in self._waiting if not job.made.done())
        self._waiting = left
        if not left:
            return []
        first = left[0]
        most = first.translator.at_once(*first.picture.size) // self._lanes
        group = [job for job in left if job.fits(first)]
        group = group[: _even(min(len(group), max(1, most)))]
        chosen = set(map(id, group))
        self._waiting = deque(job for job in left if id(job) not in chosen)
        return group


def _even(count: int) -> int:
    """The largest of 1, 2, 3, 4, 6, 8, 12, 16, … up to `count`: each number of pictures of each size takes kernels and
    memory of its own, so that few numbers cost less of both."""
    power = 1 << (count.bit_length() - 1)
    return power + power // 2 if power > 1 and count >= power + power // 2 else power


def _translated(group: list[Job], threads: int) -> list[Picture]:
    torch.set_num_threads(threads)  # of this thread, and of any that starts later and sets none (`Background` does)
    first = group[0]
    return values.translated(first.translator, [job.picture for job in group], first.direction, len(group))


def _told(error: Exception, picture: Picture) -> Exception:
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "memory" in str(error)):
        height, width = picture.size
        return Refused(413, f"The picture ({width}×{height}) does not fit into memory: make it smaller.")
    return error
