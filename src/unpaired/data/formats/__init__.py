"""Readers and writers of pictures, chosen by what is in a file.

To add a format: a module here, its signature in `data.discover`, a line in `read` and one in `write`.
"""

from __future__ import annotations

from pathlib import Path

from unpaired.data.formats import deep, photo
from unpaired.data.picture import Picture
from unpaired.data.signatures import HEAD, picture_format

AXIS = 2
"""Of a volume, the axis along which it is sliced: in NIfTI from the feet to the head."""


def kind_of(data: bytes) -> str:
    """Which reader takes these bytes: "PHOTO" for what Pillow holds whole, or the name of a format."""
    kind = picture_format(data[:HEAD]) or "PHOTO"
    if kind in ("PNG", "PPM"):
        return "DEEP" if deep.is_deep(data) else "PHOTO"
    if kind == "TIFF":
        from unpaired.data.formats import tiff

        return "PHOTO" if tiff.is_plain(data) else "TIFF"
    return kind if kind in ("NPY", "NPZ", "DICOM", "NIFTI") else "PHOTO"


def read(data: bytes, path: Path, *, axis: int = AXIS) -> Picture:
    """The picture in a file's content; `path` is only for messages. Raises `UserError` that names it."""
    match kind_of(data):
        case "DEEP":
            return deep.read(data, path)
        case "TIFF":
            from unpaired.data.formats import tiff

            return tiff.read(data, path)
        case "NPY" | "NPZ":
            from unpaired.data.formats import arrays

            return arrays.read(data, path)
        case "DICOM":
            from unpaired.data.formats import dicom

            return dicom.read(data, path)
        case "NIFTI":
            from unpaired.data.formats import nifti

            return nifti.read(data, path, axis)
        case _:
            return photo.read(data, path)


def write(picture: Picture, path: Path, *, quality: int = photo.QUALITY) -> bytes:
    """The content of a file of `picture.format`. Raises `UserError` that names `path` for what it can't hold."""
    match picture.format:
        case "NPY" | "NPZ" as kind:
            from unpaired.data.formats import arrays

            return arrays.write(picture, kind, path)
        case "DICOM":
            from unpaired.data.formats import dicom

            return dicom.write(picture, path)
        case "NIFTI":
            from unpaired.data.formats import nifti

            return nifti.write(picture, path)
        case "TIFF" if not _shallow(picture) or not isinstance(picture.own, photo.Photo | None):
            from unpaired.data.formats import tiff

            return tiff.write(picture, path)
        case "PNG" | "PPM" as kind if picture.dtype != "uint8":
            return deep.write(picture, kind, path)
        case kind:
            return photo.write(picture, kind, path, quality)


def _shallow(picture: Picture) -> bool:
    """Whether Pillow holds all of it on one page."""
    return picture.dtype == "uint8" and picture.bands in (1, 3) and len(picture.pages) == 1
