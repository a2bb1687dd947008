"""The manifest of a folder of translations: what became of every file, one JSON object a line.

`manifest.jsonl` is only ever appended to. A translation's line, with its checksum, is written just before the file
takes its name: so a file without a line is not ours, and a line without its file is work to do, whenever a process
dies. Several processes each append to a part of their own (`manifest.1.jsonl`, …), which the first joins at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from unpaired.data import shards
from unpaired.data.discover import is_broken
from unpaired.data.passed_over import Kind, Reason
from unpaired.errors import UserError
from unpaired.translation.outcome import MANIFEST, Outcome, Status, called, digest, lines, part_name, parts

UNFINISHED = ".unfinished"  # folders of files that have no name yet

Write = Callable[[Path], None]
"""Writes a translation to a path."""


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
        self.path = out / (MANIFEST if part is None else part_name(part))
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
            input=called(source), status="translated", job=self.job, output=str(target.relative_to(self.out)),
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
        outcome = Outcome(input=called(source), status=status, job=self.job, reason=reason, kind=kind)
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
        for part in parts(self.out):
            if part == self.path:
                continue
            try:
                with self.path.open("ab") as whole:
                    for _, line in lines(part):
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
