"""NumPy's own files: .npy and .npz."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.data.formats.extras import check_claim, check_values, damage_told
from unpaired.data.picture import Picture
from unpaired.errors import UserError

MOST_BANDS = 32
"""A first or last dimension up to this, and smaller than the picture's sides, is bands."""


@dataclass(frozen=True)
class Array:
    """How an array lay: with which dimensions, where its bands were, and under which names in a .npz."""

    dimensions: int
    bands: int | None
    names: tuple[str, ...] = ()


def read(data: bytes, path: Path) -> Picture:
    """(H, W), (H, W, C), (C, H, W), (P, H, W), (P, H, W, C) or (P, C, H, W); in a .npz one of these, or several alike.

    Raises `UserError` naming the file.
    """
    with damage_told(path, "NumPy file"):
        if data[:2] == b"PK":
            return _several(data, path)
        return _one(data, path)


def write(picture: Picture, kind: str, path: Path) -> bytes:
    """Laid out as it was read, or (H, W, C); with several pages (P, H, W, C). Alpha is the last band."""
    own = picture.own if isinstance(picture.own, Array) else Array(3 if len(picture.pages) == 1 else 4, -1)
    values = picture.pages
    if picture.alpha is not None:
        values = np.concatenate([values, picture.alpha[..., None]], axis=3)
    content = io.BytesIO()
    if kind == "NPY":
        np.save(content, _laid_out(values, own), allow_pickle=False)
        return content.getvalue()
    if len(own.names) > 1:
        parts = np.split(values, len(own.names))
        arrays = {name: _laid_out(part, own) for name, part in zip(own.names, parts, strict=True)}
    else:
        arrays = {(own.names or ("arr_0",))[0]: _laid_out(values, own)}
    np.savez_compressed(content, **arrays)  # pyright: ignore[reportArgumentType]
    return content.getvalue()


def _one(data: bytes, path: Path) -> Picture:
    pages, own = _pages(_loaded(io.BytesIO(data), path), path)
    return Picture(pages, format="NPY", own=own)


def _several(data: bytes, path: Path) -> Picture:
    """Arrays of one shape and type are the pages, by the order of their names in the file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        if not names:
            raise UserError(f"{path} is an archive without arrays: name a picture.")
        check_claim(path, (sum(archive.getinfo(name).file_size for name in names),), np.uint8)
        arrays: list[NDArray[Any]] = []
        for name in names:
            about = archive.getinfo(name)
            if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # NumPy writes no other
                raise UserError(f"{path} is packed in a way that NumPy never writes: save it again.")
            with archive.open(about) as file:  # never more than was claimed
                arrays.append(_loaded(io.BytesIO(file.read(about.file_size)), path))
    kinds = {(array.shape, array.dtype) for array in arrays}
    if len(kinds) > 1:
        listed = ", ".join(
            f"{n.removesuffix('.npy')} {a.shape} {a.dtype}" for n, a in zip(names, arrays, strict=True)
        )  # fmt: skip
        raise UserError(f"{path} holds arrays of several kinds ({listed}): save the picture by itself.")
    found = [_pages(array, path) for array in arrays]
    own = Array(found[0][1].dimensions, found[0][1].bands, tuple(name.removesuffix(".npy") for name in names))
    return Picture(np.concatenate([pages for pages, _ in found]), format="NPZ", own=own)


def _loaded(file: io.BytesIO, path: Path) -> NDArray[Any]:
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    check_claim(path, shape or (0,), dtype)
    file.seek(0)
    return check_values(path, np.load(file, allow_pickle=False))


def _pages(array: NDArray[Any], path: Path) -> tuple[NDArray[Any], Array]:
    """(P, H, W, C), and how it lay."""
    if array.ndim not in (2, 3, 4):
        raise UserError(f"{path} holds an array of shape {array.shape}, which is no picture: 2 to 4 dimensions are.")
    lead = array.ndim - 3  # of three, the first may be the bands; of four, the second
    sides = sorted(array.shape[max(0, lead) :])
    bands = None
    if array.ndim > 2 and array.shape[-1] <= MOST_BANDS and array.shape[-1] < sides[1]:
        bands = -1
    elif array.ndim > 2 and array.shape[lead] <= MOST_BANDS and array.shape[lead] < sides[1]:
        bands = -3
    if array.ndim == 4 and bands is None:
        raise UserError(f"{path} holds an array of shape {array.shape}, of which no dimension looks like bands.")
    last = array[..., None] if bands is None else np.moveaxis(array, bands, -1)
    return np.ascontiguousarray(last.reshape(-1, *last.shape[-3:])), Array(array.ndim, bands)


def _laid_out(values: NDArray[Any], own: Array) -> NDArray[Any]:
    """(P, H, W, C) as it lay, or, of more bands than before, with the bands last."""
    if own.bands is None and values.shape[3] == 1:
        return values[..., 0] if own.dimensions == 3 else values[0, ..., 0]
    moved = np.moveaxis(values, -1, -3 if own.bands == -3 else -1)
    return moved if own.dimensions == 4 or len(values) > 1 else moved[0]
