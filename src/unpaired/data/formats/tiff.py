"""TIFF beyond what Pillow holds: any type, bands and pages, BigTIFF, tiles, GeoTIFF; by tifffile (extra `scientific`).

Plain 8-bit pictures of one page are left to Pillow, which knows CMYK, palettes and colour profiles.
"""

from __future__ import annotations

import io
import logging
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.data.formats import nodata
from unpaired.data.formats.extras import check_claim, check_values, damage_told, missing
from unpaired.data.picture import Picture
from unpaired.errors import UserError

GEO = frozenset({33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113})
"""Tags of GeoTIFF (OGC 19-008r4) and of GDAL: scale, tie points, transformation, keys, metadata, no-data value."""
KEPT = GEO | {269, 270, 271, 272, 306, 315, 33432, 34675}
"""Those, and what people write: names, description, device, date, artist, copyright, ICC profile."""
LOSSLESS = {1: None, 5: "lzw", 8: "zlib", 32946: "zlib", 32773: "packbits", 34925: "lzma", 50000: "zstd"}


Tags = tuple[tuple[int, int, int, Any, bool], ...]
"""As tifffile takes them: code, type, count, value, whether on the first page only."""


@dataclass(frozen=True)
class Tiff:
    """How a file was laid out: what its values were, axis by axis, and what `tifffile.imwrite` is told of it."""

    axes: str
    shape: tuple[int, ...]
    dtype: str
    options: dict[str, Any]
    tags: Tags
    nothing: float | None = None
    """The value that stands for no data."""
    absent: nodata.Mask | None = None
    """(P, H, W, C): where there is none."""


def is_plain(data: bytes) -> bool:
    """Whether Pillow holds all of a TIFF: one page of at most 8 bits, colours or grey, no place on Earth."""
    try:
        tags, following = _first_directory(data)
    except (struct.error, KeyError):  # then it is tifffile's, which says what is wrong
        return False
    photometric, samples, extra = tags.get(262, (1,))[0], tags.get(277, (1,))[0], tags.get(338, ())
    needed = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3}.get(photometric, 0)
    alpha = samples == needed + 1 and extra in ((1,), (2,))  # of what is not said, it may be any band
    return (
        following == 0 and max(tags.get(258, (1,))) <= 8 and {*tags.get(339, (1,))} <= {1, 4} and not GEO & set(tags)
        and (samples == needed or alpha)
    )  # fmt: skip


def _first_directory(data: bytes) -> tuple[dict[int, tuple[int, ...]], int]:
    """The tags of a classic TIFF's first page, integers only, and where the next page's begin (TIFF 6.0, section 2)."""
    order = {b"II*\0": "<", b"MM\0*": ">"}[data[:4]]
    (place,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, place)
    tags: dict[int, tuple[int, ...]] = {}
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        code, kind, length = struct.unpack_from(f"{order}HHI", data, entry)
        letter, size = {3: ("H", 2), 4: ("I", 4)}.get(kind, ("", 0))
        if not letter or length > 64:
            tags[code] = ()
            continue
        (far,) = struct.unpack_from(f"{order}I", data, entry + 8)
        tags[code] = struct.unpack_from(f"{order}{length}{letter}", data, entry + 8 if length * size <= 4 else far)
    (following,) = struct.unpack_from(f"{order}I", data, place + 2 + 12 * count)
    return {code: values or (0,) for code, values in tags.items()}, following


def read(data: bytes, path: Path) -> Picture:
    """Bands are samples or channels; all other axes are pages. Raises `UserError` naming the file."""
    try:
        import tifffile
    except ImportError as error:
        raise missing(path, "a TIFF of more than 8-bit grey or colour on one page", "scientific") from error
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what matters comes back as an error
    with damage_told(path, "TIFF"), tifffile.TiffFile(io.BytesIO(data)) as file:
        series: Any = file.series[0]
        page: Any = series.keyframe
        axes, shape = str(series.axes), tuple(int(n) for n in series.shape)
        check_claim(path, shape, series.dtype)
        if "Y" not in axes or "X" not in axes or int(page.photometric) == 3:
            raise UserError(f"{path} is a TIFF of a kind that is not supported (axes {axes}, {page.photometric.name}).")
        values: NDArray[Any] = series.asarray()
        pages = _bands_last(values, axes)
        nothing, options, tags = nodata.of(page), options_of(file, page), tags_of(page)
        extra = tuple(int(e) for e in page.extrasamples)
        resolution = page.get_resolution(unit=2) if 282 in page.tags else None
    alpha = None
    if extra[-1:] == (2,) and pages.shape[3] in (2, 4) and "S" in axes and values.dtype.kind == "u":
        pages, alpha = pages[..., :-1], pages[..., -1]
    absent = nodata.absent_in(pages, nothing)
    if absent is not None and nothing is not None:
        means = nodata.mean(path, *nodata.sums(pages, absent), pages.dtype, nothing)
        pages = nodata.filled(pages, absent, means)
    pages = check_values(path, pages)
    own = Tiff(axes, shape, pages.dtype.name, options, tags, nothing, absent)
    dpi = None if resolution is None else (float(resolution[0]), float(resolution[1]))
    notes = () if absent is None else (nodata.NOTE,)
    return Picture(np.ascontiguousarray(pages), alpha, "TIFF", dpi=dpi, notes=notes, own=own)


def write(picture: Picture, path: Path) -> bytes:
    """Laid out as it was read, with the same tags; compressed without loss where it came from another format."""
    try:
        import tifffile
    except ImportError as error:
        raise missing(path, f"a TIFF of {picture.bands} × {picture.dtype}", "scientific") from error
    own = picture.own if isinstance(picture.own, Tiff) else None
    values = picture.pages
    tags = () if own is None else own.tags
    if own is not None and own.nothing is not None:
        nothing, tags = stands_for_none(own.nothing, picture.dtype, tags)
        values = nodata.emptied(values, own.absent, nothing)
    if picture.alpha is not None:
        values = np.concatenate([values, picture.alpha[..., None]], axis=3)
    options: dict[str, Any] = {"compression": "zlib"} if own is None else dict(own.options)
    if own is not None and (values.shape[3] != _bands(own) or picture.dtype != own.dtype):
        tags = tuple(tag for tag in tags if tag[0] != 270)  # descriptions of OME and ImageJ name type and channels
    coloured = picture.bands == 3 and (own is None or options.get("photometric") == "rgb" or _bands(own) not in (3, 4))
    inks = own is not None and options.get("photometric") == "separated" and values.shape[3] == _bands(own)
    options["photometric"] = "rgb" if coloured else "separated" if inks else "minisblack"
    if options.get("compression") is not None and "predictor" not in options:
        options["predictor"] = picture.dtype.itemsize <= 4
    elif options.get("predictor") == 3 and picture.dtype.kind != "f":
        options["predictor"] = 2
    if picture.alpha is not None:
        options["extrasamples"] = ["unassalpha"]
    array, planar = _laid_out(values, own)
    if planar is not None:
        options["planarconfig"] = planar
    if picture.dpi is not None:
        options |= {"resolution": picture.dpi, "resolutionunit": 2}
    content = io.BytesIO()
    try:
        tifffile.imwrite(content, array, metadata=None, software="unpaired", extratags=list(tags), **options)
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        raise UserError(f"{path} cannot be written as TIFF: {error}.") from error
    return content.getvalue()


def stands_for_none(nothing: float, dtype: np.dtype[Any], tags: Tags) -> tuple[float, Tags]:
    """The value that stands for no data in an output of another type, and the tags that say so."""
    if nodata.fits(nothing, dtype):
        return nothing, tags
    return 0.0, tuple((nodata.TAG, 2, 2, b"0", True) if tag[0] == nodata.TAG else tag for tag in tags)


def _bands(own: Tiff) -> int:
    return next((n for axis, n in zip(own.axes, own.shape, strict=True) if axis in "SC"), 1)


def _bands_last(values: NDArray[Any], axes: str) -> NDArray[Any]:
    """Any axes → (P, H, W, C). Samples and channels both: their product are the bands."""
    order = [i for i, a in enumerate(axes) if a not in "YXSC"]
    bands = [i for i, a in enumerate(axes) if a in "CS"]
    y, x = axes.index("Y"), axes.index("X")
    moved = values.transpose(*order, y, x, *bands)
    return moved.reshape(-1, values.shape[y], values.shape[x], int(np.prod([values.shape[i] for i in bands] or [1])))


def _laid_out(values: NDArray[Any], own: Tiff | None) -> tuple[NDArray[Any], str | None]:
    """(P, H, W, C) as it lay in the file, and whether its samples, if any, are contiguous or separate planes.

    Channels that were pages of their own are so again.
    """
    pages, height, width, bands = values.shape
    if own is not None and "C" in own.axes and "S" not in own.axes:
        order = [a for a in own.axes if a not in "YX"]
        lead = [n for a, n in zip(own.axes, own.shape, strict=True) if a not in "YXC"]
        moved = np.moveaxis(values.reshape(*lead, height, width, bands), -1, order.index("C"))
        return np.ascontiguousarray(moved).reshape(-1, height, width), None
    if bands == 1:
        return values[..., 0] if pages > 1 else values[0, ..., 0], None
    separate = own is not None and "S" in own.axes and own.axes.index("S") < own.axes.index("Y")
    array = np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if separate else values
    return array if pages > 1 else array[0], "separate" if separate else "contig"


def options_of(file: Any, page: Any) -> dict[str, Any]:
    """What `imwrite` is told so that it writes a file of the same kind."""
    compression = LOSSLESS.get(int(page.compression), "zlib")
    options: dict[str, Any] = {
        "bigtiff": file.is_bigtiff, "byteorder": file.byteorder, "compression": compression,
        "photometric": page.photometric.name.lower(),
    }  # fmt: skip
    if compression is not None and int(page.predictor) in (1, 2, 3):
        options["predictor"] = int(page.predictor)
    if page.is_tiled:
        options["tile"] = (int(page.tilelength), int(page.tilewidth))
    return options


def tags_of(page: Any) -> Tags:
    """Tags of the first page that go into the output as they are."""
    found: list[tuple[int, int, int, Any, bool]] = []
    for tag in page.tags:
        if tag.code in KEPT and tag.value not in (None, ""):
            value = tag.value.encode() if isinstance(tag.value, str) else tag.value
            count = len(value) + 1 if int(tag.dtype) == 2 else int(tag.count)
            found.append((int(tag.code), int(tag.dtype), count, value, True))
    return tuple(found)
