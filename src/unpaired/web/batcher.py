"""Pictures of many requests through one network: those of a size that wait together go together.

Nothing is delayed to fill a batch: while one is computed, the next collects by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from unpaired.config import Direction
from unpaired.data.picture import Picture
from unpaired.translation import values
from unpaired.translation.translator import Translator
from unpaired.web.refused import Refused


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
    """A bounded queue before one thread that computes. Use it inside one event loop, with `run` as a task."""

    def __init__(self, places: int) -> None:
        self.places, self.taken = places, 0
        self.batches = self.pictures = 0
        self._waiting: deque[Job] = deque()
        self._some = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "translate")
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
        loop = asyncio.get_running_loop()
        while True:
            group = self._next()
            if not group:
                self._some.clear()
                await self._some.wait()
                continue
            began = monotonic()
            first = group[0]
            pictures = [job.picture for job in group]
            try:
                made = await loop.run_in_executor(
                    self._thread, values.translated, first.translator, pictures, first.direction, len(pictures)
                )
            except Exception as error:
                for job in group:
                    if not job.made.done():
                        job.made.set_exception(_told(error, job.picture))
                continue
            for job, picture in zip(group, made, strict=True):
                if not job.made.done():
                    job.made.set_result(picture)
            self.batches += 1
            self.pictures += len(group)
            self._seconds += 0.1 * ((monotonic() - began) / len(group) - self._seconds)

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _next(self) -> list[Job]:
        """The job that has waited longest, and those that fit to it, up to what goes together."""
        left = deque(job for job in self._waiting if not job.made.done())
        self._waiting = left
        if not left:
            return []
        first = left[0]
        most = first.translator.at_once(*first.picture.size)
        group = [job for job in left if job.fits(first)][:most]
        chosen = set(map(id, group))
        self._waiting = deque(job for job in left if id(job) not in chosen)
        return group


def _told(error: Exception, picture: Picture) -> Exception:
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "memory" in str(error)):
        height, width = picture.size
        return Refused(413, f"The picture ({width}×{height}) does not fit into memory: make it smaller.")
    return error
