"""Pictures that strangers send: how much memory they take is known before they are decoded, or they are refused."""

from __future__ import annotations

import io
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from unpaired.data.decode import picture_bytes
from unpaired.data.formats import kind_of
from unpaired.data.formats.extras import TooLarge, at_most, check_claim, damage_told
from unpaired.data.formats.tiff import LOSSLESS
from unpaired.data.picture import Picture
from unpaired.data.pixels import frames, opened, quiet
from unpaired.web.refused import Refused

UPLOAD = Path("The picture")
"""What sentences call a picture that came without a file."""
BYTES_EACH = 8
"""Of one pixel of a file that is no photo: 8 bands of 8 bits, or one of 64."""
DEFLATED = b"1.2.840.10008.1.2.1.99"
"""The transfer syntax of DICOM files that are packed as a whole, of which nothing is known before they are unpacked."""


def decoded(content: bytes, megapixels: float) -> Picture:
    """The picture in a file's content. Raises `Refused` or `UserError`: more than `megapixels`, or none."""
    kind = kind_of(content)
    if kind in ("PHOTO", "DEEP"):
        with opened(content, UPLOAD, deep=True) as image:
            _check(megapixels, image.width, image.height, frames(image))
        return picture_bytes(content, UPLOAD)
    try:
        with at_most(int(megapixels * 1e6 * BYTES_EACH)):
            _check_packing(kind, content)
            picture = picture_bytes(content, UPLOAD)
    except TooLarge as e:
        raise Refused(413, str(e)) from e
    _check(megapixels, picture.size[1], picture.size[0], len(picture.pages))
    return picture


def _check(megapixels: float, width: int, height: int, pages: int) -> None:
    if width * height * pages > megapixels * 1e6:
        size = f"{width}×{height} pixels" + (f" on each of {pages} pages" if pages > 1 else "")
        raise Refused(413, f"{UPLOAD} has {size}: more than {megapixels:g} megapixels are not taken.")


def _check_packing(kind: str, content: bytes) -> None:
    """Refuse what is packed by a codec whose pictures may be larger than the file around them says."""
    if kind == "DICOM" and find_spec("pydicom"):
        import pydicom

        if DEFLATED not in content:
            with damage_told(UPLOAD, "DICOM picture"), quiet():
                found: Any = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
                plain = not found.file_meta.TransferSyntaxUID.is_encapsulated
            if plain:
                return
        raise Refused(415, "Compressed DICOM is not taken over HTTP: decompress it, or translate the file.")
    if kind == "TIFF" and find_spec("tifffile"):
        import tifffile

        logging.getLogger("tifffile").setLevel(logging.CRITICAL)
        with damage_told(UPLOAD, "TIFF"), tifffile.TiffFile(io.BytesIO(content)) as file:
            page: Any = file.series[0].keyframe
            check_claim(UPLOAD, page.chunks, page.dtype)
            if int(page.compression) not in LOSSLESS:
                what = getattr(page.compression, "name", page.compression)
                raise Refused(415, f"TIFF packed as {what} is not taken over HTTP: save it with LZW or Deflate.")
