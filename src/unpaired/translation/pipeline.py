"""Jobs through the network, in bounded memory: decoded and encoded beside it.

files → threads decode → groups of one size → network → threads encode → files
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from unpaired.config import Direction
from unpaired.data.decode import Picture, read_picture, write_picture
from unpaired.data.masks import read_mask
from unpaired.errors import DiskFull, UserError
from unpaired.translation import streamed, values
from unpaired.translation.composite import laid_over
from unpaired.translation.jobs import Job
from unpaired.translation.ledger import Told
from unpaired.translation.translator import Translator

THREADS = 4
WAITING = 32  # pictures that may wait, for the network as for an encoder
WAITING_BYTES = 256 << 20  # and the bytes that they may hold


def translate_jobs(
    jobs: Iterable[Job], translator: Translator, way: Direction, batch: int | None, ledger: Told
) -> None:
    """Translate whatever `jobs` yields, in bounded memory, and tell the ledger of each."""
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1), "pictures") as threads:
        writing: deque[tuple[Job, int, Future[None]]] = deque()

        def finish(most: int, most_bytes: int) -> None:
            while len(writing) > most or sum(size for _, size, _ in writing) > most_bytes:
                job, _, future = writing.popleft()
                try:
                    future.result()
                    ledger.finished(job)
                except DiskFull:
                    raise
                except (UserError, OSError) as e:
                    ledger.failed(job, e)

        try:
            whole = _streamed(jobs, translator, way, ledger)
            decoded = _decoded(whole, translator.config.data.axis, threads, ledger)
            for group in _groups(decoded, translator, batch):
                for job, made in _translated(group, translator, way, batch, ledger):
                    finish(WAITING, WAITING_BYTES)
                    writing.append((job, made.nbytes, threads.submit(_write, ledger, job, made)))
            finish(0, 0)
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise


def _streamed(jobs: Iterable[Job], translator: Translator, way: Direction, ledger: Told) -> Iterator[Job]:
    """The jobs whose pictures are held whole; what is too large for that is translated meanwhile, from file to file."""
    for job in jobs:
        try:
            with streamed.opened(job.source, translator.large.left()) as windows:
                if windows is None:
                    yield job
                elif job.mask is not None:
                    ledger.failed(job, UserError(
                        f"{job.source} is too large to be held whole, as pictures with masks are: raise --max-memory "
                        "and --max-megapixels, cut it into parts, or translate it without --masks."
                    ))  # fmt: skip
                elif ledger.is_done(job):
                    ledger.keep(job)
                else:
                    notes = list[str]()

                    def write(temporary: Path, windows: streamed.Windows = windows, notes: list[str] = notes) -> None:
                        notes += streamed.translate(translator, windows, temporary, way)

                    ledger.write(job, write, notes)
                    ledger.finished(job)
        except DiskFull:
            raise
        except (UserError, OSError) as e:
            ledger.failed(job, e)


def _decoded(
    jobs: Iterable[Job], axis: int, threads: ThreadPoolExecutor, ledger: Told
) -> Iterator[tuple[Job, Picture]]:  # fmt: skip
    """Pictures in the order of their jobs, decoded ahead, but never more than may wait; not those done before."""
    left, ahead = iter(jobs), deque[tuple[Job, Future[Picture | None]]]()
    while True:
        held = sum(_bytes(f.result()) for _, f in ahead if f.done() and not f.exception())
        while not ahead or (len(ahead) < WAITING and held < WAITING_BYTES):
            if (job := next(left, None)) is None:
                break
            ahead.append((job, threads.submit(_read, job, axis, ledger)))
        if not ahead:
            return
        job, future = ahead.popleft()
        try:
            if (picture := future.result()) is None:
                ledger.keep(job)
            else:
                yield job, picture
        except (UserError, OSError) as e:
            ledger.failed(job, e)


def _read(job: Job, axis: int, ledger: Told) -> Picture | None:
    """None where there is nothing to do any more."""
    return None if ledger.is_done(job) else read_picture(job.source, axis=axis)


def _groups(
    decoded: Iterator[tuple[Job, Picture]], translator: Translator, batch: int | None
) -> Iterator[list[tuple[Job, Picture]]]:
    """Pictures of one size, as many as go through the network together; few wait for others of their size."""
    waiting: dict[tuple[int, int], list[tuple[Job, Picture]]] = {}
    for job, picture in decoded:
        size = picture.size
        if len(picture.pages) > 1:  # they are a group of their own
            yield [(job, picture)]
            continue
        group = waiting.setdefault(size, [])
        group.append((job, picture))
        if len(group) >= translator.at_once(*size, batch):
            yield waiting.pop(size)
        elif sum(map(len, waiting.values())) >= WAITING:
            yield waiting.pop(next(iter(waiting)))
    yield from waiting.values()


def _translated(
    group: list[tuple[Job, Picture]],
    translator: Translator,
    way: Direction,
    batch: int | None,
    ledger: Told,
) -> Iterator[tuple[Job, Picture]]:
    """Each job with its translation."""
    able: list[tuple[Job, Picture]] = []
    for job, picture in group:
        if why := values.fits(translator.config.data, picture, way):
            ledger.failed(job, UserError(f"{job.source} {why}"))
        else:
            able.append((job, picture))
    try:
        made = values.translated(translator, [picture for _, picture in able], way, batch)
    except UserError as e:  # no room for what lies between the bands of a large picture
        for job, _ in able:
            ledger.failed(job, e)
        return
    except (RuntimeError, MemoryError) as e:
        if isinstance(e, RuntimeError) and "memory" not in str(e):
            raise
        for job, picture in able:
            height, width = picture.size
            why = f"{job.source} does not fit into memory ({width}×{height}): make it smaller."
            ledger.failed(job, UserError(why))
        return
    for (job, picture), one in zip(able, made, strict=True):
        if job.mask is not None:
            try:
                mask = read_mask(job.mask, *picture.size, axis=translator.config.data.axis)
                one = laid_over(one, picture, mask)
            except UserError as e:
                ledger.failed(job, e)
                continue
        yield job, one


def _write(ledger: Told, job: Job, picture: Picture) -> None:
    ledger.write(job, lambda temporary: write_picture(picture.pages, picture, temporary), picture.notes)


def _bytes(picture: Picture | None) -> int:
    return 0 if picture is None else picture.nbytes
