"""Pictures at addresses (`s3://…`, `gs://…`, `file://…`; fsspec), by way of a folder of one's own.

An object appears whole or not at all, so putting it is what `rename` is for files: its line in the manifest is put
before it. `manifest.jsonl` itself can't be appended to there; each block of files puts a part, which are joined at the
end. Keys are the user's own: fsspec's packages (s3fs, gcsfs, …) read them where they always do.
"""

from __future__ import annotations

import posixpath
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unpaired.config import Direction
from unpaired.data.beside import place_names
from unpaired.data.passed_over import Reason, sidecar
from unpaired.data.signatures import SUFFIXES
from unpaired.errors import UserError
from unpaired.translation.addresses import RemoteJob, at, is_url, reached, version_of
from unpaired.translation.batch import BatchReport, closed
from unpaired.translation.history import History
from unpaired.translation.manifest import Manifest
from unpaired.translation.outcome import MANIFEST, Outcome


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


def _begun(outcome: Outcome | None, job: str) -> bool:
    return outcome is not None and outcome.job == job


def _done(outcome: Outcome | None, there: dict[str, Any] | None, source: dict[str, Any], job: str) -> bool:
    if outcome is None or there is None or outcome.job != job:
        return False
    unchanged = (outcome.input_bytes, outcome.input_version) == (source["size"], version_of(source))
    return unchanged and outcome.bytes == there["size"]
