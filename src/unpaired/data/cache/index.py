"""What lies in a cache: an entry a file, kept in `index.json`, and what has changed since it was written."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unpaired.data import shards
from unpaired.data.pixels import read_bytes
from unpaired.errors import UserError
from unpaired.text import counted

VERSION = 4
"""Of the layout and of what decoding does: another number, another cache."""


@dataclass(frozen=True)
class Entry:
    """One file: what it was like (`size` is width and height), and either where its pixels lie or why it has none."""

    path: str
    bytes: int
    mtime_ns: int
    hash: str
    size: tuple[int, int] = (0, 0)
    shape: tuple[int, int, int] | None = None
    offset: int = 0
    error: str | None = None
    pages: int = 1
    dtype: str = "uint8"
    window: tuple[float, float] | None = None
    """The least and the greatest value that the file asks to be shown."""
    notes: tuple[str, ...] = ()
    """What was changed in reading."""

    @property
    def page(self) -> int:
        """Bytes of a page."""
        return 0 if self.shape is None else math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def length(self) -> int:
        """Bytes of pixels."""
        return self.page * self.pages

    @property
    def kind(self) -> tuple[int, str]:
        """Bands and type of the values."""
        return (0 if self.shape is None else self.shape[2]), self.dtype


def load(home: Path) -> list[Entry] | None:
    """The index, or None where there is none or it or the pixels are damaged."""
    try:
        stored: dict[str, Any] = json.loads((home / "index.json").read_bytes())
        if stored["version"] != VERSION:
            return None
        entries = [_entry(value) for value in stored["files"]]
        length = (home / "pixels.u8").stat().st_size
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    end = 0
    for entry in entries:
        if entry.offset != end or (entry.shape is None) == (entry.error is None):
            return None
        end += entry.length
    return entries if end == length and end > 0 else None


def _entry(value: dict[str, Any]) -> Entry:
    entry = Entry(**value)
    if entry.shape is not None:
        height, width, channels = (int(side) for side in entry.shape)
        entry = replace(entry, shape=(height, width, channels))
    width, height = (int(side) for side in entry.size)
    window = None if entry.window is None else (float(entry.window[0]), float(entry.window[1]))
    entry = replace(entry, size=(width, height), window=window, notes=tuple(entry.notes))
    numbers: tuple[Any, ...] = (entry.bytes, entry.mtime_ns, entry.offset, entry.pages, np.dtype(entry.dtype).itemsize)
    texts: tuple[Any, ...] = (entry.path, entry.hash, *entry.notes)
    if not all(isinstance(n, int) for n in numbers) or not all(isinstance(t, str) for t in texts):
        raise TypeError("an index of another kind")
    return entry


def dump(entries: list[Entry]) -> bytes:
    return json.dumps({"version": VERSION, "files": [asdict(entry) for entry in entries]}).encode()


def compare(files: Sequence[Path], root: Path, old: list[Entry] | None) -> tuple[list[Entry], list[int]]:
    """An entry for every file (the old one with the new time, where the content is the same); what to do."""
    known = {entry.path: entry for entry in old or ()}
    entries: list[Entry] = []
    todo: list[int] = []
    for number, path in enumerate(files):
        name = _name(path, root)
        before = known.get(name)
        try:
            status = shards.status(path)
            same = before is not None and before.bytes == status.size
            if same and before is not None and before.mtime_ns != status.mtime_ns:
                before = replace(before, mtime_ns=status.mtime_ns)
                same = fingerprint(read_bytes(path)) == before.hash
        except (OSError, UserError):
            same = False  # reading it for decoding will say why
        if same and before is not None:
            entries.append(before)
        else:
            entries.append(Entry(name, 0, 0, ""))
            todo.append(number)
    return entries, todo


def _name(path: Path, root: Path) -> str:
    """The path as the index holds it. Names that are no text survive: JSON escapes lone surrogates."""
    return Path(os.path.relpath(path, root)).as_posix()


def fingerprint(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()


def any_left(entries: list[Entry], root: Path) -> None:
    if any(entry.shape is not None for entry in entries):
        return
    first = next((f"{root / entry.path} {entry.error}" for entry in entries if entry.error), "there is none")
    raise UserError(f"Of {counted(len(entries), 'picture')} in {root} none can be used; the first: {first}")
