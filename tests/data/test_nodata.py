"""Places without data: networks see none of them, and translations have them where they were."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from unpaired.data.decode import read_picture, write_picture
from unpaired.data.formats import nodata
from unpaired.errors import UserError

tifffile = pytest.importorskip("tifffile")


def raster(path: Path, values: np.ndarray[Any, Any], nothing: str) -> Path:
    tag = (nodata.TAG, 2, len(nothing) + 1, nothing, True)
    layout = {"planarconfig": "contig"} if values.ndim == 3 else {}
    tifffile.imwrite(path, values, photometric="minisblack", metadata=None, extratags=[tag], **layout)
    return path


@pytest.mark.parametrize(
    ("dtype", "nothing"),
    [("uint8", "0"), ("uint16", "65535"), ("int16", "-9999"), ("float32", "nan"),
     ("float32", "-3.4028234663852886e+38"), ("float32", "-9999")],
)  # fmt: skip
@pytest.mark.parametrize("bands", [1, 4])
def test_holes_are_filled_for_the_network_and_come_back(tmp_path: Path, dtype: str, nothing: str, bands: int) -> None:
    values = np.random.default_rng(0).integers(10, 90, (12, 14, bands)).astype(dtype)
    hole = np.dtype(dtype).type(float(nothing))
    values[2:7, 3:9] = hole
    values[0, 0, 0] = hole  # of one band only
    picture = read_picture(raster(tmp_path / "in.tif", np.squeeze(values), nothing))
    shown = picture.pages[0]
    there = values != hole if not math.isnan(hole) else ~np.isnan(values)
    assert (shown[there] == values[there]).all()
    assert shown.min() >= 10
    assert shown.max() < 90
    assert shown[4, 4, 0] == pytest.approx(values[..., 0][there[..., 0]].mean(), abs=0.5)
    assert picture.notes == (nodata.NOTE,)
    write_picture(picture.pages, picture, tmp_path / "out.tif")
    assert np.array_equal(np.squeeze(values), tifffile.imread(tmp_path / "out.tif"), equal_nan=dtype == "float32")


def test_other_bands_and_types_than_the_source(tmp_path: Path) -> None:
    """12 bands with −9999 become colours of 8 bits: 0 stands for none, and values that are 0 by chance do not."""
    values = np.random.default_rng(0).integers(10, 90, (12, 14, 12), np.int16)
    values[2:7, 3:9] = -9999
    values[0, 0, :11] = -9999
    picture = read_picture(raster(tmp_path / "in.tif", values, "-9999"))
    write_picture(np.zeros((12, 14, 3), np.uint8), picture, tmp_path / "out.tif")
    made = tifffile.imread(tmp_path / "out.tif")
    assert (made[2:7, 3:9] == 0).all()
    assert (made == 0).sum() == 5 * 6 * 3
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages[0].tags[nodata.TAG].value == "0"
    write_picture(picture.pages[..., :3].astype(np.uint8), picture, tmp_path / "out.png")  # which has no such thing


def test_a_raster_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no data: all of its values are -9999, which stands for none"):
        read_picture(raster(tmp_path / "in.tif", np.full((8, 8), -9999, np.int16), "-9999"))


@pytest.mark.parametrize("text", ["", "none", "-9999", "0.5"])
def test_a_value_that_none_can_have_stands_for_nothing(tmp_path: Path, text: str) -> None:
    values = np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8)
    picture = read_picture(raster(tmp_path / "in.tif", values, text or " "))
    assert (picture.pages[0, ..., 0] == values).all()
    assert picture.notes == ()


@given(
    arrays.arrays(np.int16, (4, 5, 2)), arrays.arrays(np.bool_, (4, 5, 2)),
    st.one_of(st.integers(-(2**15), 2**15 - 1), st.just(0)),
)  # fmt: skip
def test_no_data_is_where_it_was_and_nowhere_else(
    values: np.ndarray[Any, Any], absent: np.ndarray[Any, Any], nothing: int
) -> None:
    made = nodata.emptied(values, absent, nothing)
    assert ((made == nothing) == absent).all()
    assert (np.abs(made[~absent].astype(int) - values[~absent]) <= 1).all()
    again = nodata.absent_in(made, nothing)
    assert (again is None and not absent.any()) or (again == absent).all()
