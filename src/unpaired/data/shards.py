"""Tar shards, as WebDataset writes them, in the place of folders: a picture in one has the path `shard.tar/its name`.

An uncompressed tar is read at any place once it is known where its members lie, so pictures in shards go through the
same cache, and come in the same exactly repeatable order, as files do.
"""

from __future__ import annotations

import itertools
import os
import posixpath
import shutil
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from unpaired.errors import UserError

SUFFIX = ".tar"


class Status(NamedTuple):
    """By which a changed file is noticed."""

    size: int
    mtime_ns: int


def status(path: Path) -> Status:
    """Bytes of a file, or of a picture in a shard, and when it was changed. Raises `OSError`."""
    if (place := within(path)) is None:
        found = path.stat()
        return Status(found.st_size, found.st_mtime_ns)
    shard, name = place
    return Status(_member(shard, name)[1], shard.stat().st_mtime_ns)


def within(path: Path) -> tuple[Path, str] | None:
    """The shard that holds `path` and the name in it; None for a file of its own."""
    text = str(path)
    end = text.find(f"{SUFFIX}{os.sep}")
    while end >= 0:
        shard = Path(text[: end + len(SUFFIX)])
        if shard.is_file():
            return shard, text[end + len(SUFFIX) + 1 :]
        end = text.find(f"{SUFFIX}{os.sep}", end + 1)
    return None


def read(shard: Path, name: str) -> bytes:
    """The content of a member. Raises `OSError`."""
    offset, size = _member(shard, name)
    with shard.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def heads(shard: Path, length: int) -> Iterator[tuple[str, bytes, int]]:
    """Name, first bytes and size of every file in a shard. Raises `OSError` where it is no whole, uncompressed tar."""
    with shard.open("rb") as file:
        for name, (offset, size) in _index(shard).items():
            file.seek(offset)
            yield name, file.read(min(length, size)), size


def pack(
    folder: Path, files: list[Path], out: Path, *, shard_bytes: int = 256 << 20, seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:  # fmt: skip
    """Write `files` of `folder`, as they are, to shards of about `shard_bytes` in the new folder `out`.

    In a random order, so that each shard is a sample of all. The same files, seed and size give the same bytes. A
    member is named for its path; of dots only the last stays, since WebDataset takes what follows the first for the
    kind of content. The folder appears whole or not at all. Raises `UserError`: `out` is there, a file can't be read,
    no space.
    """
    if out.exists():
        raise UserError(f"{out} exists already: name a new folder.")
    import numpy as np  # not needed to read, and this module is light

    temporary = out.with_name(f".{out.name}.packing")
    shutil.rmtree(temporary, ignore_errors=True)
    names, order = set[str](), deque(np.random.default_rng(seed).permutation(len(files)).tolist())
    try:
        temporary.mkdir(parents=True)
        for count in itertools.count():
            if not order:
                break
            with tarfile.open(temporary / f"shard-{count:06}{SUFFIX}", "x", format=tarfile.PAX_FORMAT) as tar:
                while order and tar.offset < shard_bytes:
                    path = files[order.popleft()]
                    info = tarfile.TarInfo(_named(path.relative_to(folder), names))
                    with path.open("rb") as file:
                        info.size = os.fstat(file.fileno()).st_size
                        tar.addfile(info, file)
                    progress(len(files) - len(order), len(files))
        temporary.rename(out)
    except OSError as e:
        raise UserError(f"{out} can't be written: {e.strerror or e} ({e.filename or temporary}).") from e
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(out.iterdir())


def _named(path: Path, taken: set[str]) -> str:
    """A name that no other sample has, ending aside."""
    key = wanted = path.with_suffix("").as_posix().replace(".", "_")
    number = 1
    while key in taken:
        number += 1
        key = f"{wanted}-{number}"
    taken.add(key)
    return key + path.suffix.lower()


def _member(shard: Path, name: str) -> tuple[int, int]:
    members = _index(shard)
    if name not in members:
        raise FileNotFoundError(2, f"{shard} holds no {name}")
    return members[name]


def _index(shard: Path) -> dict[str, tuple[int, int]]:
    found = shard.stat()
    return _read_index(shard, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=32)  # files come shard by shard
def _read_index(shard: Path, size: int, mtime_ns: int) -> dict[str, tuple[int, int]]:
    """Where the content of every file begins and how long it is, by name."""
    try:
        with tarfile.open(shard, "r:") as tar:
            members = {
                posixpath.normpath(member.name): (member.offset_data, member.size)
                for member in tar if member.isreg() and not member.sparse
            }  # fmt: skip
    except tarfile.TarError as e:
        raise OSError(0, f"no whole, uncompressed tar: {e}") from e
    if any(offset + length > size for offset, length in members.values()):
        raise OSError(0, "a tar that was cut off")
    return members
