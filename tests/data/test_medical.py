"""DICOM and NIfTI: values in their unit, geometry kept, nothing that names a person, and said to be synthetic."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.data.decode import encoded, picture_bytes, read_picture, write_picture
from unpaired.data.picture import Picture
from unpaired.errors import UserError

nibabel = pytest.importorskip("nibabel")
pydicom = pytest.importorskip("pydicom")


def dicom(path: Path, pixels: np.ndarray | None, **facts: Any) -> Path:
    """A small CT slice, by hand."""
    made: Any = pydicom.Dataset()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"
    made.SeriesInstanceUID, made.StudyInstanceUID = "1.2.3", "1.2"
    made.PatientName, made.PatientID, made.PatientBirthDate = "Doe^Jane", "4711", "19700101"
    made.InstitutionName, made.StudyDate, made.Modality = "General Hospital", "20260101", "CT"
    made.PixelSpacing, made.SliceThickness, made.InstanceNumber = [0.7, 0.7], 2.5, 9
    made.ImagePositionPatient, made.ImageType = [1.0, 2.0, 3.0], ["ORIGINAL", "PRIMARY", "AXIAL"]
    if pixels is not None:
        frames = pixels.shape[0] if pixels.ndim == 3 else 1
        made.Rows, made.Columns = pixels.shape[-2:]
        if frames > 1:
            made.NumberOfFrames = frames
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
        made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(pixels.dtype.kind == "i")
        made.PixelData = pixels.tobytes()
        made["PixelData"].VR = "OW"
    for name, value in facts.items():
        setattr(made, name, value)
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


@settings(deadline=None, max_examples=30)
@given(
    dtype=st.sampled_from(["uint16", "int16"]), slope=st.sampled_from([1, 2, 0.25]),
    intercept=st.sampled_from([0, -1024]), frames=st.sampled_from([1, 3]), seed=st.integers(0, 99),
)  # fmt: skip
def test_stored_values_come_back(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, slope: float, intercept: int, frames: int, seed: int
) -> None:
    info = np.iinfo(dtype)
    stored = np.random.default_rng(seed).integers(info.min, info.max, (frames, 8, 10), dtype, endpoint=True)
    path = dicom(tmp_path_factory.mktemp("d") / "p.dcm", stored if frames > 1 else stored[0],
                 RescaleSlope=slope, RescaleIntercept=intercept)  # fmt: skip
    picture = read_picture(path)
    assert np.allclose(picture.pages[..., 0], stored * float(slope) + intercept)
    again = pydicom.dcmread(io.BytesIO(encoded(picture.pages, picture, "DICOM")))
    assert (again.pixel_array.reshape(stored.shape) == stored).all()
    assert again.pixel_array.dtype == stored.dtype
    assert (float(again.get("RescaleSlope", 1)), float(again.get("RescaleIntercept", 0))) == (slope, intercept)


def test_the_output_is_the_same_class_and_nobodys(tmp_path: Path) -> None:
    pixels = np.arange(80, dtype=np.int16).reshape(8, 10)
    path = dicom(tmp_path / "p.dcm", pixels, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400)
    picture = read_picture(path)
    assert picture.dtype == np.int32 or picture.dtype == np.int16
    assert picture.window == (-160, 239)
    write_picture(picture.pages + 5, picture, tmp_path / "out.dcm")
    made, source = pydicom.dcmread(tmp_path / "out.dcm"), pydicom.dcmread(path)
    assert (made.pixel_array == pixels + 5).all()
    for name in ("SOPClassUID", "PixelSpacing", "SliceThickness", "ImagePositionPatient", "InstanceNumber", "Modality",
                 "WindowCenter", "BitsStored", "PhotometricInterpretation"):  # fmt: skip
        assert made[name].value == source[name].value, name
    text = str(made)
    for secret in ("Doe", "4711", "19700101", "General Hospital", "20260101", "1.2.3.4"):
        assert secret not in text
    assert made.ImageType[0] == "DERIVED"
    assert "ynthetic" in made.DerivationDescription
    assert made.PatientIdentityRemoved == "YES"
    for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert made[name].value != source[name].value
        assert made[name].value.is_valid
    write_picture(picture.pages + 5, picture, tmp_path / "twice.dcm")
    assert (tmp_path / "out.dcm").read_bytes() == (tmp_path / "twice.dcm").read_bytes()


def test_a_series_stays_one_series(tmp_path: Path) -> None:
    made = []
    for i in range(3):
        path = dicom(tmp_path / f"{i}", np.full((8, 8), i, np.int16), SOPInstanceUID=f"1.2.3.4.{i}", InstanceNumber=i)
        picture = read_picture(path)
        made.append(pydicom.dcmread(io.BytesIO(encoded(picture.pages, picture, "DICOM"))))
    assert len({m.SeriesInstanceUID for m in made}) == 1
    assert len({m.SOPInstanceUID for m in made}) == 3
    assert [m.InstanceNumber for m in made] == [0, 1, 2]


def test_another_kind_is_a_secondary_capture(tmp_path: Path) -> None:
    picture = read_picture(dicom(tmp_path / "p.dcm", np.zeros((8, 8), np.int16), RescaleIntercept=-1024))
    colours = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    write_picture(colours, picture, tmp_path / "rgb.dcm")
    made = pydicom.dcmread(tmp_path / "rgb.dcm")
    assert made.SOPClassUID.name == "Secondary Capture Image Storage"
    assert (made.pixel_array == colours[0]).all()
    assert (read_picture(tmp_path / "rgb.dcm").pages == colours).all()
    photo = Picture(colours[..., :1].astype(np.uint16) * 100, format="PNG")
    write_picture(photo.pages, photo, tmp_path / "grey.dcm")
    assert (read_picture(tmp_path / "grey.dcm").pages == photo.pages).all()


def test_files_of_real_machines(tmp_path: Path) -> None:
    for name in ("CT_small.dcm", "MR_small.dcm"):
        source = pydicom.data.get_testdata_file(name, download=False)
        if source is None:
            pytest.skip("this pydicom comes without its samples")
        picture = read_picture(Path(source))
        write_picture(picture.pages, picture, tmp_path / name)
        before, after = pydicom.dcmread(source), pydicom.dcmread(tmp_path / name)
        assert (before.pixel_array == after.pixel_array).all()
        assert (read_picture(tmp_path / name).pages == picture.pages).all()


def test_dicom_without_pixels_and_damaged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"report\.dcm holds no pixels \(it is DICOM of the kind CT Image Storage\)"):
        read_picture(dicom(tmp_path / "report.dcm", None))
    path = dicom(tmp_path / "cut.dcm", np.zeros((64, 64), np.int16))
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(UserError, match=r"cut\.dcm is damaged or cut off"):
        read_picture(path)
    huge = dicom(tmp_path / "huge.dcm", np.zeros((8, 8), np.int16), Rows=60_000, Columns=60_000)
    with pytest.raises(UserError, match=r"huge\.dcm claims 6\.7 GiB of values"):
        read_picture(huge)


def nifti(path: Path, values: np.ndarray, slope: float = 1.0, intercept: float = 0.0) -> Path:
    affine = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])
    image = nibabel.Nifti1Image(values, affine)
    if (slope, intercept) != (1, 0):
        image.header.set_slope_inter(slope, intercept)
    image.header["descrip"] = b"scanner 7"
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@settings(deadline=None, max_examples=30)
@given(
    dtype=st.sampled_from(["uint8", "int16", "uint16", "float32"]), axis=st.integers(0, 2),
    times=st.sampled_from([0, 2]), packed=st.booleans(), scaled=st.booleans(),
)  # fmt: skip
def test_volumes_come_back_along_every_axis(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, axis: int, times: int, packed: bool, scaled: bool
) -> None:
    shape = (5, 6, 7, times) if times else (5, 6, 7)
    values = np.random.default_rng(axis).integers(0, 200, shape).astype(dtype)
    folder = tmp_path_factory.mktemp("n")
    path = nifti(folder / ("v.nii.gz" if packed else "v.nii"), values, *((0.5, -3.0) if scaled else ()))
    picture = read_picture(path, axis=axis)
    assert picture.pages.shape == (
        shape[axis] * max(1, times), *(n for i, n in enumerate(shape[:3]) if i != axis), 1
    )  # fmt: skip
    first = values[..., 0] if times else values
    assert np.allclose(picture.pages[1, ..., 0], np.take(first, 1, axis) * (0.5 if scaled else 1) - 3 * scaled)
    out = folder / f"out{''.join(path.suffixes)}"
    write_picture(picture.pages, picture, out)
    before, after = nibabel.load(path), nibabel.load(out)
    assert (np.asarray(before.dataobj.get_unscaled()) == np.asarray(after.dataobj.get_unscaled())).all()
    assert np.allclose(before.get_fdata(), after.get_fdata())
    assert (before.affine == after.affine).all()
    assert before.get_data_dtype() == after.get_data_dtype()
    assert before.header.get_zooms() == after.header.get_zooms()
    assert b"synthetic" in after.header["descrip"].tobytes()


def test_a_volume_of_another_type_and_what_it_can_not_hold(tmp_path: Path) -> None:
    picture = read_picture(nifti(tmp_path / "v.nii", np.zeros((5, 6, 7), np.int16)))
    floats = np.random.default_rng(0).normal(size=picture.pages.shape).astype(np.float32)
    write_picture(floats, picture, tmp_path / "f.nii")
    assert (read_picture(tmp_path / "f.nii").pages == floats).all()
    with pytest.raises(UserError, match="a NIfTI volume has one band, and this has 3"):
        write_picture(np.repeat(floats, 3, axis=3), picture, tmp_path / "rgb.nii")
    with pytest.raises(UserError, match="a NIfTI volume is only made of one"):
        write_picture(floats, replace(picture, format="PNG"), tmp_path / "p.nii")


def test_damaged_and_greedy_volumes(tmp_path: Path) -> None:
    path = nifti(tmp_path / "v.nii.gz", np.random.default_rng(0).integers(0, 99, (9, 9, 9)).astype(np.int16))
    data = path.read_bytes()
    with pytest.raises(UserError, match=r"cut\.nii\.gz is damaged or cut off"):
        picture_bytes(data[: len(data) // 2], Path("cut.nii.gz"))
    plain = bytearray(gzip.decompress(data))
    plain[40:48] = np.array([3, 30_000, 30_000, 30_000], "<i2").tobytes()
    with pytest.raises(UserError, match=r"claims 50291\.4 GiB"):
        picture_bytes(bytes(plain), Path("huge.nii"))
    holes = np.zeros((5, 6, 7), np.float32)
    holes[1, 2, 3] = np.nan
    with pytest.raises(UserError, match=r"holds 1 values that are no numbers \(NaN or infinite\), of 210"):
        read_picture(nifti(tmp_path / "holes.nii", holes))
