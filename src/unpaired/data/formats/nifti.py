"""NIfTI volumes (.nii, .nii.gz), slice by slice; by nibabel (extra `medical`)."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.data.formats.extras import check_claim, check_values, damage_told, missing, most
from unpaired.data.picture import Picture
from unpaired.errors import UserError

HEADERS = 1 << 20
"""Bytes before a volume's values, at most: the header, and what programs add to it."""


@dataclass(frozen=True)
class Volume:
    """A header, the axis along which it was sliced, its shape, and what made values of what is stored."""

    header: Any
    affine: NDArray[np.float64]
    axis: int
    shape: tuple[int, ...]
    slope: float
    intercept: float


def read(data: bytes, path: Path, axis: int) -> Picture:
    """Pages are the slices along `axis` (0 to 2, of the file's own order), of volumes in time one after another.

    Values are what is stored, times the file's slope, plus its intercept. Raises `UserError` naming the file.
    """
    try:
        import nibabel
    except ImportError as error:
        raise missing(path, "a NIfTI volume", "medical") from error
    with damage_told(path, "NIfTI volume"):
        if data[:2] == b"\x1f\x8b":
            packed, data = data, b""
            unpack = zlib.decompressobj(31)
            bytes_let_in = most() + HEADERS
            data = unpack.decompress(packed, bytes_let_in)
            if unpack.unconsumed_tail:
                check_claim(path, (bytes_let_in + 1,), np.uint8)
            if not unpack.eof:
                raise UserError(f"{path} is damaged or cut off: remove it or get it again.")
        kind: Any = nibabel.Nifti2Image if data[4:8] == b"n+2\0" else nibabel.Nifti1Image
        image = kind.from_bytes(data)
        header = image.header
        shape = tuple(int(n) for n in header.get_data_shape())
        if not 2 <= len(shape) <= 4 or header.get_data_dtype().fields is not None:
            raise UserError(f"{path} holds {'×'.join(map(str, shape))} of {header.get_data_dtype()}: no plain volume.")
        check_claim(path, shape, header.get_data_dtype())
        slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
        stored = np.asarray(image.dataobj.get_unscaled())
    values = stored if (slope, intercept) == (1, 0) else (stored * slope + intercept).astype(np.float32)
    values = check_values(path, values)
    volume = values.reshape((*shape, 1, 1)[: max(4, len(shape))])
    pages = np.moveaxis(volume, (3, axis), (0, 1))
    own = Volume(header.copy(), np.array(image.affine), axis, shape, slope, intercept)
    return Picture(np.ascontiguousarray(pages.reshape(-1, *pages.shape[2:], 1)), format="NIFTI", own=own)


def write(picture: Picture, path: Path) -> bytes:
    """With the header, affine and slope of what was read; of other bands than 1 a last dimension more."""
    try:
        import nibabel
    except ImportError as error:
        raise missing(path, "a NIfTI volume", "medical") from error
    own = picture.own
    if not isinstance(own, Volume):
        raise UserError(f"{path} cannot be written: a NIfTI volume is only made of one; choose .tif or .npy.")
    if picture.bands != 1:
        raise UserError(f"{path} cannot be written: a NIfTI volume has one band, and this has {picture.bands}.")
    spatial = (*own.shape, 1)[:3]
    times = own.shape[3] if len(own.shape) == 4 else 1
    rest = [n for i, n in enumerate(spatial) if i != own.axis]
    pages = picture.pages[..., 0].reshape(times, spatial[own.axis], *rest)
    values = np.moveaxis(pages, (0, 1), (3, own.axis)).reshape(own.shape)
    header = own.header.copy()
    stored = own.header.get_data_dtype().newbyteorder("=")
    same = (own.slope, own.intercept) != (1, 0) or values.dtype == stored
    if same and stored.kind in "iu":
        info = np.iinfo(stored)
        values = np.clip(np.rint((values.astype(np.float64) - own.intercept) / own.slope), info.min, info.max)
    elif same:
        values = (values.astype(np.float64) - own.intercept) / own.slope
    values = values.astype(stored if same else values.dtype)
    header.set_data_dtype(values.dtype)
    about = bytes(header["descrip"].tobytes()).rstrip(b"\0")
    header["descrip"] = (about[:62] + b"; " if about else b"")[:64] + b"synthetic"
    kind: Any = nibabel.Nifti2Image if isinstance(own.header, nibabel.Nifti2Header) else nibabel.Nifti1Image
    image = kind(values, own.affine, header)
    image.header.set_slope_inter(own.slope if same else 1.0, own.intercept if same else 0.0)
    content: bytes = image.to_bytes()
    # No time of writing, so that equal values are equal bytes.
    return _packed(content) if path.name.lower().endswith(".gz") else content


def _packed(content: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(content)
    return packed.getvalue()
