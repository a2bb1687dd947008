"""Formats beside photographs, as strangers send them: translated where their size is known before they are decoded."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import Serving

import unpaired
from unpaired.data.decode import picture_bytes
from unpaired.errors import UserError
from unpaired.web.upload import UPLOAD, decoded

tifffile = pytest.importorskip("tifffile")
pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")

POST = "/v1/translate?direction=a2b"
DEEP = np.random.default_rng(0).integers(0, 65536, (16, 20), np.uint16)


def tiff(values: np.ndarray, **options: Any) -> bytes:
    content = io.BytesIO()
    tifffile.imwrite(content, values, **options)
    return content.getvalue()


def npy(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


def npz(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, picture=values)
    return content.getvalue()


def dicom(values: np.ndarray, syntax: str = "1.2.840.10008.1.2.1") -> bytes:
    made: Any = pydicom.Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    made.Rows, made.Columns, made.SamplesPerPixel = *values.shape, 1
    made.PhotometricInterpretation, made.PixelRepresentation = "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 16, 15
    made.PixelData = values.astype("<u2").tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    content = io.BytesIO()
    pydicom.dcmwrite(content, made, enforce_file_format=True)
    return content.getvalue()


def nifti(values: np.ndarray) -> bytes:
    return nibabel.Nifti1Image(values, np.eye(4)).to_bytes()


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (tiff(DEEP, photometric="minisblack"), "image/tiff"),
        (tiff(np.stack([DEEP] * 3), photometric="minisblack", compression="zlib"), "image/tiff"),
        (npy(DEEP), "application/octet-stream"),
        (npz(DEEP), "application/octet-stream"),
        (dicom(DEEP), "application/dicom"),
        (nifti(np.stack([DEEP] * 3, axis=2)), "application/octet-stream"),
        (gzip.compress(nifti(np.stack([DEEP] * 3, axis=2))), "application/octet-stream"),
    ],
    ids=["tiff", "tiff of pages", "npy", "npz", "dicom", "nifti", "nifti.gz"],
)
def test_every_format_comes_back_as_itself(server: Serving, content: bytes, media: str) -> None:
    answer = server.ask(POST, content)
    assert (answer.status, answer.headers["content-type"]) == (200, media), answer.body
    sent, made = (picture_bytes(data, UPLOAD) for data in (content, answer.body))
    assert (made.format, made.pages.shape, made.dtype) == (sent.format, sent.pages.shape, sent.dtype)
    assert not np.array_equal(made.pages, sent.pages)


def test_the_client_gives_what_is_no_image_as_bytes(server: Serving) -> None:
    client = unpaired.Client(server.address)
    assert np.load(io.BytesIO(client.translate(npy(DEEP), "a2b"))).dtype == np.uint16
    with pytest.raises(UserError, match="take translate"):
        client(npy(DEEP), "a2b")


def huge_zip() -> bytes:
    """Says that it holds 4 × 4 numbers, and would unpack to 64 MB."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        head = npy(np.zeros((4, 4), np.uint8))
        archive.writestr("a.npy", head.replace(b"(4, 4), ", b"(8000, 8000), ")[: len(head)] + bytes(64_000_000))
    return content.getvalue()


@pytest.mark.parametrize(
    ("make", "status", "words"),
    [
        (lambda: npy(np.zeros((4, 4))).replace(b"(4, 4), }    ", b"(9000, 9000), }"), 413, "9000×9000"),
        (huge_zip, 413, "MiB"),
        (lambda: gzip.compress(nifti(np.zeros((8, 8, 8), np.uint8)) + bytes(64_000_000)), 413, "MiB"),
        (lambda: npy(np.zeros((6, 900, 900, 3), np.uint8)), 413, "on each of 6 pages"),
        (lambda: dicom(DEEP).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"), 415, "Compressed DICOM"),
        (lambda: dicom(DEEP) + b"1.2.840.10008.1.2.1.99", 415, "Compressed DICOM"),
        (lambda: tiff(np.stack([DEEP // 257] * 2).astype(np.uint8), compression="jpeg"), 415, "JPEG"),
        (lambda: dicom(DEEP)[:200], 400, "damaged"),
        (lambda: tiff(DEEP)[:-300], 400, "damaged"),
        (lambda: npy(np.full((8, 8), np.nan)), 400, "no numbers"),
    ],
    ids=["npy", "npz", "nifti", "pages", "encapsulated", "deflated", "jpeg", "cut dicom", "cut tiff", "nan"],
)
def test_what_hides_its_size_or_is_broken_is_refused(
    server: Serving, make: Callable[[], bytes], status: int, words: str
) -> None:
    answer = server.ask(POST, make())
    assert (answer.status, words in answer.sentence) == (status, True), answer.body


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([tiff(DEEP), npy(DEEP), npz(DEEP), dicom(DEEP), nifti(DEEP)]), st.data())
def test_broken_files_are_sentences(content: bytes, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=4))
    end = data.draw(st.integers(len(content) // 2, len(content)))
    broken = bytearray(content)
    for place, value in places:
        broken[place] = value
    try:
        assert decoded(bytes(broken[:end]), 1).pages.size <= 8e6
    except UserError as e:
        assert str(e).endswith(".")  # noqa: PT017
