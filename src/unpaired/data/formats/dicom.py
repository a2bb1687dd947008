"""DICOM pictures and frames, in the unit that their rescale slope and intercept give; by pydicom (extra `medical`)."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.data.formats.extras import check_claim, check_values, damage_told, missing
from unpaired.data.picture import Picture
from unpaired.data.pixels import quiet
from unpaired.errors import UserError

ROOT = "2.25"
"""Of identifiers made from hashes (DICOM PS3.5, B.2)."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
KEPT = frozenset({
    "Modality", "SeriesNumber", "InstanceNumber", "BodyPartExamined", "PatientPosition", "Laterality",
    "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio", "SliceThickness", "SpacingBetweenSlices",
    "SliceLocation", "ImagePositionPatient", "ImageOrientationPatient", "PositionReferenceIndicator",
    "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "VOILUTFunction", "PresentationLUTShape", "ImageType", "AcquisitionNumber", "FrameIncrementPointer", "FrameTime",
    "KVP", "GantryDetectorTilt", "ScanningSequence", "SequenceVariant", "MRAcquisitionType", "EchoTime",
    "RepetitionTime", "FlipAngle", "MagneticFieldStrength", "ConvolutionKernel",
})  # fmt: skip
"""What goes into the output: geometry, acquisition, display. Nothing that names a person, a place or a device."""
OF_VALUES = {"RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth"}
"""Of that, what holds for the source's values only."""


@dataclass(frozen=True)
class Slice:
    """What a file said beside its pixels, and what made values of what is stored."""

    dataset: Any
    dtype: str
    slope: float
    intercept: float


def read(data: bytes, path: Path) -> Picture:
    """Frames are pages. Grey values are stored values times slope plus intercept (of CT: Hounsfield units).

    Raises `UserError` naming the file: without pixels, of a kind of pixels that is not supported, damaged.
    """
    try:
        import pydicom
        from pydicom.pixels import apply_color_lut, convert_color_space
    except ImportError as error:
        raise missing(path, "a DICOM file", "medical") from error
    with damage_told(path, "DICOM picture"), quiet():
        dataset: Any = pydicom.dcmread(io.BytesIO(data))
        if "PixelData" not in dataset or not dataset.PixelData:
            what = str(dataset.get("SOPClassUID", ""))
            name = getattr(dataset.get("SOPClassUID"), "name", what) or "of unknown kind"
            raise UserError(f"{path} holds no pixels (it is DICOM of the kind {name}): leave it out.")
        samples, bits = int(dataset.get("SamplesPerPixel", 1)), int(dataset.BitsAllocated)
        frames = int(dataset.get("NumberOfFrames") or 1)
        shape = (frames, int(dataset.Rows), int(dataset.Columns), samples)
        check_claim(path, shape, np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)
        stored: NDArray[Any] = dataset.pixel_array.reshape(shape)
        colours = str(dataset.PhotometricInterpretation)
        if colours == "PALETTE COLOR":
            stored = (apply_color_lut(stored[..., 0], dataset) >> 8).astype(np.uint8)
        elif colours.startswith("YBR"):
            stored = convert_color_space(stored, colours, "RGB", per_frame=True)
        elif colours not in ("MONOCHROME1", "MONOCHROME2", "RGB"):
            raise UserError(f"{path} has pixels of the kind {colours}, which is not supported.")
        slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
        window = _window(dataset)
    if samples > 1 or colours == "PALETTE COLOR":
        return Picture(check_values(path, stored), format="DICOM", own=Slice(dataset, stored.dtype.name, 1, 0))
    own = Slice(dataset, stored.dtype.name, slope, intercept)
    values = _rescaled(stored, slope, intercept, int(dataset.get("BitsStored", bits)))
    return Picture(check_values(path, values), format="DICOM", window=window, own=own)


def write(picture: Picture, path: Path) -> bytes:
    """A file of the same class, geometry and display as what was read, new in its identifiers, without a name.

    It says that it is derived and synthetic. In other types or bands than the source's: a secondary capture. Equal
    values give equal bytes.
    """
    try:
        import pydicom
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian
    except ImportError as error:
        raise missing(path, "a DICOM file", "medical") from error
    own = picture.own if isinstance(picture.own, Slice) else None
    if picture.alpha is not None or picture.bands not in (1, 3) or picture.dtype.kind not in "iu":
        real = own is not None and picture.bands == 1 and picture.dtype.kind == "f"
        if not real or picture.alpha is not None:
            raise UserError(
                f"{path} cannot be written: DICOM holds integers in 1 or 3 bands, and this is "
                f"{picture.bands} × {picture.dtype}; choose another format, such as .tif."
            )
    before: Any = Dataset() if own is None else own.dataset
    # Of the same kind as the source; what became something else is a secondary capture.
    alike = own is not None and int(before.get("SamplesPerPixel", 1)) == picture.bands and _holds(own, picture)
    stored = _unscaled(picture.pages, own) if own is not None and alike else picture.pages
    if stored.dtype.itemsize > 2 or (picture.bands == 3 and stored.dtype != np.uint8):
        raise UserError(f"{path} cannot be written: DICOM holds 8 or 16 bits, and this is {stored.dtype}.")
    seed = hashlib.sha256(stored.tobytes() + str(before.get("SOPInstanceUID", "")).encode()).hexdigest()
    made = _anonymous(before, alike, seed)
    if own is None:
        made.Modality, made.BurnedInAnnotation = "OT", "NO"
    elif "BurnedInAnnotation" in before:  # of a source that does not say it, nobody looked
        made.BurnedInAnnotation = before.BurnedInAnnotation
    _set_pixels(made, stored, before, alike)
    meta: Any = FileMetaDataset()
    made.file_meta = meta
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(content, made, enforce_file_format=True)
    return content.getvalue()


def _anonymous(before: Any, alike: bool, seed: str) -> Any:
    """A dataset with what is `KEPT` of the one `before`, new identifiers that follow from it and `seed`, and that it is
    synthetic. `alike`: its values mean what those of the source do.
    """
    from pydicom.dataset import Dataset

    made: Any = Dataset()
    for element in before:
        if element.keyword in KEPT and (alike or element.keyword not in OF_VALUES):
            made[element.tag] = element
    made.SOPClassUID = before.get("SOPClassUID", SECONDARY_CAPTURE) if alike else SECONDARY_CAPTURE
    if made.SOPClassUID == SECONDARY_CAPTURE:
        made.ConversionType = "SYN"
    made.SOPInstanceUID = _identifier(seed)
    # One series stays one series, and one study one study; neither can be traced back.
    made.SeriesInstanceUID = _identifier("series" + str(before.get("SeriesInstanceUID", seed)))
    made.StudyInstanceUID = _identifier("study" + str(before.get("StudyInstanceUID", seed)))
    if before.get("FrameOfReferenceUID"):
        made.FrameOfReferenceUID = _identifier("frame" + str(before.FrameOfReferenceUID))
    made.PatientName, made.PatientID = "SYNTHETIC", "SYNTHETIC"
    made.PatientBirthDate = made.PatientSex = made.StudyTime = made.AccessionNumber = made.StudyID = ""
    made.ReferringPhysicianName = ""
    made.StudyDate = ""
    kinds = list(before.get("ImageType") or ["DERIVED", "SECONDARY"])
    made.ImageType = ["DERIVED", *kinds[1:]] if len(kinds) > 1 else ["DERIVED", "SECONDARY"]
    made.SeriesDescription = "SYNTHETIC: translated by a neural network"
    made.DerivationDescription = "Synthetic: translated by a neural network (unpaired). Not for diagnosis."
    made.ImageComments = "SYNTHETIC"
    made.PatientIdentityRemoved, made.DeidentificationMethod = "YES", "unpaired: all but geometry and display removed"
    return made


def _set_pixels(made: Any, stored: NDArray[Any], before: Any, alike: bool) -> None:
    """Give the dataset `made` the values (P, H, W, C), described as those of `before` where they are alike."""
    pages, height, width, bands = stored.shape
    made.Rows, made.Columns, made.SamplesPerPixel = height, width, bands
    if pages > 1:
        made.NumberOfFrames = pages
    grey = str(before.get("PhotometricInterpretation", "MONOCHROME2"))
    made.PhotometricInterpretation = "RGB" if bands == 3 else grey if grey.startswith("MONO") else "MONOCHROME2"
    bits = 8 * stored.dtype.itemsize
    keeps = alike and bands == 1 and bits == int(before.get("BitsAllocated", 0))
    made.BitsAllocated = bits
    made.BitsStored = int(before.BitsStored) if keeps else bits
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(stored.dtype.kind == "i")
    if bands == 3:
        made.PlanarConfiguration = 0
    raw = np.ascontiguousarray(stored, stored.dtype.newbyteorder("<")).tobytes()
    made.PixelData = raw + b"\0" * (len(raw) % 2)
    made["PixelData"].VR = "OB" if bits == 8 else "OW"


def _holds(own: Slice, picture: Picture) -> bool:
    """Whether values of this type are those that the source had (a palette's colours are not)."""
    if str(own.dataset.PhotometricInterpretation) == "PALETTE COLOR":
        return False
    bits = int(own.dataset.get("BitsStored", 16))
    probe = _rescaled(np.zeros((1,), own.dtype), own.slope, own.intercept, bits)
    return probe.dtype.kind == picture.dtype.kind or {probe.dtype.kind, picture.dtype.kind} == {"i", "f"}


def _rescaled(stored: NDArray[Any], slope: float, intercept: float, bits: int) -> NDArray[Any]:
    """Integers where slope and intercept are whole numbers, in the smallest signed type for all that `bits` can say:
    so all slices of a series have one type.
    """
    if (slope, intercept) == (1, 0):
        return stored
    if not (slope.is_integer() and intercept.is_integer()):
        return (stored * slope + intercept).astype(np.float32)
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if stored.dtype.kind == "i" else (0, 2**bits - 1)
    fits = all(-(2**15) <= end * slope + intercept < 2**15 for end in ends)
    return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(np.int16 if fits else np.int32)


def _unscaled(values: NDArray[Any], own: Slice) -> NDArray[Any]:
    """What is stored for these values, rounded and clipped to the source's bits."""
    dtype = np.dtype(own.dtype)
    if dtype.kind not in "iu":
        return values
    bits, signed = int(own.dataset.get("BitsStored", 8 * dtype.itemsize)), dtype.kind == "i"
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    stored = np.rint((values.astype(np.float64) - own.intercept) / own.slope)
    return np.clip(stored, low, high).astype(dtype)


def _window(dataset: Any) -> tuple[float, float] | None:
    """The first window: its least and greatest value (PS3.3, C.11.2.1.2)."""
    centre, width = dataset.get("WindowCenter"), dataset.get("WindowWidth")
    try:
        c, w = (float(v if isinstance(v, str | float | int) else v[0]) for v in (centre, width))
    except (TypeError, ValueError, IndexError):
        return None
    return (c - 0.5 - (w - 1) / 2, c - 0.5 + (w - 1) / 2) if w > 1 else None


def _identifier(seed: str) -> str:
    """A unique identifier that is always the same for one seed."""
    return f"{ROOT}.{int(hashlib.sha256(seed.encode()).hexdigest()[:31], 16)}"
