"""Pictures at addresses (`s3://…`, `gs://…`, `file://…`; fsspec), by way of a folder of one's own.

An object appears whole or not at all, so putting it is what `rename` is for files: its line in the manifest is put
before it. `manifest.jsonl` itself can't be appended to there; each block of files puts a part, which are joined at the
end. Keys are the user's own: fsspec's packages (s3fs, gcsfs, …) read them where they always do.
"""

from __future__ import annotations

import posixpath
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unpaired.config import Direction
from unpaired.data.discover import SUFFIXES, place_names
from unpaired.data.passed_over import Reason, sidecar
from unpaired.errors import DiskFull, UserError, reason
from unpaired.translation.batch import BatchReport, closed, translate_jobs
from unpaired.translation.jobs import Job
from unpaired.translation.manifest import MANIFEST, History, Manifest, Outcome, Write, digest
from unpaired.translation.place import copy_place
from unpaired.translation.translator import Translator


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """One file and where its translation goes: addresses, or paths."""

    source: str
    target: str


@dataclass
class RemotePlan:
    """The jobs of one command that are not done yet, and the folder's manifest so far, fetched to a folder here."""

    out: str
    jobs: list[RemoteJob] = field(default_factory=list[RemoteJob])
    kept: int = 0
    skipped: list[tuple[str, Reason]] = field(default_factory=list[tuple[str, Reason]])
    parts: list[str] = field(default_factory=list[str])
    """Of processes that were killed, joined to the manifest here and not yet there."""
    here: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="unpaired-")))
    """Goes with this object."""

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.here, ignore_errors=True)

    def joined(self, job: str, about: dict[str, Any], way: Direction, *, ended: bool) -> BatchReport:
        """Make one manifest of what is there now, put it there, and report. `ended`: all was tried."""
        home, (fs, root) = self.here, at(self.out)
        manifest = Manifest(home, job, about)
        for path, why in self.skipped:
            manifest.tell(path, "skipped", why, why.kind)
        parts = _fetch_parts(self.out, home, but=self.parts)
        manifest.join()
        unrecorded = manifest.close()
        if ended:
            manifest.end()
        with reached(self.out):
            fs.makedirs(root, exist_ok=True)
            fs.put_file(str(home / MANIFEST), f"{root}/{MANIFEST}")
            for part in parts + self.parts:
                fs.rm_file(part)
        return closed(manifest, len(self.jobs), unrecorded, way, kept=self.kept, place=self.out, keeps=self)


def is_url(text: str) -> bool:
    return "://" in text


def at(url: str) -> tuple[Any, str]:
    """The file system of an address or path, and the path there. Raises `UserError` where fsspec has no way there."""
    try:
        from fsspec.core import url_to_fs

        fs, path = url_to_fs(url)
    except (ImportError, ValueError) as e:
        raise UserError(f"{url} can't be reached: {e}.") from e
    return fs, path.rstrip("/")


@contextmanager
def reached(what: str) -> Generator[None]:
    """Whatever fsspec's packages raise about keys, rights, networks and names, as `UserError`."""
    try:
        yield
    except UserError:
        raise
    except Exception as e:  # botocore's, aiohttp's, Google's: they share no class
        raise UserError(f"{what} can't be reached: {_said(e)}.") from e


def _said(error: Exception) -> str:
    """The first line of what a package says."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def plan_urls(inputs: Sequence[str], out: str, job: str, *, overwrite: bool = False) -> RemotePlan:
    """What is still to do; names decide what is a picture. Raises `UserError` as `jobs.plan` does."""
    planned = RemotePlan(out)
    history, (out_fs, root) = _history(planned, job, anew=overwrite), at(out)
    with reached(f"{out} or an input"):
        there: dict[str, Any] = out_fs.find(root, detail=True) if out_fs.exists(root) else {}
        sources: set[str] = set()
        targets: dict[str, str] = {}
        for given in inputs:
            fs, base = at(given)
            fs.invalidate_cache()
            if not fs.exists(base):
                raise UserError(f"There is no file or folder {given}.")
            same = type(fs) is type(out_fs)
            found: dict[str, Any] = fs.find(base, detail=True)
            for path, info in found.items():
                if same and base != root and path.startswith(f"{root}/"):
                    continue  # earlier translations are no input
                name = posixpath.relpath(path, base) if path != base else posixpath.basename(path)
                source = fs.unstrip_protocol(path) if is_url(given) else path
                if posixpath.splitext(name)[1].lower() not in SUFFIXES:
                    placed = _placed(path, found)
                    why = sidecar(placed, copied=True) if placed else Reason("not a picture by its name")
                    planned.skipped.append((source, why))
                    continue
                target = f"{root}/{name}"
                if target in targets:
                    raise UserError(f"{targets[target]} and {source} would both become {out.rstrip('/')}/{name}.")
                targets[target] = source
                sources.add(path if same else source)
                if _done(history.of(source), there.get(target), info, job):
                    planned.kept += 1
                elif target in there and not overwrite and not _begun(history.of(source), job):
                    raise UserError(
                        f"{out.rstrip('/')}/{name} exists already: take another --out, or give --overwrite."
                    )
                else:
                    planned.jobs.append(RemoteJob(source, out_fs.unstrip_protocol(target) if is_url(out) else target))
    if both := sources & targets.keys():
        raise UserError(f"{min(both)} is one of the inputs and would be overwritten: take another --out.")
    if not targets:
        raise UserError(f"There is no picture to translate in {', '.join(inputs)}.")
    return planned


def _placed(path: str, found: dict[str, Any]) -> str | None:
    """The name of the picture whose place on Earth a file says, if any's."""
    stem = posixpath.splitext(path)[0]
    pictures = (Path(stem + suffix) for suffix in SUFFIXES if stem + suffix in found)
    return next((picture.name for picture in pictures if Path(path) in place_names(picture)), None)


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
                failures.append(desk.failure(remote, f"cannot be written: {getattr(e, 'strerror', None) or _said(e)}"))
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
                self._failed[remote] = f"can't be fetched: {getattr(e, 'strerror', None) or _said(e)}"
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
                input_bytes=info["size"], input_version=_version(info),
                notes=self._notes[remote] or None,
            )  # fmt: skip


def _history(planned: RemotePlan, job: str, *, anew: bool) -> History:
    """What the manifest there says, fetched to here, with the parts that killed processes left."""
    (fs, root), home = at(planned.out), planned.here
    with reached(planned.out):
        if fs.exists(f"{root}/{MANIFEST}"):
            fs.get_file(f"{root}/{MANIFEST}", str(home / MANIFEST))
    planned.parts = _fetch_parts(planned.out, home)
    return History(home, job, anew=anew)


def _fetch_parts(out: str, home: Path, but: Sequence[str] = ()) -> list[str]:
    """Copy the parts of a manifest to the folder `home`; returns where they are."""
    fs, root = at(out)
    with reached(out):
        fs.invalidate_cache()  # what others put there meanwhile: s3fs and its like remember listings
        parts: list[str] = [part for part in fs.glob(f"{root}/manifest.*.jsonl") if part not in but]
        for part in parts:
            fs.get_file(part, str(home / posixpath.basename(part)))
    return parts


def _version(info: dict[str, Any]) -> str:
    """What changes when an object does."""
    return str(next((info[key] for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified") if key in info), ""))


def _begun(outcome: Outcome | None, job: str) -> bool:
    return outcome is not None and outcome.job == job


def _done(outcome: Outcome | None, there: dict[str, Any] | None, source: dict[str, Any], job: str) -> bool:
    if outcome is None or there is None or outcome.job != job:
        return False
    unchanged = (outcome.input_bytes, outcome.input_version) == (source["size"], _version(source))
    return unchanged and outcome.bytes == there["size"]
