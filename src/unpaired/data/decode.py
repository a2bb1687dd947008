"""Pictures from files, as plain arrays or with what it takes to write them again; and back to files."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from unpaired.config import Resize
from unpaired.data.discover import SUFFIXES
from unpaired.data.files import replacing
from unpaired.data.pixels import flatten, opened, read_bytes, to_srgb, upright
from unpaired.errors import UserError

QUALITY = 95
"""Of JPEG, WebP and AVIF, 0 to 100."""

_ALPHA = frozenset({"PNG", "WEBP", "TIFF", "AVIF", "GIF"})
_EXIF = frozenset({"JPEG", "PNG", "WEBP", "AVIF"})
_DPI = frozenset({"JPEG", "PNG", "TIFF", "BMP"})


def decode(
    path: Path,
    *,
    background: tuple[int, int, int] = (255, 255, 255),
    channels: Literal[1, 3] = 3,
    draft: int | None = None,
) -> NDArray[np.uint8]:
    """The picture as uint8 (H, W, channels), upright (EXIF), in sRGB, transparency over `background`.

    `draft` lets a JPEG be decoded at 1/2, 1/4 or 1/8, with neither side below `draft` px: much faster.
    Raises `UserError` naming the file: unreadable, damaged, more than 178 million pixels, more than 8 bits a
    channel, more than one frame.
    """
    return decode_bytes(read_bytes(path), path, background=background, channels=channels, draft=draft)


def decode_bytes(
    data: bytes,
    path: Path,
    *,
    background: tuple[int, int, int] = (255, 255, 255),
    channels: Literal[1, 3] = 3,
    draft: int | None = None,
) -> NDArray[np.uint8]:
    """`decode` of a file's content; `path` is only for messages."""
    with opened(data, path) as image:
        if draft is not None:
            image.draft(None, (draft, draft))  # does nothing but for JPEG
        picture = flatten(to_srgb(upright(image)), background)
        if channels == 1:
            return np.array(picture.convert("L"), dtype=np.uint8)[:, :, None]
        return np.array(picture.convert("RGB"), dtype=np.uint8)


@dataclass(frozen=True)
class Picture:
    """Pixels and what the file said beside them.

    `rgb` is uint8 (H, W, 3), upright and in sRGB (so no ICC profile is needed to write it), not mixed with
    any background; `alpha` is uint8 (H, W) or None. `grey` says that the file had no colours. `format` is
    Pillow's name. `exif` has no orientation any more.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    grey: bool = False
    format: str = "PNG"
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None


def read_picture(path: Path) -> Picture:
    """Read one picture. Raises `UserError`, as `decode` does."""
    return picture_bytes(read_bytes(path), path)


def picture_bytes(data: bytes, path: Path) -> Picture:
    """`read_picture` of a file's content; `path` is only for messages."""
    with opened(data, path) as image:
        kind = "JPEG" if image.format == "MPO" else image.format or "PNG"
        dpi = _dpi(image)
        image = upright(image)
        # A TIFF's tags also say where its pixels lie: they make no sense in another file.
        exif = None if kind == "TIFF" else _exif(image)
        paletted = image.mode in ("P", "PA")
        image = to_srgb(image)
        alpha = np.array(image.getchannel("A"), dtype=np.uint8) if "A" in image.mode else None
        rgb = np.array(image.convert("RGB"), dtype=np.uint8)
        grey = image.mode in ("L", "LA") or (paletted and bool((rgb == rgb[..., :1]).all()))
        return Picture(rgb, alpha, grey, kind, exif, dpi)


def write_picture(array: NDArray[np.uint8], like: Picture, path: Path) -> None:
    """Write uint8 (H, W, 3) to `path`, with the alpha, greyness, resolution and EXIF of `like`.

    The format is the one that `path` is named for, or that of `like` where the name says none. A format
    without alpha shows white where `like` is transparent. The file is whole or not there; what had this name
    stays if anything fails. Raises `UserError` for a full disk, a missing permission, a format that this
    Pillow cannot write; `ValueError` for a wrong shape.
    """
    kind = SUFFIXES.get(path.suffix.lower(), like.format)
    if kind == "AVIF" and not features.check("avif"):
        raise UserError(f"{path} cannot be written: this Pillow has no AVIF; choose another format, such as .png.")
    image = _image(array, like, kind)
    try:
        with replacing(path) as file:
            image.save(file, kind, **_options(kind, like))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UserError(f"{path} cannot be written: {reason}.") from error


def encoded(array: NDArray[np.uint8], like: Picture, kind: str, *, quality: int = QUALITY) -> bytes:
    """What `write_picture` writes, as bytes in Pillow's format `kind`; `quality` is that of JPEG, WebP and AVIF.

    Raises `UserError` for a format that this Pillow cannot write or that can't hold the picture.
    """
    if kind == "AVIF" and not features.check("avif"):
        raise UserError("This Pillow writes no AVIF: choose another format, such as png.")
    content = io.BytesIO()
    try:
        _image(array, like, kind).save(content, kind, **_options(kind, like, quality))
    except (OSError, ValueError) as error:
        raise UserError(f"The picture cannot be written as {kind}: {error}.") from error
    return content.getvalue()


def _image(array: NDArray[np.uint8], like: Picture, kind: str) -> Image.Image:
    """uint8 (H, W, 3) as Pillow writes it in the format `kind`."""
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"expected uint8 (H, W, 3), got {array.dtype} {array.shape}")
    if like.alpha is not None and like.alpha.shape != array.shape[:2]:
        raise ValueError(f"alpha is {like.alpha.shape}, the picture {array.shape[:2]}")
    image = Image.fromarray(np.ascontiguousarray(array))
    if like.grey:
        image = image.convert("L")
    if like.alpha is not None:
        alpha = Image.fromarray(np.ascontiguousarray(like.alpha))
        if kind in _ALPHA:
            if kind == "GIF":  # of LA, Pillow's GIF writer drops the alpha
                image = image.convert("RGB")
            image.putalpha(alpha)
        else:
            under = Image.new(image.mode, image.size, "white")
            under.paste(image, mask=alpha)
            image = under
    return image


def _options(kind: str, like: Picture, quality: int = QUALITY) -> dict[str, Any]:
    """What Pillow is told beside the pixels."""
    options: dict[str, Any] = {}
    if kind in ("JPEG", "WEBP", "AVIF"):
        options["quality"] = quality
    if kind == "JPEG":
        options["subsampling"] = 0
    if kind == "AVIF":
        options["subsampling"] = "4:4:4"
    if kind == "TIFF" and features.check("libtiff"):
        options["compression"] = "tiff_lzw"
    if like.exif is not None and kind in _EXIF:
        options["exif"] = like.exif
    if like.dpi is not None and kind in _DPI:
        options["dpi"] = like.dpi
    return options


def _exif(image: Image.Image) -> bytes | None:
    """EXIF of an upright picture; None where it has none that can be kept."""
    try:
        exif = image.getexif()
        exif.pop(0x0112, None)  # orientation
        return exif.tobytes() if len(exif) else None
    except Exception:  # damaged metadata must not cost the picture
        return None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    dpi = image.info.get("dpi")
    try:
        x, y = (float(value) for value in dpi or ())
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if all(math.isfinite(v) and 0 < v < 65536 for v in (x, y)) else None


def resized(
    picture: NDArray[np.uint8], width: int, height: int, resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> NDArray[np.uint8]:
    """uint8 (H, W, 1 or 3) → (height, width, the same channels), antialiased; itself where it has that size."""
    channels = picture.shape[2]
    if picture.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(picture[:, :, 0] if channels == 1 else picture)
    return np.array(image.resize((width, height), resampling), dtype=np.uint8).reshape(height, width, channels)


def framed(
    picture: NDArray[np.uint8], side: int, resize: Resize, resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> NDArray[np.uint8]:
    """uint8 (H, W, C) → (side, side, C) to look at and to measure: resized; of what trains unresized, the middle."""
    height, width = picture.shape[:2]
    if resize != "none" or min(height, width) < side:
        return resized(picture, side, side, resampling)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(picture[top : top + side, left : left + side])
