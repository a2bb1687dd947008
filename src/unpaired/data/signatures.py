"""Which format a file has: by its name, and by what it begins with."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from unpaired.data.passed_over import Reason

SUFFIXES: dict[str, str] = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP",
    ".bmp": "BMP", ".gif": "GIF", ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF", ".ppm": "PPM",
    ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM", ".npy": "NPY", ".npz": "NPZ", ".dcm": "DICOM", ".dicom": "DICOM",
    ".nii": "NIFTI", ".nii.gz": "NIFTI",
}  # fmt: skip
"""File name endings and the formats (Pillow's names, where it knows them) that they promise."""
HEAD = 1024
"""Bytes of a file by which its format is told."""
# Format, what its files begin with, and the least number of bytes that one pixel needs with the headers.
_SIGNATURES: tuple[tuple[str, re.Pattern[bytes], int], ...] = (
    # First, since what stands before its signature may look like any other file: some are TIFF at the same time.
    ("DICOM", re.compile(rb".{128}DICM", re.DOTALL), 140),
    ("JPEG", re.compile(rb"\xff\xd8\xff"), 100),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), 57),
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL), 26),
    ("GIF", re.compile(rb"GIF8[79]a"), 14),
    # "BM" alone begins many a text: the length of a BMP's second header is one of few.
    ("BMP", re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), 27),
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]"), 50),
    ("AVIF", re.compile(rb"....ftypavi[fs]", re.DOTALL), 200),
    ("PPM", re.compile(rb"P[1-6]\s"), 8),
    ("NPY", re.compile(rb"\x93NUMPY"), 80),
    ("NPZ", re.compile(rb"PK\x03\x04.{26}[\x20-\x7e]{1,200}?\.npy", re.DOTALL), 100),
    ("NIFTI", re.compile(rb"(?:\x5c\x01\0\0|\0\0\x01\x5c).{340}n\+1\0", re.DOTALL), 352),
    ("NIFTI", re.compile(rb"(?:\x1c\x02\0\0|\0\0\x02\x1c)n\+2\0"), 540),
)
# What a cut-off file may still show of its signature.
_STUBS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")


def picture_format(head: bytes) -> str | None:
    """The format that a file beginning with `head` (`HEAD` bytes) claims, if any."""
    return next((name for name, _ in claims(head)), None)


def claims(head: bytes) -> Iterator[tuple[str, int]]:
    """Formats whose files begin like `head`, and the least number of bytes that they need."""
    if head.startswith(b"\x1f\x8b"):  # of what is packed, volumes alone are pictures
        with suppress(zlib.error):
            inner = zlib.decompressobj(31).decompress(head, HEAD)
            yield from ((name, 30) for name, _ in claims(inner) if name == "NIFTI")
        return
    for name, pattern, least in _SIGNATURES:
        if pattern.match(head):
            yield name, least


def format_named(path: Path) -> str | None:
    """The format that a file's name promises, if any."""
    return SUFFIXES.get(path.suffix.lower()) or SUFFIXES.get("".join(path.suffixes[-2:]).lower())


def stem(path: Path) -> str:
    """A file's name without its ending, of which .nii.gz is one."""
    double = "".join(path.suffixes[-2:])
    return path.name.removesuffix(double) if double.lower() in SUFFIXES and double != path.suffix else path.stem


def judge(path: Path, head: bytes, size: int) -> Reason | None:
    promised = format_named(path)
    if not head:
        return Reason("empty (0 bytes)")
    for name, least in claims(head):
        return None if size >= least else Reason(f"cut off: {size} bytes of a {name} file")
    if promised is None:
        return Reason("not a picture")
    if any(head.startswith(stub) for stub in _STUBS) and size < 32:
        return Reason(f"cut off: {size} bytes of a {promised} file")
    return Reason(f"named like a {promised} picture but is none")
