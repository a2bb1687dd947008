"""PNG and PPM of 16 bits a channel, of which Pillow would drop the lower 8."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unpaired.data import pixels
from unpaired.data.picture import Picture
from unpaired.data.pixels import opened, profile_name, too_large, upright
from unpaired.errors import UserError

TOP = 65535
_PPM = re.compile(rb"P([56])((?:\s|#[^\n]*\n)+)(\d+)((?:\s|#[^\n]*\n)+)(\d+)((?:\s|#[^\n]*\n)+)(\d+)\s", re.DOTALL)


def is_deep(data: bytes) -> bool:
    """Whether these are a PNG or binary PPM of more than 8 bits a channel."""
    if data.startswith(b"\x89PNG"):
        return data[24:25] == b"\x10"
    found = _PPM.match(data[:4096])
    return bool(found) and int(found[7]) > 255 if found else False


def read(data: bytes, path: Path) -> Picture:
    """Raises `UserError` as `photo.read` does. An ICC profile is kept, since 16 bits can't be converted exactly."""
    return _read_png(data, path) if data.startswith(b"\x89PNG") else _read_ppm(data, path)


def write(picture: Picture, kind: str, path: Path) -> bytes:
    """uint16 of 1 or 3 bands, and alpha where it is a PNG; one page."""
    if picture.dtype != np.uint16 or picture.bands not in (1, 3) or len(picture.pages) != 1:
        raise UserError(
            f"{path} cannot be written: {kind} holds one picture of 8 or 16 bits in 1 or 3 channels, and this has "
            f"{len(picture.pages)} of {picture.bands} × {picture.dtype}; choose another format, such as .tif."
        )
    pages = picture.pages[0]
    if kind == "PPM":
        if picture.alpha is not None:
            share = picture.alpha[0][..., None] / TOP
            pages = np.rint(share * pages + (1 - share) * TOP).astype(np.uint16)
        header = f"P{5 if picture.grey else 6}\n{pages.shape[1]} {pages.shape[0]}\n{TOP}\n".encode()
        return header + pages.astype(">u2").tobytes()
    if picture.alpha is not None:
        pages = np.dstack([pages, picture.alpha[0]])
    return _png(pages, picture)


def _read_png(data: bytes, path: Path) -> Picture:
    """High and low bytes by Pillow's own decoder, told to look at one half of each sample and then at the other."""
    with opened(data, path, deep=True) as image:
        if int(getattr(image, "n_frames", 1)) > 1:
            raise UserError(f"{path} is an animated PNG of 16 bits, which is not supported: save its frames singly.")
        kind = data[25]
        image.load()  # text and other chunks behind the pixels
        exif = _exif(image)
        dpi, profile = image.info.get("dpi"), cast("bytes | None", image.info.get("icc_profile"))
        transparent = image.info.get("transparency")
        orientation = image.getexif().get(0x0112, 1)
    bands = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    if kind == 0:
        values = _unpacked(data, path, "I;16B")[..., None]
    elif kind == 4:  # grey and alpha, two bytes each, are four channels of one byte
        four = _unpacked(data, path, "RGBA")
        values = np.ascontiguousarray(four).view(">u2").astype(np.uint16)
    else:
        mode = "RGB" if bands == 3 else "RGBA"
        high, low = _unpacked(data, path, f"{mode};16B"), _unpacked(data, path, f"{mode};16L")
        values = high.astype(np.uint16) << 8 | low
    values = turned(values, orientation)
    alpha = values[None, :, :, -1] if bands in (2, 4) else None
    if bands in (2, 4):
        values = values[..., :-1]
    elif transparent is not None:
        colour = np.array(transparent, dtype=np.uint16).reshape(-1)
        alpha = np.where((values == colour).all(-1), 0, TOP).astype(np.uint16)[None]
    notes = () if (name := profile_name(profile)) is None else (
        f"colours of the profile {name} were not converted to sRGB, since they have 16 bits; the profile is kept",
    )  # fmt: skip
    x_dpi = (float(dpi[0]), float(dpi[1])) if dpi else None
    return Picture(values[None], alpha, "PNG", exif, x_dpi, notes=notes, own=profile)


def _unpacked(data: bytes, path: Path, raw: str) -> NDArray[Any]:
    with opened(data, path, deep=True) as image:
        tile = cast(Any, image).tile
        tile[0] = tile[0]._replace(args=raw)
        return np.asarray(image).copy()


def turned(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """(H, W, C) as EXIF's orientation 1 to 8 means it to be seen."""
    if orientation in (5, 6, 7, 8):
        values = values.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return np.ascontiguousarray(values)


def _exif(image: Image.Image) -> bytes | None:
    try:
        exif = upright(image).getexif()
        exif.pop(0x0112, None)
        return exif.tobytes() if len(exif) else None
    except Exception:  # damaged metadata must not cost the picture
        return None


def _read_ppm(data: bytes, path: Path) -> Picture:
    found = _PPM.match(data[:4096])
    assert found
    width, height, top = int(found[3]), int(found[5]), int(found[7])
    bands = 1 if found[1] == b"5" else 3
    if top != TOP:
        raise UserError(f"{path} has {top} as its greatest value, neither 255 nor {TOP}: convert it to PNG.")
    if width * height > pixels.MAX_PIXELS:
        raise UserError(too_large(path))
    size = width * height * bands * 2
    if width * height == 0 or len(data) - found.end() < size:
        raise UserError(f"{path} is damaged or cut off (pixels are missing): remove it or get it again.")
    values = np.frombuffer(data, ">u2", width * height * bands, found.end()).astype(np.uint16)
    return Picture(values.reshape(1, height, width, bands), format="PPM")


def _png(values: NDArray[np.uint16], picture: Picture) -> bytes:
    """(H, W, 1 to 4) as a PNG (W3C Recommendation, second edition): rows filtered by Sub or Up."""
    height, width, bands = values.shape
    rows = np.ascontiguousarray(values, ">u2").view(np.uint8).reshape(height, width * bands * 2)
    left = np.zeros_like(rows)
    left[:, 2 * bands :] = rows[:, : -2 * bands]
    above = np.zeros_like(rows)
    above[1:] = rows[:-1]
    sub, up = rows - left, rows - above
    # The heuristic of the standard (section 12.8): the smaller sum of signed differences compresses better.
    cost_sub, cost_up = (np.abs(f.view(np.int8).astype(np.int32)).sum(1) for f in (sub, up))
    better = (cost_up < cost_sub)[:, None]
    filtered = np.hstack([np.where(better, 2, 1).astype(np.uint8), np.where(better, up, sub)])
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[bands]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))]
    if isinstance(picture.own, bytes):
        chunks.append((b"iCCP", b"ICC\0\0" + zlib.compress(picture.own)))
    if picture.dpi is not None:
        x, y = (round(v / 0.0254) for v in picture.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", x, y, 1)))
    if picture.exif is not None:
        chunks.append((b"eXIf", picture.exif.removeprefix(b"Exif\0\0")))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 6)), (b"IEND", b"")]
    content = io.BytesIO(b"")
    content.write(b"\x89PNG\r\n\x1a\n")
    for name, body in chunks:
        content.write(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))
    return content.getvalue()
