"""Which file goes where: planned, and refused where something would be lost, before anything is written."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unpaired.data import shards
from unpaired.data.discover import look_through, nothing
from unpaired.data.masks import Masks
from unpaired.data.passed_over import Reason
from unpaired.data.signatures import SUFFIXES, stem
from unpaired.errors import UserError
from unpaired.translation.history import History
from unpaired.translation.outcome import MANIFEST, number_of


@dataclass(frozen=True, slots=True)
class Job:
    """One file and where its translation goes."""

    source: Path
    target: Path
    mask: Path | None = None
    """Where it is translated; None for everywhere."""

    @property
    def version(self) -> str | None:
        """Which mask it is, beside its name."""
        return None if self.mask is None else "mask of {} bytes, {} ns".format(*shards.status(self.mask))


class Plan:
    """The jobs of one command, in a fixed order. Holds names only: about 100 bytes a file, however many there are."""

    def __init__(self, out: Path, suffix: str | None = None, masks: Masks | None = None) -> None:
        """`suffix` is the ending of the outputs; that of the inputs if not given."""
        self.out, self.suffix, self.masks = out, suffix, masks
        self.skipped: list[tuple[Path, Reason]] = []
        """What folders hold that is not translated, and why."""
        self._roots: dict[Path, int] = {}
        self._root, self._names = array("I"), list[str]()

    def add(self, root: Path, name: str) -> None:
        """The file `name` below `root` goes to the same name below `out`."""
        self._root.append(self._roots.setdefault(root, len(self._roots)))
        self._names.append(name)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, i: int) -> Job:
        return self._job(list(self._roots)[self._root[i]], self._names[i])

    def __iter__(self) -> Iterator[Job]:
        roots = list(self._roots)
        return (self._job(roots[r], name) for r, name in zip(self._root, self._names, strict=True))

    def _job(self, root: Path, name: str) -> Job:
        target = self.out / name
        if self.suffix is not None:
            target = target.with_name(stem(target) + self.suffix)
        source = root / name
        return Job(source, target, None if self.masks is None else self.masks.of(source, root))

    def share(self, rank: int, world: int) -> Plan:
        """Every `world`-th job from `rank` on; what is skipped is told by the first."""
        part = Plan(self.out, self.suffix, self.masks)
        part.skipped = self.skipped if rank == 0 else []
        part._roots = self._roots
        part._root, part._names = self._root[rank::world], self._names[rank::world]
        return part

    def number(self) -> float:
        """Of all names: ranks that see the same files have the same one."""
        return float(sum(number_of(name) >> 16 for name in self._names) % 2**52)


def plan(
    inputs: Sequence[Path], out: Path, history: History, *, overwrite: bool = False, suffix: str | None = None,
    masks: Masks | None = None,
) -> Plan:  # fmt: skip
    """Which file goes where, below `out` as below the folder that was given, with another ending where one is given,
    each with its mask where there are `masks`.

    Raises `UserError`: an input is missing, no picture, or has no mask; an output would replace an input or another
    output, or is there already, is not in the `history` of this same job, and `overwrite` is not given.
    """
    if os.path.lexists(out) and not out.is_dir():
        raise UserError(f"{out} is a file: give a folder for the translations.")
    if out.suffix.lower() in SUFFIXES and not out.exists():
        raise UserError(
            f"{out} is named like a picture: give a folder for the translations, which keep their names "
            "(--format is for another format)."
        )
    jobs, inside = Plan(out, suffix, masks), os.path.realpath(out)
    for given in inputs:
        if _is_folder(given):
            before, skipped = len(jobs), len(jobs.skipped)
            around = os.path.realpath(given)
            for file, reason in look_through(given):
                # Earlier translations that lie below an input folder are no input.
                if around != inside and f"{os.path.realpath(file)}{os.sep}".startswith(f"{inside}{os.sep}"):
                    continue
                if reason is None:
                    jobs.add(given, str(file.relative_to(given)))
                else:
                    jobs.skipped.append((file, reason))
            if len(jobs) == before:
                raise UserError(nothing(given, jobs.skipped[skipped:]))
        elif os.path.lexists(given):
            jobs.add(given.parent, given.name)
        else:
            raise UserError(f"There is no file or folder {given}.")
    if not len(jobs):
        raise UserError(f"There is no picture to translate in {', '.join(map(str, inputs))}.")
    _refuse(jobs, history, overwrite)
    if masks is not None:
        used: set[int] = set()
        for job in jobs:
            if job.mask is None:
                raise masks.lacking(job.source)
            used.add(number_of(str(job.mask)))
        jobs.skipped = [item for item in jobs.skipped if number_of(str(item[0])) not in used]
    return jobs


def _refuse(jobs: Plan, history: History, overwrite: bool) -> None:
    """Raise `UserError` where an output would take the place of something. Keeps eight bytes of each path."""
    sources = {number_of(os.path.realpath(job.source)) for job in jobs}
    targets: set[int] = set()
    for job in jobs:
        if (number := number_of(str(job.target))) in targets:
            other = next(earlier for earlier in jobs if earlier.target == job.target)
            raise UserError(
                f"{other.source} and {job.source} would both become {job.target}: translate them one by one."
            )
        targets.add(number)
        if not os.path.lexists(job.target):
            continue
        if number_of(os.path.realpath(job.target)) in sources:
            raise UserError(f"{job.target} is one of the inputs and would be overwritten: take another --out.")
        if job.target.is_dir():
            raise UserError(f"{job.target} is a folder, where the translation of {job.source} would go.")
        earlier = history.of(job.source)
        if overwrite or (earlier is not None and earlier.job == history.job):
            continue
        if earlier is not None:
            raise UserError(
                f"{job.target} was made by another checkpoint, direction or option, as {jobs.out / MANIFEST} says: "
                "take another --out, or give --overwrite."
            )
        raise UserError(f"{job.target} exists already: take another --out, or give --overwrite.")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # a name that is too long, for one
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
