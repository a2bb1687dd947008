"""Pictures at addresses, fetched to a folder of one’s own, translated there and put back, a block at a time."""

from __future__ import annotations

import posixpath
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from unpaired.config import Direction
from unpaired.data.beside import place_names
from unpaired.errors import DiskFull, UserError, reason
from unpaired.translation.addresses import RemoteJob, at, said, version_of
from unpaired.translation.jobs import Job
from unpaired.translation.manifest import Write
from unpaired.translation.outcome import Outcome, digest
from unpaired.translation.pipeline import translate_jobs
from unpaired.translation.place import copy_place
from unpaired.translation.translator import Translator


def translate_staged(
    jobs: Iterable[RemoteJob], translator: Translator, way: Direction, batch: int | None, out: str, job: str
) -> None:
    """Fetch, translate, put the lines, put the translations. Failures are lines, too."""
    with tempfile.TemporaryDirectory(prefix="unpaired-") as folder:
        desk = Staging(Path(folder), job)
        translate_jobs(desk.fetched(jobs), translator, way, batch, desk)
        fs, root = at(out)
        fs.makedirs(root, exist_ok=True)
        part = f"{root}/manifest.{secrets.token_hex(8)}.jsonl"
        fs.pipe_file(part, b"".join(outcome.line() for outcome in desk.outcomes(root)))
        failures: list[Outcome] = []
        for remote, made in desk.made.items():
            try:
                target = at(remote.target)[1]
                fs.makedirs(posixpath.dirname(target), exist_ok=True)
                # Local files are written over by this, not replaced: under another name first.
                hidden = f"{posixpath.dirname(target)}/.{secrets.token_hex(8)}.part"
                if "file" in fs.protocol:
                    fs.put_file(str(made), hidden)
                    fs.mv(hidden, target)
                else:
                    fs.put_file(str(made), target)
                for place in filter(Path.is_file, place_names(made)):
                    if not fs.exists(there := posixpath.join(posixpath.dirname(target), place.name)):
                        fs.put_file(str(place), there)
            except Exception as e:  # see `reached`
                failures.append(desk.failure(remote, f"cannot be written: {getattr(e, 'strerror', None) or said(e)}"))
        if failures:
            lines = b"".join(outcome.line() for outcome in failures)
            fs.pipe_file(f"{root}/manifest.{secrets.token_hex(8)}.jsonl", lines)


class Staging:
    """A ledger of files that were fetched to a folder here and stay in it until all of a block are done."""

    def __init__(self, folder: Path, job: str) -> None:
        self._folder, self._job, self._number = folder, job, 0
        self._of: dict[Path, RemoteJob] = {}
        self._failed: dict[RemoteJob, str] = {}
        self._infos: dict[RemoteJob, Any] = {}
        self._notes: dict[RemoteJob, list[str]] = {}
        self._listed: dict[str, set[str]] = {}
        self.made: dict[RemoteJob, Path] = {}

    def fetched(self, jobs: Iterable[RemoteJob]) -> Iterable[Job]:
        for number, remote in enumerate(jobs):
            name = posixpath.basename(remote.source)
            job = Job(self._folder / f"{number}-in" / name, self._folder / f"{number}-out" / name)
            try:
                fs, path = at(remote.source)
                for path_here in (job.source, job.target):
                    path_here.parent.mkdir()
                self._infos[remote] = fs.info(path)
                fs.get_file(path, str(job.source))
                for place in place_names(job.source):
                    if (there := posixpath.join(posixpath.dirname(path), place.name)) in self._beside(fs, path):
                        fs.get_file(there, str(place))
            except Exception as e:  # see `reached`
                self._failed[remote] = f"can't be fetched: {getattr(e, 'strerror', None) or said(e)}"
                continue
            self._of[job.source] = remote
            yield job

    def _beside(self, fs: Any, path: str) -> set[str]:
        """What lies in a file's folder, asked for once."""
        if (folder := posixpath.dirname(path)) not in self._listed:
            self._listed[folder] = set(fs.find(folder, maxdepth=1))
        return self._listed[folder]

    def is_done(self, job: Job) -> bool:
        return False

    def keep(self, job: Job) -> None:
        raise AssertionError("the plan left out what is done")

    def write(self, job: Job, write: Write, notes: Sequence[str] = ()) -> None:
        self._notes[self._of[job.source]] = list(notes)
        try:
            write(job.target)
            copy_place(job.source, job.target)
        except DiskFull:
            raise
        except UserError as e:
            raise UserError(f"{job.source} {reason(e, job.target)}") from e

    def finished(self, job: Job) -> None:
        self.made[self._of[job.source]] = job.target

    def failed(self, job: Job, error: UserError | OSError) -> None:
        why = (error.strerror if isinstance(error, OSError) else None) or reason(error, job.source)
        self._failed[self._of[job.source]] = why

    def failure(self, remote: RemoteJob, why: str) -> Outcome:
        return Outcome(input=remote.source, status="failed", job=self._job, reason=why)

    def outcomes(self, root: str) -> Iterable[Outcome]:
        for remote, why in self._failed.items():
            yield self.failure(remote, why)
        for remote, made in self.made.items():
            info = self._infos[remote]
            yield Outcome(
                input=remote.source, status="translated", job=self._job,
                output=posixpath.relpath(at(remote.target)[1], root), bytes=made.stat().st_size, sha256=digest(made),
                input_bytes=info["size"], input_version=version_of(info),
                notes=self._notes[remote] or None,
            )  # fmt: skip
