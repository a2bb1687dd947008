"""Files and folders of pictures, translated: decoded and encoded beside the network, in bounded memory.

files → threads decode → groups of one size → network → threads encode → files
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from unpaired.config import Direction
from unpaired.data.decode import Picture, read_picture, write_picture
from unpaired.data.discover import SUFFIXES, discover
from unpaired.errors import UserError, reason
from unpaired.training.device import keep_freed_memory
from unpaired.translation import values
from unpaired.translation.translator import Translator

THREADS = 4
WAITING = 32  # pictures that may wait, for the network as for an encoder
WAITING_BYTES = 256 << 20  # and the bytes that they may hold

Progress = Callable[[int, int], None]
"""Called with the files done and the files in all."""


@dataclass(slots=True)
class BatchReport:
    """What became of the files."""

    written: list[Path] = field(default_factory=list[Path])
    skipped: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    """Files that are no pictures, and why; only folders skip."""
    failed: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    """Pictures that could not be read, translated or written, and why: a caller exits non-zero."""
    notes: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    """What was changed on the way, beside the translation: a colour profile, values that were clipped."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file and where its translation goes."""

    source: Path
    target: Path


def translate_files(
    translator: Translator, inputs: str | Path | Sequence[str | Path], out: str | Path,
    direction: Direction | None = None, *,
    batch: int | None = None, overwrite: bool = False, progress: Progress | None = None,
) -> BatchReport:  # fmt: skip
    """Translate a file or folder, or several, folders with all that is below, in their own format and size, to `out`.

    A folder's structure is kept below `out`. A picture that can't be read is reported and the others go on.

    Raises:
        UserError: before anything is written: an input is missing, an output would replace an input or
            another output, or one is there already and `overwrite` is not given.
    """
    way = translator.direction(direction)
    inputs = [inputs] if isinstance(inputs, str | Path) else inputs
    if translator.device.type == "cpu":
        keep_freed_memory()  # a network of the same size runs again and again
    jobs, passed_over = plan([Path(path) for path in inputs], Path(out), overwrite=overwrite)
    report = BatchReport()
    for path, why in passed_over:
        # What calls itself a picture and is none was meant to be translated.
        damaged = path.suffix.lower() in SUFFIXES and why != "hidden"
        (report.failed if damaged else report.skipped).append((path, why))
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, len(jobs))

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1), "pictures") as threads:
        writing: deque[tuple[Job, int, Future[None]]] = deque()

        def finish(most: int, most_bytes: int) -> None:
            while len(writing) > most or sum(size for _, size, _ in writing) > most_bytes:
                job, _, future = writing.popleft()
                try:
                    future.result()
                    report.written.append(job.target)
                except (UserError, OSError) as e:
                    report.failed.append((job.source, reason(e, job.source)))
                tell()

        try:
            decoded = _decoded(jobs, translator.config.data.axis, threads, report, tell)
            for group in _groups(decoded, translator, batch):
                for job, made in _translated(group, translator, way, report, tell, batch):
                    finish(WAITING, WAITING_BYTES)
                    writing.append((job, made.nbytes, threads.submit(_write, made, job.target)))
            finish(0, 0)
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    return report


def plan(inputs: Sequence[Path], out: Path, *, overwrite: bool = False) -> tuple[list[Job], list[tuple[Path, str]]]:
    """Which file goes where, and what was skipped and why. Raises `UserError` as `translate_files` says."""
    jobs: list[Job] = []
    skipped: list[tuple[Path, str]] = []
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: give a folder for the translations.")
    inside = out.resolve()
    for given in inputs:
        if given.is_dir():
            found = discover(given)
            skipped += found.skipped
            for file in found.files:
                # Earlier translations that lie below an input folder are no input.
                if inside != given.resolve() and file.resolve().is_relative_to(inside):
                    continue
                jobs.append(Job(file, out / file.relative_to(given)))
        elif given.exists():
            jobs.append(Job(given, out / given.name))
        else:
            raise UserError(f"There is no file or folder {given}.")
    if not jobs:
        raise UserError(f"There is no picture to translate in {', '.join(map(str, inputs))}.")
    sources = {job.source.resolve() for job in jobs}
    targets: dict[Path, Path] = {}
    for job in jobs:
        if job.target.resolve() in sources:
            raise UserError(f"{job.target} is one of the inputs and would be overwritten: take another --out.")
        if (other := targets.setdefault(job.target, job.source)) is not job.source:
            raise UserError(f"{other} and {job.source} would both become {job.target}: translate them one by one.")
        if job.target.is_dir():
            raise UserError(f"{job.target} is a folder, where the translation of {job.source} would go.")
        if job.target.exists() and not overwrite:
            raise UserError(f"{job.target} exists already: take another --out, or give --overwrite.")
    return jobs, skipped


def _decoded(
    jobs: Sequence[Job], axis: int, threads: ThreadPoolExecutor, report: BatchReport, tell: Callable[[], None]
) -> Iterator[tuple[Job, Picture]]:
    """Pictures in the order of their jobs, decoded ahead, but never more than may wait."""
    left, ahead = deque(jobs), deque[tuple[Job, Future[Picture]]]()
    while left or ahead:
        held = sum(f.result().nbytes for _, f in ahead if f.done() and not f.exception())
        while left and (not ahead or (len(ahead) < WAITING and held < WAITING_BYTES)):
            job = left.popleft()
            ahead.append((job, threads.submit(read_picture, job.source, axis=axis)))
        job, future = ahead.popleft()
        try:
            yield job, future.result()
        except (UserError, OSError) as e:
            report.failed.append((job.source, reason(e, job.source)))
            tell()


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
    report: BatchReport,
    tell: Callable[[], None],
    batch: int | None,
) -> Iterator[tuple[Job, Picture]]:
    """Each job with its translation."""

    def failed(job: Job, why: str) -> None:
        report.failed.append((job.source, why))
        tell()

    able: list[tuple[Job, Picture]] = []
    for job, picture in group:
        if why := values.fits(translator.config.data, picture, way):
            failed(job, why)
        else:
            able.append((job, picture))
    try:
        made = values.translated(translator, [picture for _, picture in able], way, batch)
    except (RuntimeError, MemoryError) as e:
        if isinstance(e, RuntimeError) and "memory" not in str(e):
            raise
        for job, picture in able:
            height, width = picture.size
            failed(job, f"does not fit into memory ({width}×{height}): make it smaller.")
        return
    for (job, _), picture in zip(able, made, strict=True):
        report.notes += [(job.source, note) for note in picture.notes]
        yield job, picture


def _write(picture: Picture, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    write_picture(picture.pages, picture, target)
