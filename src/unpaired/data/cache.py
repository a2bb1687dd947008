"""Every picture decoded and resized once, into one file of bytes that is mapped into memory.

`<cache_dir>/<key>/pixels.u8` holds the pictures one after another, in the type that their files have; `index.json`
beside it says where each lies and what its file was like (size, time, content hash), so that only what changed is
decoded again. The key hashes the folder and the transformation: other settings have another cache.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import shutil
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from unpaired.config import Resize
from unpaired.data import shards
from unpaired.data.decode import resized, seen
from unpaired.data.files import replacing
from unpaired.data.formats import AXIS
from unpaired.data.layout import Part, cut
from unpaired.data.picture import Picture
from unpaired.data.pixels import read_bytes
from unpaired.errors import UserError, reason

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


@dataclass
class Cache:
    """The pictures of one domain: `cache[i]` is a read-only (H, W, C) view on the mapped file, of type `dtype`."""

    files: tuple[Path, ...]
    """Of each picture; one with several pages stands here several times."""
    skipped: list[tuple[Path, str]]
    shapes: tuple[tuple[int, int, int], ...]
    offsets: tuple[int, ...] = field(repr=False)
    pixels: NDArray[np.uint8] = field(repr=False)
    sizes: tuple[tuple[int, int], ...] = ()
    """Width and height of the files, before they were resized."""
    digest: str = ""
    """Hash of the files' contents in their order, whatever their names."""
    dtype: np.dtype[Any] = np.dtype(np.uint8)  # noqa: RUF009
    pages: tuple[int, ...] = ()
    """Which page of its file each picture is."""
    windows: tuple[tuple[float, float], ...] = ()
    """What the files ask to be shown, where they do."""
    notes: tuple[tuple[str, int], ...] = ()
    """What was changed in reading, and in how many files."""

    @property
    def channels(self) -> int:
        return self.shapes[0][2]

    @property
    def whole(self) -> tuple[Path, ...]:
        """The files, each once."""
        return tuple(dict.fromkeys(self.files))

    def without(self, left_out: Collection[int]) -> Cache:
        """All but the files of these indices in `whole`; the digest stays that of all."""
        away = {path for i, path in enumerate(self.whole) if i in left_out}
        kept = [i for i, path in enumerate(self.files) if path not in away]
        lists = {
            name: tuple(getattr(self, name)[i] for i in kept)
            for name in ("files", "shapes", "offsets", "sizes", "pages")
        }
        return replace(self, **lists)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> NDArray[Any]:
        height, width, channels = self.shapes[i]
        start = self.offsets[i]
        values = self.pixels[start : start + height * width * channels * self.dtype.itemsize]
        if self.dtype != np.uint8:
            values = values.view(self.dtype)
        return values.reshape(height, width, channels)


def default_cache_dir() -> Path:
    """`$UNPAIRED_CACHE`, or `unpaired` in `$XDG_CACHE_HOME`, or `~/.cache/unpaired`."""
    if own := os.environ.get("UNPAIRED_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "unpaired"


def open_cache(
    files: Sequence[Path],
    root: Path,
    *,
    size: int,
    resize: Resize,
    channels: int = 3,
    background: tuple[int, int, int] = (255, 255, 255),
    part: Part = "whole",
    axis: int = AXIS,
    dtype: str | None = None,
    cache_dir: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Cache:
    """The pictures `files` of the folder `root`, resized (bicubic, antialiased), decoding only what changed.

    `part` takes a half of each file only. `resize` "square" makes size × size; "short" makes the short side `size`. A
    file of the same size and time as before is taken as unchanged; one of another time is, if its content hash is the
    same. `progress` is told (done, to do) while decoding. Pictures that cannot be decoded, and those whose number of
    bands or type is not that of most (or not `dtype`), are left out and come back in `skipped` with the reason. Several
    processes may open the same cache at once: one builds, the others wait. Raises
    `UserError` where no picture remains, or the cache cannot be written (disk full, no permission): then nothing is
    left half-written.
    """
    recipe = Recipe(size, resize, channels, background, part, axis)
    base = default_cache_dir() if cache_dir is None else cache_dir
    home = base / _key(root, recipe)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with _locked(home):
            old = _load(home)
            entries, todo = _compare(files, root, old)
            if todo or old is None or [e.path for e in old] != [e.path for e in entries]:
                entries = _build(home, root, files, entries, todo, old is not None, recipe, progress)
            elif entries != old:  # only times differ
                with replacing(home / "index.json") as index:
                    index.write(_dump(entries))
            _any_left(entries, root)
            pixels = np.memmap(home / "pixels.u8", dtype=np.uint8, mode="r").view(np.ndarray)
    except OSError as error:
        raise UserError(
            f"The picture cache {home} cannot be written: {error.strerror or error}. "
            "Free some space, or name another place in the environment variable UNPAIRED_CACHE."
        ) from error
    return _cache(_of_one_kind(files, entries, dtype, root), pixels)


def _cache(found: list[tuple[Path, Entry]], pixels: NDArray[np.uint8]) -> Cache:
    good = [(path, entry, entry.shape) for path, entry in found if entry.shape is not None and entry.error is None]
    each = [(path, entry, page) for path, entry, _ in good for page in range(entry.pages)]
    return Cache(
        files=tuple(path for path, _, _ in each),
        skipped=[(path, entry.error) for path, entry in found if entry.error is not None],
        sizes=tuple(entry.size for _, entry, _ in each),
        digest=hashlib.blake2b("".join(entry.hash for _, entry, _ in good).encode(), digest_size=20).hexdigest(),
        shapes=tuple(shape for _, entry, shape in good for _ in range(entry.pages)),
        offsets=tuple(entry.offset + page * entry.page for _, entry, page in each),
        pixels=pixels,
        dtype=np.dtype(good[0][1].dtype),
        pages=tuple(page for _, _, page in each),
        windows=tuple(entry.window for _, entry, _ in good if entry.window is not None),
        notes=tuple(Counter(note for _, entry, _ in good for note in entry.notes).items()),
    )


def _of_one_kind(
    files: Sequence[Path], entries: list[Entry], dtype: str | None, root: Path
) -> list[tuple[Path, Entry]]:  # fmt: skip
    """Files and entries; where bands or type are not the most frequent ones (of `dtype`), the entry says so."""
    kinds = Counter(entry.kind for entry in entries if entry.shape is not None)
    wanted = [kind for kind, _ in kinds.most_common() if dtype in (None, kind[1])]
    if not wanted:
        there = ", ".join(_bands(*kind) for kind in kinds)
        raise UserError(f"No picture in {root} has values of {dtype}, but of {there}: take another --dtype-….")
    kind = wanted[0]
    others = "most of the folder have" if dtype is None else "the run takes"
    return [
        (path, entry if entry.shape is None or entry.kind == kind
         else replace(entry, error=f"has {_bands(*entry.kind)}, where {others} {_bands(*kind)}"))
        for path, entry in zip(files, entries, strict=True)
    ]  # fmt: skip


def _bands(bands: int, dtype: str) -> str:
    return f"{bands} {'band' if bands == 1 else 'bands'} of {dtype}"


def _key(root: Path, recipe: Recipe) -> str:
    text = json.dumps([VERSION, str(root.resolve()), asdict(recipe)])
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _name(path: Path, root: Path) -> str:
    """The path as the index holds it. Names that are no text survive: JSON escapes lone surrogates."""
    return Path(os.path.relpath(path, root)).as_posix()


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()


@contextmanager
def _locked(home: Path) -> Generator[None]:
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


def _load(home: Path) -> list[Entry] | None:
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


def _dump(entries: list[Entry]) -> bytes:
    return json.dumps({"version": VERSION, "files": [asdict(entry) for entry in entries]}).encode()


def _compare(files: Sequence[Path], root: Path, old: list[Entry] | None) -> tuple[list[Entry], list[int]]:
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
                same = _hash(read_bytes(path)) == before.hash
        except (OSError, UserError):
            same = False  # reading it for decoding will say why
        if same and before is not None:
            entries.append(before)
        else:
            entries.append(Entry(name, 0, 0, ""))
            todo.append(number)
    return entries, todo


def _build(
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
        _any_left(entries, root)
        with (new / "index.json").open("xb") as file:
            file.write(_dump(entries))
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
    entry = replace(entry, bytes=len(data), mtime_ns=status.mtime_ns, hash=_hash(data))
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


def _any_left(entries: list[Entry], root: Path) -> None:
    if any(entry.shape is not None for entry in entries):
        return
    first = next((f"{root / entry.path} {entry.error}" for entry in entries if entry.error), "there is none")
    raise UserError(f"None of the {len(entries)} pictures in {root} can be used; the first: {first}")
