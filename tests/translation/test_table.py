"""The table of docs/formats.md is made from what is tried here: each cell was read, seen as training sees it, sent
through a translator that changes nothing, written, and read again.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import SMALL, Same

from unpaired.data.decode import encoded, picture_bytes, seen
from unpaired.data.picture import Picture
from unpaired.translation.translator import Translator
from unpaired.translation.values import translated

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"
PHOTO = ("uint8",)
ANY = ("uint8", "uint16", "int16", "int32", "float32")


@dataclass(frozen=True)
class Row:
    """What is tried of one format."""

    name: str
    kind: str
    dtypes: tuple[str, ...]
    bands: tuple[int, ...]
    alpha: bool
    pages: int
    exact: bool
    keeps: str


ROWS = [
    Row("JPEG", "JPEG", PHOTO, (1, 3), False, 1, False, "EXIF, DPI; quality 95, colour at full resolution"),
    Row("PNG", "PNG", PHOTO, (1, 3), True, 4, True, "EXIF, DPI, times of frames; a palette becomes colours"),
    Row("PNG, 16 bit", "PNG", ("uint16",), (1, 3), True, 1, True, "EXIF, DPI, colour profile"),
    Row("WebP", "WEBP", PHOTO, (3,), True, 4, False, "EXIF, times of frames; a lossless file stays lossless"),
    Row("AVIF", "AVIF", PHOTO, (3,), True, 4, False, "EXIF; quality 95, colour at full resolution"),
    Row("GIF", "GIF", PHOTO, (3,), False, 4, False, "times of frames; 256 colours each"),
    Row("BMP", "BMP", PHOTO, (1, 3), False, 1, True, "DPI"),
    Row("PPM, PGM", "PPM", ("uint8", "uint16"), (1, 3), False, 1, True, ""),
    Row("TIFF", "TIFF", ANY, (1, 2, 3, 12), False, 3, True,
        "DPI, GeoTIFF and GDAL tags, description, tiles, compression, BigTIFF, byte order"),
    Row("NumPy .npy", "NPY", (*ANY, "float64"), (1, 2, 3, 12), False, 3, True, "order of dimensions"),
    Row("NumPy .npz", "NPZ", (*ANY, "float64"), (1, 2, 3, 12), False, 3, True, "order of dimensions, names"),
    Row("DICOM", "DICOM", ("uint8", "uint16", "int16"), (1,), False, 3, True,
        "class, geometry, window, slope and intercept; new identifiers, no names; says that it is synthetic"),
    Row("NIfTI", "NIFTI", ("uint8", "int16", "uint16", "float32"), (1,), False, 3, True,
        "affine, header, slope and intercept; says that it is synthetic"),
]  # fmt: skip


def example(row: Row, dtype: str, bands: int, pages: int, alpha: bool) -> bytes:
    """A file of that kind, made by the packages that everybody uses."""
    random = np.random.default_rng(0)
    soft = np.kron(random.integers(20, 90, (pages, 4, 5, bands)), np.ones((1, 6, 6, 1)))
    values = (soft * 257 if dtype == "uint16" else soft).astype(dtype)
    if row.kind == "NIFTI":
        import nibabel

        return nibabel.Nifti1Image(np.moveaxis(values[..., 0], 0, 2), np.diag([1, 2, 3, 1])).to_bytes()
    clear = np.full(values.shape[:3], np.iinfo(dtype).max, dtype) if alpha else None
    if clear is not None:
        clear[:, :12:2] = 0
    if row.kind == "GIF":
        frames = [Image.fromarray(page) for page in values]
        content = io.BytesIO()
        frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
        return content.getvalue()
    return encoded(values, Picture(values, clear, row.kind), row.kind)


def tried(row: Row) -> str:
    """The row of the table, after all that it says was done."""
    for dtype, bands, pages, alpha in product(row.dtypes, row.bands, {1, row.pages}, {False, row.alpha}):
        picture = picture_bytes(example(row, dtype, bands, pages, alpha), Path("in"))
        assert (picture.format, picture.dtype, picture.bands) == (row.kind, dtype, bands)
        assert (len(picture.pages), picture.alpha is not None) == (pages, alpha)
        trained = seen(example(row, dtype, bands, pages, alpha), Path("in"), channels=bands)
        assert trained.pages.shape == picture.pages.shape
        ordinary = dtype == "uint8" and bands in (1, 3)
        data = {} if ordinary or row.kind in ("PNG", "PPM") else {
            "channels_a": bands, "channels_b": bands, "dtype_a": dtype, "dtype_b": dtype,
            "range_a": (0.0, 65535.0), "range_b": (0.0, 65535.0),
        }  # fmt: skip
        config = replace(SMALL, data=replace(SMALL.data, **data))  # type: ignore[arg-type]
        same = Translator(config, {"a2b": Same}, device="cpu", precision="float32")
        (made,) = translated(same, [picture], "a2b")
        again = picture_bytes(encoded(made.pages, made, row.kind), Path("out"))
        assert (again.format, again.dtype, again.pages.shape) == (row.kind, dtype, picture.pages.shape)
        assert (again.alpha is not None) == alpha
        if row.exact and np.dtype(dtype).kind in "iu":
            assert (again.pages == picture.pages).all()
        else:
            assert np.abs(again.pages.astype(float) - picture.pages).mean() < 4
    depth = ", ".join(row.dtypes)
    channels = ", ".join({1: "grey", 3: "colour"}.get(b, f"{b} bands") for b in row.bands)
    if 12 in row.bands:
        channels = "any number of bands"
    channels += ", with or without alpha" if row.alpha else ""
    pages = "one or several" if row.pages > 1 else "one"
    keeps = ("exact" if row.exact else "lossy") + (f"; {row.keeps}" if row.keeps else "")
    return f"| {row.name} | {depth} | {channels} | {pages} | yes | yes | {keeps} |"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_of_the_table_is_true(row: Row) -> None:
    for package in {"TIFF": ["tifffile"], "DICOM": ["pydicom"], "NIFTI": ["nibabel"]}.get(row.kind, []):
        pytest.importorskip(package)
    assert tried(row) in DOCS.read_text(encoding="utf-8").splitlines()


def test_the_table_has_no_other_rows() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if " | yes | yes | " in line]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows] == [row.name for row in ROWS]
