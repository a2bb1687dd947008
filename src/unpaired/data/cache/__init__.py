"""Every picture decoded and resized once, into one file of bytes that is mapped into memory.

`<cache_dir>/<key>/pixels.u8` holds the pictures one after another, in the type that their files have; `index.json`
beside it says where each lies and what its file was like (size, time, content hash), so that only what changed is
decoded again. The key hashes the folder and the transformation: other settings have another cache.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.config import Resize
from unpaired.data.cache.building import Recipe, build, locked
from unpaired.data.cache.index import VERSION, Entry, any_left, compare, dump, load
from unpaired.data.files import default_cache_dir, replacing
from unpaired.data.formats import AXIS
from unpaired.data.layout import Part
from unpaired.data.passed_over import Reason
from unpaired.errors import UserError
from unpaired.text import counted


@dataclass
class Cache:
    """The pictures of one domain: `cache[i]` is a read-only (H, W, C) view on the mapped file, of type `dtype`."""

    files: tuple[Path, ...]
    """Of each picture; one with several pages stands here several times."""
    skipped: list[tuple[Path, Reason]]
    shapes: tuple[tuple[int, int, int], ...]
    offsets: tuple[int, ...] = field(repr=False)
    pixels: NDArray[np.uint8] = field(repr=False)
    sizes: tuple[tuple[int, int], ...] = ()
    """Width and height of the files, upright, before they were resized."""
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
        return self.picked([i for i, path in enumerate(self.files) if path not in away])

    def picked(self, indices: Sequence[int]) -> Cache:
        """These pictures in this order; the digest stays that of all."""
        lists = {
            name: tuple(getattr(self, name)[i] for i in indices)
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
        with locked(home):
            old = load(home)
            entries, todo = compare(files, root, old)
            if todo or old is None or [e.path for e in old] != [e.path for e in entries]:
                entries = build(home, root, files, entries, todo, old is not None, recipe, progress)
            elif entries != old:  # only times differ
                with replacing(home / "index.json") as index:
                    index.write(dump(entries))
            any_left(entries, root)
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
        skipped=[(path, Reason(entry.error)) for path, entry in found if entry.error is not None],
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
    return f"{counted(bands, 'band')} of {dtype}"


def _key(root: Path, recipe: Recipe) -> str:
    text = json.dumps([VERSION, str(root.resolve()), asdict(recipe)])
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
