"""Files and folders of pictures, translated: decoded and encoded beside the network, in bounded memory.

files → threads decode → groups of one size → network → threads encode → files
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from unpaired.compute.device import keep_freed_memory
from unpaired.compute.ranks import Ranks
from unpaired.config import Direction
from unpaired.data.decode import Picture, read_picture, write_picture
from unpaired.data.discover import SUFFIXES
from unpaired.data.masks import Masks, read_mask
from unpaired.errors import DiskFull, Interrupted, UserError
from unpaired.translation import streamed, values
from unpaired.translation.composite import check_alike, laid_over
from unpaired.translation.jobs import Job, plan
from unpaired.translation.ledger import Ledger, Progress, Told
from unpaired.translation.manifest import MANIFEST, History, Manifest, Outcome, Status, identity, outcomes
from unpaired.translation.translator import Translator

THREADS = 4
WAITING = 32  # pictures that may wait, for the network as for an encoder
WAITING_BYTES = 256 << 20  # and the bytes that they may hold


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of the files: how many, at hand; which, read from the manifest when they are asked for."""

    manifest: Path
    begin: int
    """Byte of the manifest at which this call's lines begin."""
    translated: int
    kept: int
    """Translations that were there already, whole, by the same job."""
    passed_over: int
    failures: int
    notes: dict[str, int]
    """What was changed on the way, beside the translation, and in how many files."""
    unrecorded: tuple[Outcome, ...]
    """What the manifest had no space for."""
    place: str
    """The folder or address of the translations."""
    direction: Direction
    job: str
    """What translated them, as in `Outcome`."""
    keeps: object = None
    """Lives as long as the report: the copy of a manifest that lies at an address."""

    @property
    def written(self) -> list[Path]:
        return [self.manifest.parent / o.output for o in self.outcomes("translated") if o.output is not None]

    @property
    def skipped(self) -> list[tuple[Path, str]]:
        """Files that are no pictures, and why; only folders skip."""
        return [(Path(o.input), o.reason or "") for o in self.outcomes("skipped")]

    @property
    def failed(self) -> list[tuple[Path, str]]:
        """Pictures that could not be read, translated or written, and why: a caller exits non-zero."""
        return [(Path(o.input), o.reason or "") for o in self.outcomes("failed")]

    def outcomes(self, status: Status) -> Iterator[Outcome]:
        """This call's lines of the manifest, one at a time, and those that it had no space for."""
        return (o for o in chain(outcomes(self.manifest, self.begin), self.unrecorded) if o.status == status)

    def done(self, inputs: Sequence[str | Path]) -> Iterator[Outcome]:
        """The translations of these files, and of all in these folders, that are there by now: this call's, and those
        that earlier calls of the same job made, one at a time.
        """
        given = [os.path.abspath(path) for path in inputs]
        for outcome in outcomes(self.manifest):
            asked = any(outcome.input == path or outcome.input.startswith(os.path.join(path, "")) for path in given)
            if asked and outcome.status == "translated" and outcome.job == self.job:
                yield outcome


def translate_files(
    translator: Translator, inputs: str | Path | Sequence[str | Path], out: str | Path,
    direction: Direction | None = None, *,
    batch: int | None = None, overwrite: bool = False, progress: Progress | None = None, ranks: Ranks | None = None,
    format: str | None = None, masks: str | Path | None = None,
) -> BatchReport:  # fmt: skip
    """Translate a file or folder, or several, folders with all that is below, in their own format and size, to `out`.

    `format` is a file name ending such as "tif", for another format than the inputs'. `masks` says where pictures are
    translated: a folder in which each has a mask of its name, white where it is and black where it stays as it is (or
    the pictures' own, with masks such as horse-mask.png beside horse.jpg), or one file for all.

    A folder's structure is kept below `out`. A picture that can't be read or written is reported and the others go
    on. What became of each file is in `out`/manifest.jsonl, and what is done and whole is not done again. Of several
    `ranks` each translates its share, and all return the same counts.

    Raises:
        UserError: before anything is written: an input is missing, an output would replace an input or another
            output, or one is there already, not made by this same job, and `overwrite` is not given. Which replaces
            that, and makes anew what a call that came to its end has made; after a stop, it goes on.
        DiskFull: of all that is left nothing would fit. Once there is room, the same call goes on.
        Interrupted: Ctrl-C. The same call goes on.
    """
    way, ranks, out = translator.direction(direction), ranks or Ranks(), Path(out)
    inputs = [inputs] if isinstance(inputs, str | Path) else inputs
    if translator.device.type == "cpu":
        keep_freed_memory()  # a network of the same size runs again and again
    with ranks.together():
        translator.at_once(1, 1, batch)  # refuses a batch that is none
        suffix = None if format is None else f".{format.lower().removeprefix('.')}"
        if suffix is not None and suffix not in SUFFIXES:
            known = ", ".join(ending.removeprefix(".") for ending in SUFFIXES)
            raise UserError(f"The format {format!r} is unknown: take one of {known}.")
        about = {"weights": translator.fingerprint(way), "direction": way, "batch": batch}
        about |= {} if suffix is None else {"format": suffix}
        known = None
        if masks is not None:
            check_alike(translator.config.data, way)
            about |= {"masks": os.path.abspath(masks)}
            known = Masks(Path(masks))
        history = History(out, identity(about), anew=overwrite)
        whole = plan([Path(path) for path in inputs], out, history, overwrite=overwrite, suffix=suffix, masks=known)
    if len({*ranks.gather(whole.number())}) > 1:
        raise UserError("The processes do not see the same pictures: give folders that all of them share.")
    manifest = _opened(out, history.job, about, ranks)
    jobs = whole.share(ranks.rank, ranks.world)
    ledger = Ledger(manifest, history, total=len(jobs), progress=progress)
    counts = manifest.counts
    with ranks.together():
        try:
            manifest.pass_over(jobs.skipped)
            translate_jobs(jobs, translator, way, batch, ledger)
        except (KeyboardInterrupt, DiskFull) as e:
            done = f"{ledger.kept + counts['translated']:,} of {len(jobs):,} files are done"
            if isinstance(e, DiskFull):
                full = f"The disk of {out} is full: {done}. Make room there, and the same command goes on."
                raise DiskFull(full) from e
            raise Interrupted(f"Stopped: {done}. The same command goes on from there.") from e
        finally:
            unrecorded = manifest.close()
    told = ranks.gather((counts["translated"], ledger.kept, counts["skipped"], counts["failed"]))
    lost = [outcome for lines in ranks.gather(unrecorded) for outcome in lines]
    notes = sum(ranks.gather(manifest.notes), Counter[str]())
    with ranks.together():
        if ranks.first:
            manifest.join()
            manifest.end()
    translated, kept, skipped, failed = (sum(column) for column in zip(*told, strict=True))
    return BatchReport(
        out / MANIFEST, manifest.begin, translated, kept, skipped, failed, dict(notes), tuple(lost), str(out), way,
        history.job,
    )  # fmt: skip


def _opened(out: Path, job: str, about: dict[str, Any], ranks: Ranks) -> Manifest:
    """This rank's manifest. The first clears away what killed processes left before the others begin."""
    manifest = None
    for part in range(min(2, ranks.world)):
        with ranks.together():
            if ranks.first is (part == 0):
                manifest = Manifest(out, job, about, None if ranks.first else str(ranks.rank))
    assert manifest is not None
    return manifest


def closed(
    manifest: Manifest, total: int, unrecorded: Sequence[Outcome], way: Direction, *,
    kept: int | None = None, place: str | None = None, keeps: object = None,
) -> BatchReport:  # fmt: skip
    """The report on `total` jobs of many workers, counted from what the manifest says of them."""
    counts, notes = Counter[Status](), Counter[str]()
    for outcome in chain(outcomes(manifest.path, manifest.begin), unrecorded):
        counts[outcome.status] += 1
        notes.update(outcome.notes or ())
    if kept is None:
        kept = total - counts["translated"] - (counts["failed"] - manifest.counts["failed"])
    return BatchReport(
        manifest.path, manifest.begin, counts["translated"], kept, counts["skipped"], counts["failed"],
        dict(notes), tuple(unrecorded), place or str(manifest.out), way, manifest.job, keeps,
    )  # fmt: skip


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
