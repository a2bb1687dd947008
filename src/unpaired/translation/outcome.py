"""The lines of a manifest: what became of each file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from unpaired.data.passed_over import Kind, Reason
from unpaired.errors import UserError

MANIFEST = "manifest.jsonl"
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


def outcomes(manifest: Path, begin: int = 0) -> Iterator[Outcome]:
    """The last line of every file that has one from the byte `begin` on, in the order of these lines."""
    places = {number_of(o.input): offset for offset, line in lines(manifest, begin) if (o := Outcome.parse(line))}
    for offset, line in lines(manifest, begin):
        outcome = Outcome.parse(line)
        if outcome is not None and places[number_of(outcome.input)] == offset:
            yield outcome


def identity(about: dict[str, Any]) -> str:
    """A job's hash, from what decides its translations."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def called(source: Path | str) -> str:
    """Absolute path; an address as it is."""
    return source if isinstance(source, str) and "://" in source else os.path.abspath(source)


def part_name(name: str) -> str:
    """Of the part that one of several processes writes."""
    return f"manifest.{name}.jsonl"


def parts(out: Path) -> list[Path]:
    """The manifest, and what processes left beside it."""
    try:
        return [path for path in [out / MANIFEST, *sorted(out.glob(part_name("*")))] if path.is_file()]
    except OSError as e:  # a name that is too long, for one
        raise UserError(f"{out} can't be read: {e.strerror or e}. Name another --out.") from e


def lines(path: Path, begin: int = 0) -> Iterator[tuple[int, bytes]]:
    """The lines from the byte `begin` on, each with the byte at which it begins."""
    with path.open("rb") as file:
        offset = file.seek(begin)
        for line in file:
            yield offset, line
            offset += len(line)


def number_of(name: str) -> int:
    """Eight bytes that stand for a path or address: of a hundred thousand, the paths themselves would fill memory."""
    return int.from_bytes(hashlib.blake2b(os.fsencode(name), digest_size=8).digest())
