"""A translator that changes nothing gives back every value, whatever the format, depth and bands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import SMALL, Same

from unpaired.data.decode import encoded, picture_bytes
from unpaired.data.picture import Picture
from unpaired.errors import UserError
from unpaired.translation.translator import Translator
from unpaired.translation.values import fits, translated


def changing_nothing(**data: object) -> Translator:
    config = replace(SMALL, data=replace(SMALL.data, **data))  # type: ignore[arg-type]
    return Translator(config, {"a2b": Same, "b2a": Same}, device="cpu", precision="float32")


def there_and_back(picture: Picture, translator: Translator, kind: str) -> None:
    """Write, read, translate, write and read again: the values are the same."""
    source = picture_bytes(encoded(picture.pages, picture, kind), Path("source"))
    assert (source.pages == picture.pages).all()
    made = translated(translator, [source], "a2b")[0]
    again = picture_bytes(encoded(made.pages, made, kind), Path("again"))
    assert again.dtype == picture.dtype
    assert again.pages.shape == picture.pages.shape
    assert (again.pages == picture.pages).all()
    assert (again.alpha is None) == (picture.alpha is None)
    if again.alpha is not None and picture.alpha is not None:
        assert (again.alpha == picture.alpha).all()


PHOTO = {"PNG": ("uint8", "uint16"), "TIFF": ("uint8",), "BMP": ("uint8",), "PPM": ("uint8", "uint16")}


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from(sorted(PHOTO)), deep=st.booleans(), bands=st.sampled_from([1, 3]), alpha=st.booleans(),
    height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 999),
)  # fmt: skip
def test_pictures_through_a_run_of_pictures(
    kind: str, deep: bool, bands: int, alpha: bool, height: int, width: int, seed: int
) -> None:
    dtype = PHOTO[kind][-1 if deep else 0]
    random = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    pages = random.integers(0, top, (1, height, width, bands), dtype, endpoint=True)
    clear = random.integers(0, top, (1, height, width), dtype, endpoint=True) if alpha and kind in ("PNG",) else None
    if clear is not None:  # what is nearly invisible can't be told apart below the background
        clear = np.where(clear < top // 4, 0, clear).astype(dtype)
    there_and_back(Picture(pages, clear, kind), changing_nothing(), kind)


def test_a_picture_that_is_none_of_the_domains_is_told() -> None:
    photos, scans = changing_nothing(), changing_nothing(channels_a=1, dtype_a="int16", range_a=(-1000.0, 2000.0))
    assert "holds values of int16, and the run was trained on 8-bit pictures" in str(
        fits(photos.config.data, Picture(np.zeros((1, 4, 4, 1), np.int16)), "a2b")
    )
    assert "12 bands of uint16, and domain A of the run 3" in str(
        fits(photos.config.data, Picture(np.zeros((1, 4, 4, 12), np.uint16)), "a2b")
    )
    assert "holds values of uint8, and domain A of the run int16" in str(
        fits(scans.config.data, Picture(np.zeros((1, 4, 4, 1), np.uint8)), "a2b")
    )
    assert fits(scans.config.data, Picture(np.zeros((1, 4, 4, 1), np.float32)), "a2b") is None
    with pytest.raises(UserError, match="The picture holds values of int16"):
        translated(photos, [Picture(np.zeros((1, 4, 4, 1), np.int16))], "a2b")


def test_the_type_and_range_of_the_other_domain() -> None:
    """From 12 bits to hundreds of Hounsfield units, linearly."""
    translator = changing_nothing(
        channels_a=1, dtype_a="uint16", range_a=(0.0, 4095.0), channels_b=1, dtype_b="int16", range_b=(-1000.0, 1000.0)
    )
    values = np.random.default_rng(0).integers(0, 4096, (2, 8, 8, 1), np.uint16)
    made = translated(translator, [Picture(values)], "a2b")[0]
    assert made.dtype == np.int16
    assert np.abs(made.pages - (values / 4095 * 2000 - 1000)).max() <= 0.5
    assert (translated(translator, [made], "b2a")[0].pages.astype(int) - values).max() <= 2


def test_what_a_run_can_not_see_is_said() -> None:
    translator = changing_nothing(channels_a=1, channels_b=1, dtype_a="uint16", dtype_b="uint16",
                                  range_a=(100.0, 1000.0), range_b=(100.0, 1000.0))  # fmt: skip
    values = np.full((1, 8, 8, 1), 500, np.uint16)
    values[0, :2] = 60_000
    made = translated(translator, [Picture(values)], "a2b")[0]
    assert "values that lie beyond the run's 100 to 1000 were clipped (less than 50 % of all)" in made.notes
    assert made.pages.max() == 1000
    assert (made.pages[0, 2:] == 500).all()


def test_pages_go_through_like_pictures() -> None:
    pages = np.random.default_rng(0).integers(0, 256, (7, 8, 12, 3), np.uint8)
    made = translated(changing_nothing(), [Picture(pages), Picture(pages[:1])], "a2b", batch=2)
    assert (made[0].pages == pages).all()
    assert (made[1].pages == pages[:1]).all()


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from(["TIFF", "NPY", "NPZ"]), dtype=st.sampled_from(["uint8", "uint16", "int16", "int32"]),
    bands=st.sampled_from([1, 2, 3, 4, 12]), pages=st.sampled_from([1, 3]),
    height=st.integers(14, 20), width=st.integers(14, 20), seed=st.integers(0, 999),
)  # fmt: skip
def test_values_through_a_run_of_values(
    kind: str, dtype: str, bands: int, pages: int, height: int, width: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    low, high = max(info.min, -4_000_000), min(info.max, 4_000_000)
    values = random.integers(low, high, (pages, height, width, bands), dtype, endpoint=True)
    numbers = (float(low), float(high))
    translator = changing_nothing(channels_a=bands, channels_b=bands, dtype_a=dtype, dtype_b=dtype,
                                  range_a=numbers, range_b=numbers)  # fmt: skip
    there_and_back(Picture(values, None, kind), translator, kind)
