"""What Pillow reads and writes: 8-bit pictures and film strips (GIF, APNG, WebP, AVIF), upright and in sRGB."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from unpaired.data.picture import Picture
from unpaired.data.pixels import conversions, frames, opened, to_srgb, upright
from unpaired.errors import UserError

QUALITY = 95
"""Of JPEG, WebP and AVIF, 0 to 100."""

ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF"})
_ALPHA = frozenset({"PNG", "WEBP", "TIFF", "AVIF", "GIF"})
_EXIF = frozenset({"JPEG", "PNG", "WEBP", "AVIF"})
_DPI = frozenset({"JPEG", "PNG", "TIFF", "BMP"})


@dataclass(frozen=True)
class Photo:
    """How a file was written: for film strips the milliseconds of each frame and how often they repeat (0: for ever),
    and whether a WebP was lossless.
    """

    durations: tuple[float, ...] = ()
    loop: int | None = None
    lossless: bool = False


def read(data: bytes, path: Path) -> Picture:
    """Raises `UserError` naming the file: unreadable, damaged, or larger than `pixels.MAX_PIXELS`."""
    with opened(data, path) as image:
        kind = "JPEG" if image.format == "MPO" else image.format or "PNG"
        dpi, notes = _dpi(image), conversions(image)
        pages: list[NDArray[np.uint8]] = []
        alphas: list[NDArray[np.uint8] | None] = []
        exif, durations = None, list[float]()
        count = frames(image)
        for number in range(count):
            if count > 1:
                image.seek(number)
            frame = upright(image)
            durations.append(_duration(image))
            if number == 0 and kind != "TIFF":
                # A TIFF's tags also say where its pixels lie: they make no sense in another file.
                exif = _exif(frame)
            paletted = frame.mode in ("P", "PA")
            frame = to_srgb(frame)
            alphas.append(np.array(frame.getchannel("A"), dtype=np.uint8) if "A" in frame.mode else None)
            if frame.mode in ("L", "LA"):
                pages.append(np.array(frame.getchannel(0), dtype=np.uint8)[..., None])
            else:
                rgb = np.array(frame.convert("RGB"), dtype=np.uint8)
                pages.append(rgb[..., :1] if paletted and bool((rgb == rgb[..., :1]).all()) else rgb)
        loop = image.info.get("loop")
        own = Photo(tuple(durations) if count > 1 else (), loop, kind == "WEBP" and b"VP8L" in data[:4096])
    return Picture(_alike(pages), _opaque(alphas, pages), kind, exif, dpi, notes=notes, own=own)


def write(picture: Picture, kind: str, path: Path, quality: int = QUALITY) -> bytes:
    """The picture in Pillow's format `kind`. A format without alpha shows white where it is transparent.

    Raises `UserError` for what the format or this Pillow can't hold.
    """
    if kind == "AVIF" and not features.check("avif"):
        raise UserError(f"{path} cannot be written: this Pillow has no AVIF; choose another format, such as .png.")
    if picture.dtype != np.uint8 or picture.bands not in (1, 3):
        raise UserError(
            f"{path} cannot be written: {kind} holds 8 bits in 1 or 3 channels, and this has "
            f"{picture.bands} of {picture.dtype}; choose another format, such as .tif."
        )
    if len(picture.pages) > 1 and kind not in ANIMATED:
        raise UserError(
            f"{path} cannot be written: {kind} holds one picture, and there are {len(picture.pages)}; "
            "choose another format, such as .png (frames) or .tif (pages)."
        )
    first, *others = [_image(picture, number, kind) for number in range(len(picture.pages))]
    options = _options(kind, picture, quality)
    if others:
        own = picture.own if isinstance(picture.own, Photo) else Photo()
        options |= {"save_all": True, "append_images": others}
        if own.durations:
            options["duration"] = [round(ms) for ms in own.durations]
        if own.loop is not None:
            options["loop"] = own.loop
        if kind == "GIF":  # every frame is whole: what a transparent one does not cover is cleared
            options["disposal"] = 2
    content = io.BytesIO()
    try:
        first.save(content, kind, **options)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be written as {kind}: {error}.") from error
    data = content.getvalue()
    if kind == "WEBP" and others and picture.alpha is not None and not data[20] & 0x10:
        # libwebp cuts off clear margins and then says that there is no alpha (seen with Pillow 13.0).
        raise UserError(f"{path} cannot be written: WebP loses the transparency of these frames; choose .png.")
    return data


def _image(picture: Picture, number: int, kind: str) -> Image.Image:
    """One page as Pillow writes it in the format `kind`."""
    page = np.ascontiguousarray(picture.pages[number])
    image = Image.fromarray(page[..., 0] if picture.grey else page)
    if picture.alpha is None:
        return image
    alpha = Image.fromarray(np.ascontiguousarray(picture.alpha[number]))
    if kind in _ALPHA:
        if kind == "GIF":  # of LA, Pillow's GIF writer drops the alpha
            image = image.convert("RGB")
        image.putalpha(alpha)
        return image
    under = Image.new(image.mode, image.size, "white")
    under.paste(image, mask=alpha)
    return under


def _options(kind: str, picture: Picture, quality: int) -> dict[str, Any]:
    """What Pillow is told beside the pixels."""
    options: dict[str, Any] = {}
    if kind in ("JPEG", "WEBP", "AVIF"):
        options["quality"] = quality
    if kind == "JPEG":
        options["subsampling"] = 0
    # Of lossy WebP frames the alpha may get lost, see `write`.
    clear_frames = picture.alpha is not None and len(picture.pages) > 1
    if kind == "WEBP" and (clear_frames or (isinstance(picture.own, Photo) and picture.own.lossless)):
        options |= {"lossless": True, "exact": True}  # exact: colours under transparency, too
    if kind == "AVIF":
        options["subsampling"] = "4:4:4"
    if kind == "TIFF" and features.check("libtiff"):
        options["compression"] = "tiff_lzw"
    if picture.exif is not None and kind in _EXIF:
        options["exif"] = picture.exif
    if picture.dpi is not None and kind in _DPI:
        options["dpi"] = picture.dpi
    return options


def _alike(pages: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(P, H, W, C): grey frames among coloured ones stand in all three channels."""
    bands = max(page.shape[2] for page in pages)
    return np.stack([page if page.shape[2] == bands else np.repeat(page, bands, axis=2) for page in pages])


def _opaque(
    alphas: list[NDArray[np.uint8] | None], pages: list[NDArray[np.uint8]]
) -> NDArray[np.uint8] | None:  # fmt: skip
    """(P, H, W), opaque for frames that have none; None where no frame has any."""
    if all(alpha is None for alpha in alphas):
        return None
    shape = pages[0].shape[:2]
    return np.stack([np.full(shape, 255, np.uint8) if alpha is None else alpha for alpha in alphas])


def _duration(image: Image.Image) -> float:
    """Milliseconds of the frame."""
    try:
        return float(image.info.get("duration") or 0)
    except (TypeError, ValueError):
        return 0.0


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
