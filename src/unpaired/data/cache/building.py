"""A cache is built: what changed is decoded and resized, the rest copied, and the new one takes the old one's place."""

from __future__ import annotations

import os
import secrets
import shutil
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from unpaired.config import Resize
from unpaired.data import shards
from unpaired.data.cache.index import Entry, any_left, dump, fingerprint
from unpaired.data.decode import resized, seen
from unpaired.data.formats import AXIS
from unpaired.data.layout import Part, cut
from unpaired.data.picture import Picture
from unpaired.data.pixels import read_bytes
from unpaired.errors import UserError, reason


@dataclass(frozen=True)
class Recipe:
    """What is done to every picture."""

    size: int
    resize: Resize
    channels: int
    background: tuple[int, int, int]
    part: Part = "whole"
    axis: int = AXIS

    def apply(self, data: bytes, path: Path) -> Picture:
        """File content → what training sees of it, resized. Raises `UserError` as `seen` does."""
        # Twice the target: a JPEG's own scaling is a box filter, so the last halving is left to bicubic.
        draft = None if self.resize == "none" else 2 * self.size
        picture = seen(data, path, background=self.background, channels=self.channels, draft=draft, axis=self.axis)
        return replace(picture, pages=np.stack([self._resized(cut(page, self.part)) for page in picture.pages]))

    def _resized(self, picture: NDArray[Any]) -> NDArray[Any]:
        if self.resize == "none":
            return picture
        height, width = picture.shape[:2]
        if self.resize == "square":
            return resized(picture, self.size, self.size)
        if self.resize == "scale-width":
            return resized(picture, self.size, max(1, round(height * self.size / width)))
        scale = self.size / min(height, width)
        return resized(picture, max(self.size, round(width * scale)), max(self.size, round(height * scale)))


@contextmanager
def locked(home: Path) -> Generator[None]:
    """One process at a time for this cache, where the system has file locks."""
    try:
        import fcntl
    except ImportError:  # not on Windows: two builds there do the same work twice
        yield
        return
    with home.with_name(f"{home.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file closes, even by a kill
        for left in home.parent.glob(f".{home.name}-*"):  # of builds that were killed
            shutil.rmtree(left, ignore_errors=True)
        yield


def build(
    home: Path,
    root: Path,
    files: Sequence[Path],
    entries: list[Entry],
    todo: list[int],
    reuse: bool,
    recipe: Recipe,
    progress: Callable[[int, int], None] | None,
) -> list[Entry]:
    """Write a new cache beside the old one and put it in its place; the entries have new offsets."""
    new = home.with_name(f".{home.name}-{secrets.token_hex(4)}")
    new.mkdir()
    try:
        pixels = np.memmap(home / "pixels.u8", dtype=np.uint8, mode="r") if reuse else None
        with (new / "pixels.u8").open("xb") as file:
            entries = _write(file, files, entries, todo, pixels, recipe, progress)
            _sync(file)
        any_left(entries, root)
        with (new / "index.json").open("xb") as file:
            file.write(dump(entries))
            _sync(file)
        del pixels
        if home.exists():
            away = home.with_name(f".{home.name}-{secrets.token_hex(4)}")
            home.rename(away)  # other processes keep what they have mapped
            new.rename(home)
            shutil.rmtree(away, ignore_errors=True)
        else:
            new.rename(home)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return entries


def _write(
    file: BinaryIO,
    files: Sequence[Path],
    entries: list[Entry],
    todo: list[int],
    pixels: NDArray[np.uint8] | None,
    recipe: Recipe,
    progress: Callable[[int, int], None] | None,
) -> list[Entry]:
    """Append every picture in order: decoded in threads (Pillow lets go of the interpreter), or copied."""
    workers = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    done, offset = 0, 0
    result: list[Entry] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="unpaired-decode") as pool:
        later = iter(todo)
        running: deque[Future[tuple[Entry, NDArray[Any] | None]]] = deque()

        def submit() -> None:
            if (number := next(later, None)) is not None:
                running.append(pool.submit(_decode, files[number], entries[number], recipe))

        for _ in range(4 * workers):  # so many decoded pictures wait in memory at most
            submit()
        waiting = set(todo)
        try:
            for number, entry in enumerate(entries):
                if number in waiting:
                    entry, picture = running.popleft().result()
                    submit()
                    done += 1
                    if progress is not None:
                        progress(done, len(todo))
                else:
                    picture = None if pixels is None else pixels[entry.offset : entry.offset + entry.length]
                if picture is not None:
                    file.write(np.ascontiguousarray(picture).data)
                result.append(replace(entry, offset=offset))
                offset += entry.length
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return result


def _decode(path: Path, entry: Entry, recipe: Recipe) -> tuple[Entry, NDArray[Any] | None]:
    """Read, hash, decode and resize one file; a bad one becomes an entry with the reason."""
    try:
        status = shards.status(path)  # before reading: a change in between shows up next time
        data = read_bytes(path)
    except (OSError, UserError) as error:
        return replace(entry, error=reason(error, path)), None
    entry = replace(entry, bytes=len(data), mtime_ns=status.mtime_ns, hash=fingerprint(data))
    try:
        picture = recipe.apply(data, path)
    except UserError as error:
        return replace(entry, error=reason(error, path)), None
    pages, height, width, bands = picture.pages.shape
    return replace(
        entry, size=picture.stored, shape=(height, width, bands), pages=pages, dtype=picture.dtype.name,
        window=picture.window, notes=picture.notes,
    ), picture.pages  # fmt: skip


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
