"""Files and folders of pictures, translated: decoded and encoded beside the network, in bounded memory.

files → threads decode → groups of one size → network → threads encode → files
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from unpaired.compute.device import keep_freed_memory
from unpaired.compute.ranks import Ranks
from unpaired.config import Direction
from unpaired.data.masks import Masks
from unpaired.data.signatures import SUFFIXES
from unpaired.errors import DiskFull, Interrupted, UserError
from unpaired.translation.composite import check_alike
from unpaired.translation.history import History
from unpaired.translation.jobs import plan
from unpaired.translation.ledger import Ledger, Progress
from unpaired.translation.manifest import Manifest
from unpaired.translation.outcome import MANIFEST, Outcome, Status, identity, outcomes
from unpaired.translation.pipeline import translate_jobs
from unpaired.translation.translator import Translator


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
