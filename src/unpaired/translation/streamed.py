"""TIFFs larger than memory: read, translated and written a band of rows at a time (extra `scientific`)."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unpaired.config import Direction, source
from unpaired.data import pixels
from unpaired.data.formats import nodata, tiff
from unpaired.data.formats.extras import check_values, damage_told
from unpaired.data.picture import Picture
from unpaired.data.scale import full, scale_of
from unpaired.errors import UserError
from unpaired.translation import pictures, values
from unpaired.translation.rows import no_room
from unpaired.translation.translator import Translator

COPIES = 4
"""Of the values that a picture takes when it is held whole: the file's, as they are shown, their translation's, the
output's."""
TILE = 256


@contextmanager
def opened(path: Path, memory: int) -> Generator[Windows | None]:
    """A TIFF that can be streamed and is too large to be held whole in `memory` bytes; else None.

    Streamed are single pages of grey, colour or bands without transparency, in tiles or strips.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        yield None
        return
    try:
        import tifffile

        logging.getLogger("tifffile").setLevel(logging.CRITICAL)
        file: Any = tifffile.TiffFile(path)
    except Exception:  # whoever reads it whole says what is wrong
        yield None
        return
    with file:
        yield _windows(path, file, memory)


def _windows(path: Path, file: Any, memory: int) -> Windows | None:
    try:
        page = file.pages[0]
        height, width, bands = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
        plain = (
            len(file.pages) == 1 and len(file.series) == 1 and page.axes in ("YX", "YXS") and not page.extrasamples
            and page.photometric.name in ("MINISBLACK", "RGB") and page.planarconfig == 1
            and ("Orientation" not in page.tags or page.tags["Orientation"].value == 1)
        )  # fmt: skip
        size = height * width * bands * np.dtype(page.dtype).itemsize
    except Exception:
        return None
    large = COPIES * size > memory or height * width > pixels.MAX_PIXELS
    return Windows(path, file, page, (height, width, bands), nodata.of(page)) if plain and large else None


@dataclass
class Windows:
    """A TIFF read a few rows at a time."""

    path: Path
    file: Any
    page: Any
    shape: tuple[int, int, int]
    """Height, width, bands."""
    nothing: float | None = None
    """The value that stands for no data."""
    means: NDArray[Any] | None = None
    """(bands,): what is shown where there is no data, once `look_for_data` was called."""
    _recent: dict[int, NDArray[Any]] = field(default_factory=dict[int, NDArray[Any]])

    def rows(self, first: int, end: int) -> NDArray[Any]:
        """(end - first, W, C). Raises `UserError` where the file is damaged, or a value is none."""
        rows = self._stored(first, end)
        if self.means is not None:
            rows = nodata.filled(rows, nodata.absent_in(rows, self.nothing), self.means)
        return check_values(self.path, rows)

    def look_for_data(self) -> bool:
        """Find out, in a pass over the file, what is shown where there is no data. Gives whether there are such places.

        Raises `UserError` where the file is damaged, or there is no data at all.
        """
        if self.nothing is None:
            return False
        total, count = np.zeros(self.shape[2]), np.zeros(self.shape[2])
        for first in range(0, self.shape[0], self._deep):
            rows = self._stored(first, min(first + self._deep, self.shape[0]))
            some, many = nodata.sums(rows, nodata.absent_in(rows, self.nothing))
            total, count = total + some, count + many
        self.means = nodata.mean(self.path, total, count, np.dtype(self.page.dtype), self.nothing)
        return bool((count < self.shape[0] * self.shape[1]).any())

    def emptied(self, values: NDArray[Any], first: int, nothing: float) -> NDArray[Any]:
        """A translation's rows from `first` on, with `nothing` where these hold no data."""
        stored = self._stored(first, first + len(values))
        return nodata.emptied(values, nodata.absent_in(stored, self.nothing), nothing)

    def _stored(self, first: int, end: int) -> NDArray[Any]:
        deep = self._deep
        parts: list[NDArray[Any]] = []
        for row in range(first // deep, -(-end // deep)):
            top = row * deep
            parts.append(self._row(row)[max(0, first - top) : end - top])
        return np.concatenate(parts)

    @property
    def _deep(self) -> int:
        """Rows of a tile or strip."""
        page = self.page
        return int(page.tilelength if page.is_tiled else min(page.rowsperstrip, self.shape[0]))

    def _row(self, row: int) -> NDArray[Any]:
        """All tiles beside each other; the last few are remembered, since bands overlap."""
        if row not in self._recent:
            while len(self._recent) > 1:
                del self._recent[min(self._recent)]
            self._recent[row] = self._decoded(row)
        return self._recent[row]

    def _decoded(self, row: int) -> NDArray[Any]:
        height, width, bands = self.shape
        page = self.page
        wide = int(page.tilewidth) if page.is_tiled else width
        rows = min(self._deep, height - row * self._deep)
        result = np.zeros((rows, width, bands), page.dtype)
        across = -(-width // wide)
        with damage_told(self.path, "TIFF"):
            for column in range(across):
                index = row * across + column
                count = page.databytecounts[index]
                if not count:
                    continue  # a tile that was left out is empty
                self.file.filehandle.seek(page.dataoffsets[index])
                data = self.file.filehandle.read(count)
                if len(data) < count:
                    raise ValueError("its pixels end early")
                tile = page.decode(data, index, jpegtables=page.jpegtables)[0]
                tile = tile.reshape(-1, tile.shape[-2], bands)[:rows, : width - column * wide]
                result[: tile.shape[0], column * wide : column * wide + tile.shape[1]] = tile
        return result


def translate(translator: Translator, windows: Windows, out: Path, direction: Direction) -> list[str]:
    """Write the translation of a TIFF to `out`, a tiled BigTIFF with the input's type, tags and compression.

    Gives what was changed on the way, in words. Raises `UserError` for values that are none of the run's domain, a
    damaged file, a full disk; then `out` is of no use.
    """
    data = translator.config.data
    height, width, bands = windows.shape
    holes = windows.look_for_data()
    like = Picture(windows.rows(0, 1)[None], format="TIFF")
    if why := values.fits(data, like, direction):
        raise UserError(f"{windows.path} {why}")
    scale = scale_of(data, source(direction)) or full(like.dtype)
    dtype, after = values.written_as(data, like, direction)
    grey = translator.gives_grey(direction, bands == 1)
    made = 1 if grey else max(translator.config.channels(direction)[1], bands if bands == 3 else 1)
    beyond, seen = 0.0, 0

    def read(first: int, end: int) -> Tensor:
        nonlocal beyond, seen
        rows = windows.rows(first, end)
        if end > seen:
            beyond += values.beyond(rows, scale) * (end - seen) / height
            seen = end
        return torch.from_numpy(scale.to_network(rows).transpose(2, 0, 1)[None].copy())

    with tempfile.TemporaryFile(prefix="unpaired-") as spool:

        def write(first: int, rows: Tensor) -> None:
            y = pictures.with_channels(rows, made) if rows.shape[1] in (1, 3) and made in (1, 3) else rows
            try:
                spool.write(after.from_network(y[0].permute(1, 2, 0).cpu().numpy(), dtype).tobytes())
            except OSError as e:
                raise no_room(height * width * made * dtype.itemsize, e) from e

        translator.translate_rows(read, write, height, width, direction)
        _write(out, windows, spool, made, dtype)
    notes = [nodata.NOTE] if holes else list[str]()
    if beyond:
        notes.append(f"{beyond:.2%} of the values lie beyond the run's {scale.text()} and were clipped")
    if 34675 in windows.page.tags:
        notes.append("colours of its profile were not converted to sRGB, since it was streamed; the profile is kept")
    return notes


def _write(out: Path, windows: Windows, spool: Any, bands: int, dtype: np.dtype[Any]) -> None:
    """Lay rows that lie one after the other in `spool` out as tiles."""
    import tifffile

    height, width, _ = windows.shape
    page = windows.page
    options = tiff.options_of(windows.file, page)
    deep, wide = options.pop("tile", (TILE, TILE))
    options |= {"photometric": "rgb" if bands == 3 else "minisblack", "bigtiff": True}
    bigtiff, byteorder = options.pop("bigtiff"), options.pop("byteorder")
    if options.get("predictor") == 3 and dtype.kind != "f":
        options["predictor"] = 2

    tags, nothing = tiff.tags_of(page), windows.nothing
    if nothing is not None:
        nothing, tags = tiff.stands_for_none(nothing, dtype, tags)

    def tiles() -> Iterator[NDArray[Any]]:
        for top in range(0, height, deep):
            rows = min(deep, height - top)
            spool.seek(top * width * bands * dtype.itemsize)
            band = np.frombuffer(spool.read(rows * width * bands * dtype.itemsize), dtype).reshape(rows, width, bands)
            if nothing is not None:
                band = windows.emptied(band, top, nothing)
            for left in range(0, width, wide):
                tile = np.zeros((deep, wide, bands), dtype)
                part = band[:, left : left + wide]
                tile[:rows, : part.shape[1]] = part
                yield tile if bands > 1 else tile[..., 0]

    if 282 in page.tags:
        options |= {"resolution": page.get_resolution(unit=2), "resolutionunit": 2}
    shape = (height, width, bands) if bands > 1 else (height, width)
    with tifffile.TiffWriter(out, bigtiff=bigtiff, byteorder=byteorder) as writer:
        writer.write(
            tiles(), shape=shape, dtype=dtype, tile=(deep, wide), metadata=None, software="unpaired",
            extratags=list(tags), **options,
        )  # fmt: skip
    assert math.prod(shape) * dtype.itemsize == spool.seek(0, 2), "every row was written once"
