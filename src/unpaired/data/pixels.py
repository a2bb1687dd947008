"""A file opened with care: upright 8-bit sRGB, or a sentence that says why not. Never silently wrong."""

from __future__ import annotations

import errno
import io
import re
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from unpaired.data import shards
from unpaired.errors import UserError

MAX_PIXELS = 178_000_000
"""Pictures with more are refused before they are decoded: over 0.5 GB each, or made to harm. See `let_in`."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")
"""The only readers of Pillow that are asked: the others (EPS, PDF, fonts, …) are no photographs."""

MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr"})
_WARNINGS = threading.RLock()


def let_in(megapixels: float) -> None:
    """From now on, pictures of up to so many million pixels are decoded in this process. Raises `UserError`."""
    global MAX_PIXELS
    if not 0 < megapixels < 10**6:
        raise UserError(f"max-megapixels {megapixels:g} is not above 0, or no picture has as many.")
    MAX_PIXELS = round(megapixels * 10**6)  # pyright: ignore[reportConstantRedefinition]
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow itself refuses twice as many


def read_bytes(path: Path) -> bytes:
    """The content of a file, or of one in a tar shard. Raises `UserError` where there is none to be had."""
    try:
        if place := shards.within(path):
            return shards.read(*place)
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is not a file: name a picture.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist: check the path.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


@contextmanager
def opened(data: bytes, path: Path, *, deep: bool = False) -> Generator[Image.Image]:
    """The picture in `data`, checked, not yet decoded; failures inside become a `UserError` about `path`.

    `deep` lets more than 8 bits a channel in, of which Pillow drops some unless one looks after it.
    """
    try:
        if not data:
            raise UserError(f"{path} is empty (0 bytes): remove it or get it again.")
        with quiet():
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        with image:
            _check(image, data, path, deep=deep)
            yield image
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise UserError(too_large(path)) from error
    except UnidentifiedImageError as error:
        raise UserError(
            f"{path} is not a picture that can be read, or its beginning is damaged: remove it or convert it to PNG."
        ) from error
    except MemoryError as error:
        raise UserError(f"{path} does not fit into memory: make it smaller.") from error
    except Exception as error:  # Pillow's readers raise nearly everything on damaged files
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise UserError(f"{path} is damaged or cut off ({error}): remove it or get it again.") from error


def check(image: Image.Image) -> None:
    """Raise `UserError` for an image of the caller's that would come out wrong, as `opened` does for a file's."""
    name = getattr(image, "filename", "")
    if (count := frames(image)) > 1:
        raise UserError(f"{name or 'The image'} has {count} frames or pages: translate the file, or one of them.")
    if name and Path(name).is_file():
        with opened(read_bytes(Path(name)), Path(name)):  # once decoded, only the file knows how deep it was
            return
    if image.width * image.height == 0:
        raise UserError("An image without pixels can't be translated.")
    _check(image, b"", Path("The image"))


def upright(image: Image.Image) -> Image.Image:
    """Decoded, and turned or mirrored as the EXIF orientation says."""
    image.load()
    with quiet():
        return ImageOps.exif_transpose(image)


def to_srgb(image: Image.Image) -> Image.Image:
    """8-bit L, LA, RGB or RGBA in sRGB, from any mode that is let in, by its ICC profile if there is one."""
    profile = cast("bytes | None", image.info.get("icc_profile"))
    alpha = None
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    if image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):
            image = image.convert("LA" if image.mode in ("1", "L") else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("P", "RGBX", "YCbCr"):
        image = image.convert("RGB")
    grey = image.mode == "L"
    transform = _transform(profile, image.mode) if profile else None
    if transform is not None:
        image = transform.apply(image)
    image = image.convert("L" if grey else "RGB")
    if alpha is not None:
        image.putalpha(alpha)
    return image


def flatten(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """L or RGB: what is transparent shows `background`."""
    if image.mode not in ("LA", "RGBA"):
        return image
    under = Image.new("RGB", image.size, background)
    under.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return under


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From `profile` to sRGB; None where it is sRGB already, damaged, or for other channels than `mode`."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if mode != "CMYK" and "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@contextmanager
def quiet() -> Generator[None]:
    """No warnings from Pillow's header readers: what matters is checked here. Locked: filters are global."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def frames(image: Image.Image) -> int:
    """How many frames or pages there are."""
    with quiet():
        return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))  # MPO: a JPEG with previews


def conversions(image: Image.Image) -> tuple[str, ...]:
    """What `to_srgb` will change in the colours of an image that is not decoded yet, in words."""
    profile = cast("bytes | None", image.info.get("icc_profile"))
    notes: list[str] = []
    mode = "L" if image.mode in ("1", "L", "LA") else "CMYK" if image.mode == "CMYK" else "RGB"
    if profile and _transform(profile, mode) is not None:
        notes.append(f"colours of the profile {profile_name(profile)} became sRGB")
    elif image.mode == "CMYK":
        notes.append("CMYK became RGB without a colour profile")
    if image.mode in ("P", "PA") and image.format != "GIF":
        notes.append("a palette became full colours")
    return tuple(notes)


@lru_cache(maxsize=32)
def profile_name(profile: bytes | None) -> str | None:
    """The name of an ICC profile; None where there is none, or it is sRGB's or damaged."""
    try:
        if profile is None:
            return None
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
        return None if "sRGB" in name else name or "without a name"
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _check(image: Image.Image, data: bytes, path: Path, *, deep: bool = False) -> None:
    """Raise `UserError` for pictures that would come out wrong."""
    width, height = image.size
    if width * height * frames(image) > MAX_PIXELS:
        raise UserError(too_large(path))
    if not deep and _deep(image, data):
        raise UserError(f"{path} has more than 8 bits a channel, of which some would be lost: convert it to PNG.")
    if image.mode not in MODES and not (deep and image.mode == "I;16"):
        raise UserError(f"{path} has the colour mode {image.mode}, which is not supported: convert it to 8-bit RGB.")


def too_large(path: Path) -> str:
    return (
        f"{path} has more than {MAX_PIXELS // 10**6} million pixels: make it smaller, or cut it into parts "
        "(unpaired translate alone takes larger ones, with --max-megapixels)."
    )


def _deep(image: Image.Image, data: bytes) -> bool:
    """Whether a channel has more than 8 bits, of which Pillow would silently drop some."""
    if image.mode.startswith(("I", "F")):
        return True
    if image.format == "TIFF":
        bits = cast(Any, image).tag_v2.get(258, (1,))
        return max(bits) > 8
    if image.format == "AVIF":
        # The box av1C, which every item has: version, profile and level, then flags, of which 0x40 says 10 or 12 bits.
        return re.search(rb"av1C\x81.[\x40-\x7f\xc0-\xff]", data[:65536], re.DOTALL) is not None
    # PNG and PPM say what they hold in the arguments of the decoder that Pillow has prepared.
    tiles = getattr(image, "tile", ())
    arguments = tiles[0].args if tiles else ()
    raw = arguments if isinstance(arguments, tuple) else (arguments,)
    if image.format == "PPM":
        return any(isinstance(a, int) and a > 255 for a in raw)
    return image.format == "PNG" and any(isinstance(a, str) and ";16" in a for a in raw)
