"""The manifest of a folder of translations: what became of every file, one JSON object a line.

`manifest.jsonl` is only ever appended to. A translation's line, with its checksum, is written just before the file
takes its name: so a file without a line is not ours, and a line without its file is work to do, whenever a process
dies. Several processes each append to a part of their own (`manifest.1.jsonl`, …), which the first joins at the end.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from unpaired.data import shards
from unpaired.data.discover import is_broken
from unpaired.data.passed_over import Kind, Reason
from unpaired.errors import UserError

MANIFEST = "manifest.jsonl"
UNFINISHED = ".unfinished"  # folders of files that have no name yet

Write = Callable[[Path], None]
"""Writes a translation to a path."""

Status = Literal["translated", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A line: what became of one file."""

    input: str
    """Absolute path, or address."""
    status: Status
    job: str
    """What translated it: a hash of weights, direction and options."""
    output: str | None = None
    """Path below the folder of the manifest."""
    reason: str | None = None
    """Why it was skipped or failed."""
    kind: Kind | None = None
    """Of that reason, where it was skipped."""
    notes: list[str] | None = None
    """What was changed on the way, beside the translation: a colour profile, values that were clipped."""
    bytes: int | None = None
    sha256: str | None = None
    """Of the output."""
    input_bytes: int | None = None
    input_mtime_ns: int | None = None
    input_version: str | None = None
    """By these a changed input is noticed: bytes and time of a file (and of its mask), bytes and ETag (or time) at an
    address."""

    @staticmethod
    def parse(line: bytes) -> Outcome | None:
        """None for a line that is no outcome: cut off by a power cut, or of something else."""
        try:
            values: Any = json.loads(line)
            return Outcome(**values) if "status" in values else None
        except (ValueError, TypeError):
            return None

    @property
    def why(self) -> Reason:
        return Reason(self.reason or "", self.kind or "unusable")

    def line(self) -> bytes:
        values = {key: value for key, value in asdict(self).items() if value is not None}
        return json.dumps(values).encode() + b"\n"  # names that are no text survive as escapes


class History:
    """What earlier processes, of this job or another, translated into a folder; the last line of a file counts.

    Holds places only, not lines: about 100 bytes a file.
    """

    def __init__(self, out: Path, job: str, *, anew: bool = False) -> None:
        """`anew`: what was done by commands that came to their end does not count; by one that was stopped, it does.

        Raises `UserError` where the manifest is somebody else's, or can't be read.
        """
        self.job, self._anew = job, anew
        self._files: list[Path] = _parts(out)
        self._places: dict[int, tuple[int, int]] = {}
        for number, path in enumerate(self._files):
            try:
                for offset, line in _lines(path):
                    outcome = Outcome.parse(line)
                    if outcome is None and offset == 0:
                        _check_ours(path, line)
                    if outcome is None and anew and _is_end(line):
                        self._places.clear()
                    if outcome is not None and outcome.status == "translated":
                        self._places[_key(outcome.input)] = number, offset
            except OSError as e:
                raise UserError(f"{path} can't be read: {e.strerror or e}.") from e

    def of(self, source: Path | str) -> Outcome | None:
        """The last translation of `source`, by whichever job."""
        name = _called(source)
        if (place := self._places.get(_key(name))) is None:
            return None
        with self._files[place[0]].open("rb") as file:
            file.seek(place[1])
            outcome = Outcome.parse(file.readline())
        return outcome if outcome is not None and outcome.input == name else None

    def is_done(self, source: Path, target: Path, version: str | None = None) -> bool:
        """Whether `target` is this job's translation of `source` as it is now, in this `version`, whole.

        Raises `UserError` where it was this job's, but is not what was written any more, unless all is made anew.
        """
        if (outcome := self.of(source)) is None or outcome.job != self.job or not target.is_file():
            return False
        if outcome.bytes != target.stat().st_size or outcome.sha256 != digest(target):
            if self._anew:
                return False
            raise UserError(
                f"{source} has a translation that was changed or damaged since it was written: to have it made again, "
                f"move {target} away."
            )
        unchanged = (outcome.input_bytes, outcome.input_mtime_ns) == shards.status(source)
        return unchanged and outcome.input_version == version


class Manifest:
    """Appends to the manifest of the folder `out`, or to this process's part of it. For many threads.

    Args:
        out: made if it is not there.
        job: as in `Outcome`.
        about: what the job's hash stands for; written once, for people.
        part: which part; None for the manifest itself, which one process at a time may hold.

    Raises `UserError` where the folder can't be written, or another process is at it.
    """

    def __init__(self, out: Path, job: str, about: dict[str, Any], part: str | None = None) -> None:
        self.out, self.job, self.counts, self.notes = out, job, Counter[Status](), Counter[str]()
        self.path = out / (MANIFEST if part is None else _part(part))
        self._waiting: deque[Outcome] = deque()
        self._lock = threading.Lock()
        self._number = 0
        try:
            out.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            if part is None:
                _hold(self._file, out)
            self._unfinished = out / f"{UNFINISHED}-{part or 0}"
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                os.write(self._file, b"\n")  # after a line that was cut off
            if part is None:
                self.join()  # what a command that was killed left
            self.begin = os.fstat(self._file).st_size
            if part is None:
                header = {"unpaired": version("unpaired"), "job": job, **about}
                self._append(json.dumps(header).encode() + b"\n")
            self._unfinished.mkdir(exist_ok=True)
        except OSError as e:
            raise UserError(f"{out} can't be written: {e.strerror or e}. Name another --out.") from e

    def temporary(self, target: Path) -> Path:
        """A new name, with the ending of `target`, for a file that will take that name when it is whole."""
        with self._lock:
            self._number += 1
            return self._unfinished / f"{self._number}{''.join(target.suffixes[-2:])[-32:]}"

    def finish(
        self, source: Path, target: Path, temporary: Path, notes: Sequence[str] = (), version: str | None = None
    ) -> None:
        """Record that `temporary` is the translation of `source`, and give it its name. Raises `OSError`."""
        status = shards.status(source)
        outcome = Outcome(
            input=_called(source), status="translated", job=self.job, output=str(target.relative_to(self.out)),
            bytes=temporary.stat().st_size, sha256=digest(temporary),
            input_bytes=status.size, input_mtime_ns=status.mtime_ns, input_version=version,
            notes=list(notes) or None,
        )  # fmt: skip
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._append(outcome.line())
        os.replace(temporary, target)
        with self._lock:
            self.counts["translated"] += 1
            self.notes.update(notes)

    def pass_over(self, skipped: Iterable[tuple[Path, Reason]]) -> None:
        """Record what folders hold that is not translated. What calls itself a picture was meant to be."""
        for path, why in skipped:
            self.tell(path, "failed" if is_broken(path, why) else "skipped", why, why.kind)

    def tell(
        self, source: Path | str, status: Literal["skipped", "failed"], reason: str, kind: Kind | None = None
    ) -> None:
        """Record why `source` has no translation. Where the disk is full, the line waits for space."""
        outcome = Outcome(input=_called(source), status=status, job=self.job, reason=reason, kind=kind)
        with self._lock:
            self.counts[status] += 1
            self._waiting.append(outcome)
            self._flush()

    def close(self) -> list[Outcome]:
        """Returns the lines that there was no space for."""
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._flush()
        os.close(self._file)
        return list(self._waiting)

    def join(self) -> None:
        """Append what other processes left in parts of their own, and clear away what those that were killed left
        unfinished. Raises `UserError`: no space."""
        for left in self.out.glob(f"{UNFINISHED}-*"):
            shutil.rmtree(left, ignore_errors=True)
        for part in _parts(self.out):
            if part == self.path:
                continue
            try:
                with self.path.open("ab") as whole:
                    for _, line in _lines(part):
                        whole.write(line if line.endswith(b"\n") else line + b"\n")
                part.unlink()
            except OSError as e:
                raise UserError(
                    f"{self.path} has no space for what {part} says ({e.strerror}): give some, and repeat the command."
                ) from e

    def end(self) -> None:
        """Record that the command came to its end: see `History`. After `close`; of the whole, not of a part."""
        line = {"unpaired": version("unpaired"), "job": self.job, "ended": True}
        with suppress(OSError), self.path.open("ab") as whole:  # without space for it, the command was stopped
            whole.write(json.dumps(line).encode() + b"\n")

    def _flush(self) -> None:
        try:
            while self._waiting:
                self._append(self._waiting[0].line())
                self._waiting.popleft()
        except OSError:
            pass  # told by `close`, if it stays so

    def _append(self, line: bytes) -> None:
        """A whole line or none."""
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            if written != len(line):
                os.write(self._file, line[written:])  # raises why
        except OSError:
            os.ftruncate(self._file, size)
            raise


def outcomes(manifest: Path, begin: int = 0) -> Iterator[Outcome]:
    """The last line of every file that has one from the byte `begin` on, in the order of these lines."""
    places = {_key(o.input): offset for offset, line in _lines(manifest, begin) if (o := Outcome.parse(line))}
    for offset, line in _lines(manifest, begin):
        outcome = Outcome.parse(line)
        if outcome is not None and places[_key(outcome.input)] == offset:
            yield outcome


def identity(about: dict[str, Any]) -> str:
    """A job's hash, from what decides its translations."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _called(source: Path | str) -> str:
    """Absolute path; an address as it is."""
    return source if isinstance(source, str) and "://" in source else os.path.abspath(source)


def _hold(file: int, out: Path) -> None:
    """Raise `UserError` where another process holds the manifest, where the system has file locks."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # given back when the file closes, even by a kill
    except BlockingIOError as e:
        os.close(file)
        raise UserError(f"Another process is translating into {out}: wait for it, or take another --out.") from e
    except OSError:
        return  # a file system without locks


def _part(name: str) -> str:
    return f"manifest.{name}.jsonl"


def _parts(out: Path) -> list[Path]:
    """The manifest, and what processes left beside it."""
    try:
        return [path for path in [out / MANIFEST, *sorted(out.glob(_part("*")))] if path.is_file()]
    except OSError as e:  # a name that is too long, for one
        raise UserError(f"{out} can't be read: {e.strerror or e}. Name another --out.") from e


def _lines(path: Path, begin: int = 0) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        offset = file.seek(begin)
        for line in file:
            yield offset, line
            offset += len(line)


def _check_ours(path: Path, line: bytes) -> None:
    """Raise `UserError` where a first line is not that of a manifest."""
    try:
        if "unpaired" in json.loads(line):
            return
    except (ValueError, TypeError):
        pass
    raise UserError(f"{path} is there already and no manifest of translations: take another --out.")


def _is_end(line: bytes) -> bool:
    try:
        return bool(json.loads(line).get("ended"))
    except (ValueError, AttributeError):
        return False


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(os.fsencode(name), digest_size=8).digest())
