"""Pictures from files, as plain arrays or with what it takes to write them again; and back to files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unpaired.config import Resize
from unpaired.data import formats
from unpaired.data.files import not_written, replacing
from unpaired.data.formats import AXIS
from unpaired.data.formats.photo import QUALITY
from unpaired.data.picture import Picture
from unpaired.data.pixels import conversions, flatten, frames, opened, read_bytes, to_srgb, upright
from unpaired.data.scale import WHOLE
from unpaired.data.signatures import format_named

Colour = tuple[int, int, int]
LUMINANCE = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as in JPEG and in Pillow's mode L."""

__all__ = [
    "QUALITY",
    "Picture",
    "decode",
    "decode_bytes",
    "encoded",
    "framed",
    "picture_bytes",
    "read_picture",
    "resized",
    "seen",
    "write_picture",
]


def decode(
    path: Path,
    *,
    background: Colour = (255, 255, 255),
    channels: int = 3,
    draft: int | None = None,
) -> NDArray[Any]:
    """The file (of several pages, the middle one) as training sees it: (H, W, C). See `seen`."""
    return decode_bytes(read_bytes(path), path, background=background, channels=channels, draft=draft)


def decode_bytes(
    data: bytes,
    path: Path,
    *,
    background: Colour = (255, 255, 255),
    channels: int = 3,
    draft: int | None = None,
) -> NDArray[Any]:
    """`decode` of a file's content; `path` is only for messages."""
    pages = seen(data, path, background=background, channels=channels, draft=draft).pages
    return pages[len(pages) // 2]


def seen(
    data: bytes,
    path: Path,
    *,
    background: Colour = (255, 255, 255),
    channels: int = 3,
    draft: int | None = None,
    axis: int = AXIS,
) -> Picture:
    """A file's content as training sees it: upright (EXIF), in sRGB, transparency over `background`.

    8-bit pictures get the `channels` 1 or 3; others keep their bands, but for colours that are to be grey. `draft` lets
    a JPEG be decoded at 1/2, 1/4 or 1/8, with neither side below `draft` px: much faster. Volumes are sliced along
    `axis`. Raises `UserError` naming the file: unreadable, damaged, or larger than is let in.
    """
    if formats.kind_of(data) == "PHOTO":
        with opened(data, path) as image:
            if frames(image) == 1:
                stored = image.size
                if draft is not None:
                    image.draft(None, (draft, draft))  # does nothing but for JPEG
                notes = conversions(image)
                turned = upright(image)
                if turned.size != image.size:
                    stored = (stored[1], stored[0])
                picture = flatten(to_srgb(turned), background)
                values = np.array(picture.convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
                values = values[None, :, :, None] if channels == 1 else values[None]
                return Picture(values, notes=notes, stored=stored)
    picture = formats.read(data, path, axis=axis)
    pages = _over(picture, background)
    if pages.shape[3] == 3 and channels == 1 and pages.dtype.name in WHOLE:
        pages = np.rint(pages @ np.array(LUMINANCE)).astype(pages.dtype)[..., None]
    elif pages.shape[3] == 1 and channels == 3 and pages.dtype == np.uint8:
        pages = np.repeat(pages, 3, axis=3)
    return replace(picture, pages=pages, alpha=None, stored=(pages.shape[2], pages.shape[1]))


def _over(picture: Picture, background: Colour) -> NDArray[Any]:
    """The pages with the background where they are transparent."""
    if picture.alpha is None:
        return picture.pages
    top = np.iinfo(picture.alpha.dtype).max
    share = (picture.alpha / top)[..., None]
    behind = np.array(background) * (top / 255)
    if picture.bands != 3:
        behind = behind.mean(keepdims=True) if picture.bands != 1 else np.array([behind @ np.array(LUMINANCE)])
    return np.rint(share * picture.pages + (1 - share) * behind).astype(picture.dtype)


def read_picture(path: Path, *, axis: int = AXIS) -> Picture:
    """Read one file, volumes sliced along `axis`. Raises `UserError`, as `seen` does."""
    return picture_bytes(read_bytes(path), path, axis=axis)


def picture_bytes(data: bytes, path: Path, *, axis: int = AXIS) -> Picture:
    """`read_picture` of a file's content; `path` is only for messages."""
    return formats.read(data, path, axis=axis)


def write_picture(values: NDArray[Any], like: Picture, path: Path) -> None:
    """Write (H, W, C) or (P, H, W, C) to `path`, with the alpha, resolution and all that `like` says beside its pixels.

    The format is the one that `path` is named for, or that of `like` where the name says none. The file is whole or
    not there; what had this name stays if anything fails. Raises `UserError` for a full disk, a missing permission,
    values that the format can't hold; `ValueError` for a wrong shape.
    """
    content = formats.write(_filled(values, like, format_named(path) or like.format), path)
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise not_written(path, error) from error


def encoded(values: NDArray[Any], like: Picture, kind: str, *, quality: int = QUALITY) -> bytes:
    """What `write_picture` writes, as bytes of the format `kind`; `quality` is that of JPEG, WebP and AVIF."""
    return formats.write(_filled(values, like, kind), Path(f"a picture.{kind.lower()}"), quality=quality)


def _filled(values: NDArray[Any], like: Picture, kind: str) -> Picture:
    """`like` with other values; what only its own format's writer understands is for that format only."""
    pages = values[None] if values.ndim == 3 else values
    if pages.ndim != 4 or pages.size == 0:
        raise ValueError(f"expected (H, W, C) or (P, H, W, C), got {values.shape}")
    if like.alpha is not None and like.alpha.shape != pages.shape[:3]:
        raise ValueError(f"alpha is {like.alpha.shape}, the picture {pages.shape}")
    alpha = like.alpha
    if alpha is not None and alpha.dtype != pages.dtype and np.issubdtype(pages.dtype, np.integer):
        top = np.iinfo(pages.dtype).max
        alpha = np.rint(alpha * (top / np.iinfo(alpha.dtype).max)).astype(pages.dtype)
    return replace(like, pages=pages, alpha=alpha, format=kind, own=like.own if kind == like.format else None)


def resized(
    picture: NDArray[Any], width: int, height: int, resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> NDArray[Any]:
    """(H, W, C) → (height, width, C) of the same type, antialiased; itself where it has that size."""
    channels = picture.shape[2]
    if picture.shape[:2] == (height, width):
        return picture
    if picture.dtype == np.uint8 and channels in (1, 3):
        image = Image.fromarray(picture[:, :, 0] if channels == 1 else picture)
        return np.array(image.resize((width, height), resampling), dtype=np.uint8).reshape(height, width, channels)
    bands = [
        np.asarray(Image.fromarray(picture[:, :, band].astype(np.float32)).resize((width, height), resampling))
        for band in range(channels)
    ]
    # Bicubic weights overshoot at edges: beyond what the picture holds, 12 bits would become 13.
    values = np.clip(np.stack(bands, axis=-1), picture.min(), picture.max())
    return (np.rint(values) if np.issubdtype(picture.dtype, np.integer) else values).astype(picture.dtype)


def framed(
    picture: NDArray[Any], side: int, resize: Resize, resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> NDArray[Any]:
    """(H, W, C) → (side, side, C) to look at and to measure: resized; of what trains unresized, the middle."""
    height, width = picture.shape[:2]
    if resize != "none" or min(height, width) < side:
        return resized(picture, side, side, resampling)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(picture[top : top + side, left : left + side])
