"""Readers and writers of pictures, chosen by what is in a file. To add one: a module here, a line in each table."""

from __future__ import annotations

from pathlib import Path

from unpaired.data.discover import picture_format
from unpaired.data.formats import deep, photo
from unpaired.data.picture import Picture

AXIS = 2
"""Of a volume, the axis along which it is sliced: in NIfTI from the feet to the head."""


def kind_of(data: bytes, path: Path) -> str:
    """Which reader takes these bytes: "PHOTO" for what Pillow reads whole, or a name of a format."""
    kind = picture_format(data[:512])
    if kind in ("PNG", "PPM"):
        return "DEEP" if deep.is_deep(data) else "PHOTO"
    return "PHOTO"


def read(data: bytes, path: Path, *, axis: int = AXIS) -> Picture:
    """The picture in a file's content; `path` is only for messages. Raises `UserError` that names it."""
    return deep.read(data, path) if kind_of(data, path) == "DEEP" else photo.read(data, path)


def write(picture: Picture, path: Path, *, quality: int = photo.QUALITY) -> bytes:
    """The content of a file of `picture.format`. Raises `UserError` that names `path` for what it can't hold."""
    kind = picture.format
    if kind in ("PNG", "PPM") and picture.dtype != "uint8":
        return deep.write(picture, kind, path)
    return photo.write(picture, kind, path, quality)
